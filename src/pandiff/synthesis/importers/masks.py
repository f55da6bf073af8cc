"""Folders of semantic and instance masks.

images/*   semantic/*.png   instances/*.png, files of one stem belong together.
"""

from __future__ import annotations

from functools import cached_property
from pathlib import Path

import numpy as np

from pandiff.errors import InputError
from pandiff.panoptic import PanopticMap
from pandiff.synthesis.importers.painting import check_categories, read_mask, to_panoptic
from pandiff.synthesis.importers.source import Listed, images_below
from pandiff.taxonomy import VOID, Taxonomy

IGNORE = 255
"""Void, where values count from 0."""


class Masks(Listed):
    """Semantic masks, with or without instance masks.

    Args:
        path: the folder with `images`, `semantic` and perhaps `instances`.
        taxonomy: what the values of the semantic masks mean.
        train_ids: the values are 0..K-1 in the taxonomy's order and 255 is void, instead of
            category ids with void 0.
        components: where there are no instance masks, the touching pixels of a thing are one
            instance; they are crowds otherwise.

    Raises:
        InputError: if a folder is missing, two masks have one stem, an image has no mask, or there
            are more categories than train ids.
    """

    def __init__(
        self, path: Path, *, taxonomy: Taxonomy, train_ids: bool = False, components: bool = False
    ) -> None:
        if train_ids and len(taxonomy) > IGNORE:
            got, remedy = str(len(taxonomy)), "write category ids, without --train-ids"
            raise InputError(f"at most {IGNORE} categories with --train-ids", got, remedy)
        super().__init__(images_below(path / "images"))
        self.path, self.taxonomy = path, taxonomy
        self._train_ids, self._components = train_ids, components
        self._semantic = self._masks("semantic")
        self._instances = self._masks("instances") if (path / "instances").is_dir() else []

    def _masks(self, kind: str) -> list[str]:
        """The mask of each image in a folder that has no other."""
        masks: dict[str, str] = {}
        for mask in images_below(self.path / kind):
            if (other := masks.setdefault(Path(mask).stem, mask)) is not mask:
                raise InputError("masks of different stems", f"{mask} beside {other}", "rename one")
        stems = [Path(image).stem for image in self._images]
        for odd in sorted(masks.keys() ^ stems):
            missing = self.path / ("images" if odd in masks else kind) / f"{odd}.*"
            raise InputError(f"the file {missing}", "none", "add it or remove what belongs to it")
        return [masks[stem] for stem in stems]

    @cached_property
    def _ids(self) -> np.ndarray:
        """(256,) the category id of each train id."""
        table = np.full(IGNORE + 1, -1, np.int64)
        table[: len(self.taxonomy)] = self.taxonomy.category_ids[1 : IGNORE + 1]
        table[IGNORE] = VOID
        return table

    def panoptic(self, k: int) -> PanopticMap:
        path = Path(self._semantic[k])
        semantic = read_mask(path)
        if self._train_ids:
            semantic = self._from_train_ids(semantic, path)
        check_categories(semantic, self.taxonomy, path)
        if self._instances:
            return to_panoptic(semantic, self._numbers(k, semantic), self.taxonomy)
        if self._components:
            return PanopticMap.from_semantic(semantic, self.taxonomy)
        return to_panoptic(semantic, np.zeros_like(semantic), self.taxonomy)

    def _from_train_ids(self, values: np.ndarray, path: Path) -> np.ndarray:
        odd = values[(values >= len(self.taxonomy)) & (values != IGNORE)]
        if odd.size:
            known = f"0..{len(self.taxonomy) - 1} or {IGNORE} in {path}"
            raise InputError(known, str(odd[0]), "check the taxonomy")
        return self._ids[values]

    def _numbers(self, k: int, semantic: np.ndarray) -> np.ndarray:
        path = Path(self._instances[k])
        numbers = read_mask(path)
        if numbers.shape != semantic.shape:
            height, width = semantic.shape
            got = f"{numbers.shape[1]} x {numbers.shape[0]}"
            raise InputError(f"{path} of {width} x {height} px, as the other mask", got, "mend it")
        return numbers
