"""ADE20K, as its scene parsing and instance challenges have it (Zhou et al. 2017).

images/SPLIT/*.jpg   annotations/SPLIT/*.png   annotations_instance/SPLIT/*.png. The annotations
hold 0 = other, 1..150; the instances hold their own category, 1..100, in red and the number of the
object in green (https://github.com/CSAILVision/placeschallenge).
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from pandiff.coco import open_image
from pandiff.errors import InputError
from pandiff.panoptic import PanopticMap
from pandiff.synthesis.importers.ade20k_classes import ADE20K, INSTANCE_CLASSES, synonyms
from pandiff.synthesis.importers.painting import check_categories, read_mask, to_panoptic
from pandiff.synthesis.importers.source import Listed, choose_split, images_below, renumbering
from pandiff.taxonomy import Taxonomy


class Ade20k(Listed):
    """The 150 classes of ADE20K, a hundred of them things.

    Where the two annotations disagree, that of the instances counts. A thing's pixels that belong
    to no instance are a crowd.

    Args:
        path: the folder with `images`, `annotations` and perhaps `annotations_instance`.
        taxonomy: classes to keep, by any of their names; all 150 if None.
        split: training or validation; may be None where there is but one.
        components: where there is no `annotations_instance`, the touching pixels of a thing are one
            instance; they are crowds otherwise.

    Raises:
        InputError: if a folder is missing.
    """

    def __init__(
        self,
        path: Path,
        *,
        taxonomy: Taxonomy | None = None,
        split: str | None = None,
        components: bool = False,
    ) -> None:
        split = choose_split(path / "images", split)
        super().__init__(images_below(path / "images" / split))
        self.taxonomy, self._components = taxonomy or ADE20K, components
        self._table = renumbering(synonyms(), self.taxonomy)
        self._semantic = path / "annotations" / split
        instances = path / "annotations_instance" / split
        self._instances = instances if instances.is_dir() else None

    def panoptic(self, k: int) -> PanopticMap:
        name = f"{self.image(k).stem}.png"
        classes = read_mask(self._semantic / name)
        check_categories(classes, ADE20K, self._semantic / name)
        if self._instances is None and self._components:
            return PanopticMap.from_semantic(self._table[classes], self.taxonomy)
        numbers = np.zeros_like(classes)
        if self._instances is not None:
            classes, numbers = _with_instances(classes, self._instances / name)
        return to_panoptic(self._table[classes], numbers, self.taxonomy)


def _with_instances(classes: np.ndarray, path: Path) -> tuple[np.ndarray, np.ndarray]:
    """(H, W) classes with those of the instances on top, and (H, W) numbers of objects."""
    image = open_image(path)
    if image.mode != "RGB" or image.size != classes.shape[::-1]:
        size = f"{classes.shape[1]} x {classes.shape[0]}"
        got = f"{image.mode}, {image.width} x {image.height}"
        raise InputError(f"an RGB mask {path} of {size} px", got, "replace the file")
    red, numbers, _ = np.moveaxis(np.asarray(image), 2, 0).astype(np.int64)
    if red.max(initial=0) >= len(INSTANCE_CLASSES):
        got = str(red.max())
        raise InputError(f"classes 0..100 in the red of {path}", got, "replace the file")
    counted = (numbers > 0) & (red > 0)
    top = np.where(counted, np.array(INSTANCE_CLASSES)[red], classes)
    return top, np.where(counted, numbers, 0)
