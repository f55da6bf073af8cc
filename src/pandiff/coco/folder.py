"""The reader of dataset folders."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from PIL import Image

from pandiff.coco.files import malformed, open_image, read_json
from pandiff.coco.layout import CocoLayout
from pandiff.coco.pixels import png_to_ids
from pandiff.errors import InputError
from pandiff.panoptic import PanopticMap, Segment, measure
from pandiff.rgb import to_rgb
from pandiff.taxonomy import Taxonomy


class ImageRecord(NamedTuple):
    """One image of a dataset; width and height in pixels."""

    id: int
    file_name: str
    width: int
    height: int


class _Annotation(NamedTuple):
    """One image's entry in `annotations`, small enough to hold a hundred thousand of them."""

    image_id: int
    file_name: str
    segments: np.ndarray
    """(n, 4) float64: id, category_id, iscrowd, score."""


class PanopticFolder:
    """A dataset on disk. Opening reads the panoptic .json alone; pixels are read when asked for.

    Attributes:
        layout: where the files lie.
        taxonomy: what the category ids mean.
        images: a record for each image, in the order of the file.

    Raises:
        InputError: if the JSON cannot be read, or an image has no map (`pandiff validate` tells
            more).
    """

    def __init__(self, layout: CocoLayout) -> None:
        self.layout = layout
        content = read_json(layout.panoptic_json, _compact)
        try:
            self.taxonomy = Taxonomy.from_coco(content["categories"])
            self.images: tuple[ImageRecord, ...] = tuple(content["images"])
            by_image = {a.image_id: a for a in content["annotations"]}
            self._annotations: list[_Annotation] = [by_image[i.id] for i in self.images]
        except (KeyError, TypeError, AttributeError) as error:
            raise malformed(layout.panoptic_json, error) from None

    @classmethod
    def open(cls, path: str | Path, split: str | None = None) -> PanopticFolder:
        """Open a dataset folder of either layout, or a panoptic .json; see `CocoLayout.find`."""
        return cls(CocoLayout.find(path, split))

    def __len__(self) -> int:
        return len(self.images)

    def image(self, i: int) -> Image.Image:
        """Image i as RGB; InputError if it cannot be read."""
        return to_rgb(open_image(self.layout.images / self.images[i].file_name))

    def map_path(self, i: int) -> Path:
        """Where the PNG of image i's map lies; its name may be another than the image's."""
        return self.layout.maps / self._annotations[i].file_name

    def panoptic(self, i: int) -> PanopticMap:
        """The map of image i, its segments in the file's order, areas and boxes measured.

        Raises:
            InputError: if the PNG cannot be read, or has an id or category that is not declared.
        """
        annotation = self._annotations[i]
        ids = png_to_ids(open_image(self.map_path(i)))
        measured = {k: (area, box) for k, area, box in zip(*measure(ids), strict=True)}
        segments = tuple(
            Segment(int(k), int(category), *measured[int(k)], float(score), bool(crowd))
            for k, category, crowd, score in annotation.segments
            if int(k) in measured
        )
        undeclared = measured.keys() - {s.id for s in segments}
        if undeclared:
            raise InputError(
                f"every id of {annotation.file_name} in its segments_info",
                f"none for {min(undeclared)}",
                "run pandiff validate",
            )
        return PanopticMap(ids, segments, self.taxonomy)

    def category_ids(self, i: int) -> list[int]:
        """The category of every segment of image i but crowds; no pixel is read."""
        return [int(c) for _, c, crowd, _ in self._annotations[i].segments if not crowd]

    def captions(self, i: int) -> list[str]:
        """The captions of image i, in the file's order; empty if there are none."""
        return list(self._captions.get(self.images[i].id, ()))

    @cached_property
    def _captions(self) -> dict[int, list[str]]:
        path = self.layout.captions_json
        captions: dict[int, list[str]] = {}
        if path.is_file():
            try:
                for entry in read_json(path)["annotations"]:
                    captions.setdefault(entry["image_id"], []).append(entry["caption"])
            except (KeyError, TypeError) as error:
                raise malformed(path, error) from None
        return captions


def _compact(entry: dict[str, Any]) -> Any:
    """Shrink each object while the JSON is parsed, so that COCO's 118k images fit in little."""
    if "segments_info" in entry:
        rows = np.array(entry["segments_info"], dtype=np.float64).reshape(-1, 4)
        return _Annotation(entry["image_id"], entry["file_name"], rows)
    if "category_id" in entry:
        score = entry.get("score", 1.0)
        return entry["id"], entry["category_id"], entry.get("iscrowd", 0), score
    if "width" in entry:
        return ImageRecord(entry["id"], entry["file_name"], entry["width"], entry["height"])
    return entry
