"""COCO instances: things alone, their masks run-length encoded.

train/*   annotations/instances_train.json   annotations/captions_train.json, and the same of val
(https://cocodataset.org/#format-data, "Object Detection").
"""

from __future__ import annotations

from typing import Any

import numpy as np

from pandiff.coco import segment_to_coco
from pandiff.errors import InputError
from pandiff.panoptic import PanopticMap, Segment
from pandiff.synthesis.exporters.coco_panoptic import Captions, image_record
from pandiff.synthesis.exporters.exporter import Exporter, Sample, Target
from pandiff.synthesis.exporters.extras import extra
from pandiff.synthesis.exporters.json_lists import JsonLists


class CocoInstances(Exporter):
    """Writes COCO instances; crowds have `iscrowd` 1, category ids stay."""

    def __init__(self, target: Target) -> None:
        super().__init__(target)
        check_things(target)
        self._mask = extra("pycocotools.mask", "eval")
        self._captions = Captions(target)
        self._files = {
            split: JsonLists(
                target.out / f"annotations/instances_{split}.json",
                ("images", "annotations", "categories"),
            )
            for split in target.splits
        }
        for file in self._files.values():
            for category in target.taxonomy.to_coco():
                if category["isthing"]:
                    file.add("categories", category)

    def add(self, sample: Sample) -> None:
        self.target.place(sample, sample.split)
        self._captions.add(sample)
        self.annotate(sample)

    def annotate(self, sample: Sample) -> None:
        """Write all but the image and its captions."""
        file = self._files[sample.split]
        file.add("images", image_record(sample))
        for segment in things(sample.panoptic):
            number = file.next_id("annotations")
            rle = self._encode(sample.panoptic.mask(segment.id))
            own = {"id": number, "image_id": sample.id, "segmentation": rle}
            file.add("annotations", segment_to_coco(segment) | own)

    def _encode(self, mask: np.ndarray) -> dict[str, Any]:
        rle = self._mask.encode(np.asfortranarray(mask, dtype=np.uint8))
        return {"size": list(mask.shape), "counts": rle["counts"].decode("ascii")}

    def close(self) -> None:
        self._captions.close()
        for file in self._files.values():
            file.close()


def things(panoptic: PanopticMap) -> list[Segment]:
    """The segments of a map that are things, crowds included."""
    return [s for s in panoptic.segments if panoptic.taxonomy.by_id(s.category_id).isthing]


def check_things(target: Target) -> None:
    """InputError if a format of instances would have no category."""
    if not target.things:
        raise InputError("a taxonomy with things", "stuff alone", "choose the format semantic")
