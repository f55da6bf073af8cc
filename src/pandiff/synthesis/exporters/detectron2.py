"""A folder for detectron2 and what is built on it, Mask2Former first, with its registration.

train/*   annotations/panoptic_train.json   annotations/panoptic_train/*.png
annotations/instances_train.json   annotations/semantic_train/*.png   register_dataset.py
and the same of val.
"""

from __future__ import annotations

from importlib import resources

import numpy as np

from pandiff.synthesis.exporters.coco_instances import CocoInstances
from pandiff.synthesis.exporters.coco_panoptic import CocoPanoptic
from pandiff.synthesis.exporters.exporter import Exporter, Sample, Target
from pandiff.synthesis.exporters.semantic import IGNORE, check_bytes, write_mask


class Detectron2(Exporter):
    """Writes COCO panoptic, COCO instances and semantic PNGs, numbered as detectron2 numbers.

    Contiguous class ids begin with the things, for an instance head counts from 0.
    """

    def __init__(self, target: Target) -> None:
        super().__init__(target)
        check_bytes(target)
        self._panoptic, self._instances = CocoPanoptic(target), CocoInstances(target)
        isthing = target.taxonomy.isthing[1:]
        ranks = np.empty(len(isthing), np.uint8)
        ranks[np.argsort(~isthing, kind="stable")] = np.arange(len(isthing))
        self._values = np.concatenate([[IGNORE], ranks]).astype(np.uint8)

    def add(self, sample: Sample) -> None:
        self._panoptic.add(sample)
        self._instances.annotate(sample)
        write_mask(self.target, f"annotations/semantic_{sample.split}", sample, self._values)

    def close(self) -> None:
        self._panoptic.close()
        self._instances.close()
        text = resources.files("pandiff.synthesis.exporters").joinpath("register_dataset.py")
        (self.target.out / "register_dataset.py").write_bytes(text.read_bytes())
