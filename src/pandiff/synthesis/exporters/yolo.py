"""YOLO segmentation, as Ultralytics reads it.

images/train/*   labels/train/*.txt   data.yaml, and the same of val. A line of a label file is
`class x1 y1 x2 y2 ...`, in 0..1 of width and height
(https://docs.ultralytics.com/datasets/segment/).
"""

from __future__ import annotations

import json

import numpy as np

from pandiff.synthesis.exporters.coco_instances import check_things, things
from pandiff.synthesis.exporters.exporter import Exporter, Sample, Target
from pandiff.synthesis.exporters.outlines import drawn_in, joined, rings
from pandiff.synthesis.exporters.placing import new_file

ROOM = 0.01
"""Pixels by which outlines are drawn in, so that a rasteriser which truncates coordinates and fills
the border too, as OpenCV's and Pillow's do, gives back the very mask."""


class Yolo(Exporter):
    """Writes one polygon a thing, along the borders of its pixels.

    The format has one polygon an object, so parts and holes are joined to it by bridges of no
    width, as Ultralytics' own converter does. Crowds and stuff have no place in the format.
    """

    def __init__(self, target: Target) -> None:
        super().__init__(target)
        check_things(target)
        self._classes = {c.id: k for k, c in enumerate(target.things)}

    def add(self, sample: Sample) -> None:
        self.target.place(sample, f"images/{sample.split}")
        labels = self.target.out / f"labels/{sample.split}"
        path = new_file(labels / sample.name.with_suffix(".txt"), sample.name)
        path.write_text("".join(self._lines(sample)), encoding="utf-8")

    def _lines(self, sample: Sample) -> list[str]:
        panoptic = sample.panoptic
        return [
            f"{self._classes[s.category_id]} {_numbers(polygon / panoptic.size)}\n"
            for s in things(panoptic)
            if not s.is_crowd
            for polygon in [outline(panoptic.ids, s.id, s.bbox)]
        ]

    def close(self) -> None:
        names = [f"  {k}: {_quoted(c.name)}\n" for k, c in enumerate(self.target.things)]
        val = self.target.splits[-1]
        note = "" if val == "val" else "  # no image was set aside: the training set once more"
        text = f"train: images/train\nval: images/{val}{note}\nnames:\n{''.join(names)}"
        (self.target.out / "data.yaml").write_text(text, encoding="utf-8")


def _quoted(name: str) -> str:
    """A name as YAML has it; unlike JSON, YAML knows no surrogate pairs."""
    return json.dumps(name, ensure_ascii=False)


def outline(ids: np.ndarray, segment_id: int, bbox: tuple[int, int, int, int]) -> np.ndarray:
    """(n, 2) float64: one polygon of a segment in pixels, drawn in by `ROOM`."""
    x, y, width, height = bbox
    mask = ids[y : y + height, x : x + width] == segment_id
    polygon = joined([drawn_in(ring, ROOM) for ring in rings(mask)])
    return polygon + np.array([x, y])


def _numbers(polygon: np.ndarray) -> str:
    return " ".join(f"{v:.6f}" for v in polygon.ravel().tolist())
