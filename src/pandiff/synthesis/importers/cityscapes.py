"""Cityscapes: leftImg8bit/SPLIT/CITY/*.png and gtFine/SPLIT/CITY/*_gtFine_instanceIds.png.

A value of 1000 or more is 1000 * class + n, a counted thing; below it is a class, and where that is
a thing, a group that nobody has counted
(https://github.com/mcordts/cityscapesScripts, `helpers/labels.py`).
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from pandiff.errors import InputError
from pandiff.panoptic import PanopticMap
from pandiff.synthesis.importers.painting import read_mask, to_panoptic
from pandiff.synthesis.importers.source import Listed, choose_split, images_below, renumbering
from pandiff.taxonomy import VOID, Category, Taxonomy

IMAGE, MASK = "_leftImg8bit.png", "_gtFine_instanceIds.png"

CITYSCAPES = Taxonomy(
    (
        Category(7, "road", False, (128, 64, 128), "flat"),
        Category(8, "sidewalk", False, (244, 35, 232), "flat"),
        Category(11, "building", False, (70, 70, 70), "construction"),
        Category(12, "wall", False, (102, 102, 156), "construction"),
        Category(13, "fence", False, (190, 153, 153), "construction"),
        Category(17, "pole", False, (153, 153, 153), "object"),
        Category(19, "traffic light", False, (250, 170, 30), "object"),
        Category(20, "traffic sign", False, (220, 220, 0), "object"),
        Category(21, "vegetation", False, (107, 142, 35), "nature"),
        Category(22, "terrain", False, (152, 251, 152), "nature"),
        Category(23, "sky", False, (70, 130, 180), "sky"),
        Category(24, "person", True, (220, 20, 60), "human"),
        Category(25, "rider", True, (255, 0, 0), "human"),
        Category(26, "car", True, (0, 0, 142), "vehicle"),
        Category(27, "truck", True, (0, 0, 70), "vehicle"),
        Category(28, "bus", True, (0, 60, 100), "vehicle"),
        Category(31, "train", True, (0, 80, 100), "vehicle"),
        Category(32, "motorcycle", True, (0, 0, 230), "vehicle"),
        Category(33, "bicycle", True, (119, 11, 32), "vehicle"),
    )
)
"""The 19 evaluated classes; ids and colors are those of the dataset."""


class Cityscapes(Listed):
    """The fine annotations of Cityscapes; what is not evaluated is void.

    Args:
        path: the folder with `leftImg8bit` and `gtFine`.
        taxonomy: classes to keep, by their names; the 19 evaluated ones if None.
        split: train or val; may be None where there is but one.

    Raises:
        InputError: if a folder or an annotation is missing.
    """

    def __init__(
        self, path: Path, *, taxonomy: Taxonomy | None = None, split: str | None = None
    ) -> None:
        split = choose_split(path / "leftImg8bit", split)
        folder = path / "leftImg8bit" / split
        super().__init__([p for p in images_below(folder) if p.endswith(IMAGE)])
        if not len(self):
            raise InputError(f"images *{IMAGE} below {folder}", "none", "check the layout")
        self.taxonomy = taxonomy or CITYSCAPES
        native = {c.name: c.id for c in CITYSCAPES.categories}
        self._table = renumbering(native, self.taxonomy)
        self._fine = path / "gtFine" / split

    def _mask(self, k: int) -> Path:
        image = self.image(k)
        return self._fine / image.parent.name / (image.name.removesuffix(IMAGE) + MASK)

    def panoptic(self, k: int) -> PanopticMap:
        values = read_mask(self._mask(k))
        counted = values >= 1000
        classes = np.where(counted, values // 1000, values)
        known = (classes >= 0) & (classes < len(self._table))
        semantic = np.where(known, self._table[np.where(known, classes, 0)], VOID)
        return to_panoptic(semantic, np.where(counted, values % 1000 + 1, 0), self.taxonomy)
