"""COCO instances: boxes and masks of things. What they do not cover is void.

SPLIT/*   annotations/instances_SPLIT.json   [annotations/captions_SPLIT.json], or any .json beside
`images/` (https://cocodataset.org/#format-data, "Object Detection").
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from pandiff.coco.files import malformed
from pandiff.errors import InputError
from pandiff.panoptic import PanopticMap
from pandiff.synthesis.exporters.extras import extra
from pandiff.synthesis.exporters.json_index import JsonIndex
from pandiff.synthesis.exporters.placing import inside
from pandiff.synthesis.importers.source import renumbering
from pandiff.taxonomy import VOID, Taxonomy

Shape = tuple[int, int]


class CocoInstances:
    """A COCO instances file; its annotations stay on disk.

    Where masks overlap, the smaller lies on top; crowds lie below all. Category ids that begin at 0
    are raised by one, for 0 is void. Masks of one category of stuff, if there is any, are one.

    Args:
        path: the .json, or the folder with `annotations/instances_SPLIT.json`.
        taxonomy: categories to keep, by their names; those of the file if None, all things unless
            it says otherwise.
        split: may be None where there is but one.
        images: the folder of the images, where it is neither `SPLIT` nor `images`.

    Raises:
        InputError: if there is no such file, or it is malformed.
    """

    def __init__(
        self,
        path: Path,
        *,
        taxonomy: Taxonomy | None = None,
        split: str | None = None,
        images: Path | None = None,
    ) -> None:
        self.path = path if path.is_file() else _choose(path, split)
        split = self.path.stem.removeprefix("instances").removeprefix("_")
        captions = self.path.with_name(f"captions_{split}.json" if split else "captions.json")
        self.captions_json = captions if captions.is_file() else None
        self._mask = extra("pycocotools.mask", "eval")
        index = JsonIndex(self.path, {"images": "id", "annotations": "image_id"})
        self._records, self._annotations = index.places["images"], index.places["annotations"]
        own, ids = self._own(index.kept)
        self.taxonomy = taxonomy or own
        table = renumbering({c.name: c.id for c in own.categories}, self.taxonomy)
        self._categories = {k: int(table[number]) for k, number in ids.items()}
        self._folder = images or _images_dir(self.path, split)

    def __len__(self) -> int:
        return len(self._records)

    def image(self, k: int) -> Path:
        return self._folder / inside(self._value(self._records[k], "file_name"))

    def _value(self, entry: Any, key: str) -> Any:
        try:
            return entry[key]
        except (KeyError, TypeError) as error:
            raise malformed(self.path, error) from None

    def _own(self, native: list[Any]) -> tuple[Taxonomy, dict[int, int]]:
        """The file's categories with ids from 1, and the new id of each."""
        try:
            shift = max(0, 1 - min(c["id"] for c in native))
            entries = [{"isthing": 1, **c, "id": c["id"] + shift} for c in native]
            return Taxonomy.from_coco(entries), {c["id"]: c["id"] + shift for c in native}
        except (KeyError, TypeError, ValueError) as error:
            raise malformed(self.path, error) from None

    def panoptic(self, k: int) -> PanopticMap:
        record, key = self._records[k], int(self._records.keys[k])
        shape = self._value(record, "height"), self._value(record, "width")
        ids = np.zeros(shape, np.int32)
        categories: dict[int, int] = {}
        crowds: list[int] = []
        stuff: dict[int, int] = {}
        for number, (annotation, mask) in enumerate(self._masks(key, shape), start=1):
            category = self._categories[annotation["category_id"]]
            if not self.taxonomy.by_id(category).isthing:
                number = stuff.setdefault(category, number)
            elif annotation.get("iscrowd", 0):
                crowds.append(number)
            ids[mask] = number
            categories[number] = category
        return PanopticMap.from_ids(ids, categories, self.taxonomy, crowds=crowds)

    def _masks(self, key: int, shape: Shape) -> list[tuple[Mapping[str, Any], np.ndarray]]:
        """The annotations of an image and their masks, from the lowest to the topmost."""
        kept = (a for a in self._annotations.of(key) if self._is_kept(a))
        found = [(a, self._decode(a, shape)) for a in kept]
        return sorted(found, key=lambda f: (not f[0].get("iscrowd", 0), -int(f[1].sum())))

    def _is_kept(self, annotation: Mapping[str, Any]) -> bool:
        category = annotation.get("category_id")
        if category not in self._categories:
            where = f"annotation {annotation.get('id')} of {self.path}"
            raise InputError(f"a category of the file in {where}", str(category), "add it")
        return self._categories[category] != VOID

    def _decode(self, annotation: Mapping[str, Any], shape: Shape) -> np.ndarray:
        """(H, W) bool: the mask of polygons, of a compressed or of an uncompressed RLE."""
        try:
            rle = self._rle(annotation["segmentation"], shape)
            mask = self._mask.decode(rle).astype(bool)
        except (KeyError, TypeError, ValueError, IndexError):
            mask = np.zeros((0, 0), bool)
        if mask.shape != shape:
            raise InputError(
                f"polygons or an RLE of {shape[1]} x {shape[0]} px in {self.path}",
                f"neither in annotation {annotation.get('id')}",
                "mend or remove it",
            )
        return mask

    def _rle(self, segmentation: Any, shape: Shape) -> Any:
        if isinstance(segmentation, list):
            polygons = [p for p in segmentation if len(p) >= 6]  # of fewer points there is no area
            return self._mask.merge(self._mask.frPyObjects(polygons, *shape))
        if isinstance(segmentation["counts"], list):
            return self._mask.frPyObjects(segmentation, *segmentation["size"])
        return {**segmentation, "counts": segmentation["counts"].encode("ascii")}


def _choose(folder: Path, split: str | None) -> Path:
    found = {
        f.stem.removeprefix("instances_"): f
        for f in sorted((folder / "annotations").glob("instances_*.json"))
    }
    if split is None and len(found) == 1:
        return next(iter(found.values()))
    if split not in found:
        known = ", ".join(found) or "none"
        raise InputError(
            f"a COCO instances .json, or a folder with annotations/instances_SPLIT.json ({known})",
            f"{folder}, {'no split' if split is None else repr(split)}",
            "check the path and --split",
        )
    return found[split]


def _images_dir(path: Path, split: str) -> Path:
    """COCO's own folder of a split, or `images` beside the file."""
    own = path.parent.parent / split
    return own if split and own.is_dir() else path.parent / "images"
