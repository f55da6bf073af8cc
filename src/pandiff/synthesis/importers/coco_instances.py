"""COCO instances: boxes and masks of things. What they do not cover is void.

SPLIT/*   annotations/instances_SPLIT.json   [annotations/captions_SPLIT.json], or any .json beside
`images/` (https://cocodataset.org/#format-data, "Object Detection").
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from pandiff.coco.files import malformed
from pandiff.errors import InputError
from pandiff.panoptic import PanopticMap
from pandiff.synthesis.exporters.extras import extra
from pandiff.synthesis.exporters.placing import inside
from pandiff.synthesis.importers.json_items import read_item, scan
from pandiff.synthesis.importers.source import renumbering
from pandiff.taxonomy import VOID, Taxonomy


class _Image(NamedTuple):
    number: int
    file_name: str
    height: int
    width: int


class CocoInstances:
    """A COCO instances file. Annotations stay on disk, 24 bytes each are held of them.

    Where masks overlap, the smaller lies on top; crowds lie below all. Category ids that begin at 0
    are raised by one, for 0 is void.

    Args:
        path: the .json, or the folder with `annotations/instances_SPLIT.json`.
        taxonomy: categories to keep, by their names; those of the file if None, all things.
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
        try:
            native = self._read()
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise malformed(self.path, error) from None
        self._renumber(native, taxonomy)
        folder = images or _images_dir(self.path, split)
        self.images = [folder / inside(i.file_name) for i in self._records]

    def _read(self) -> list[dict[str, Any]]:
        """Note the images and where the annotations of each are; returns the categories."""
        numbers: dict[Any, int] = {}
        owners, offsets, lengths = array("q"), array("q"), array("q")
        categories: list[dict[str, Any]] = []
        self._records: list[_Image] = []
        for item in scan(self.path):
            if item.name == "annotations":
                owners.append(numbers.setdefault(item.value["image_id"], len(numbers)))
                offsets.append(item.offset)
                lengths.append(len(item.raw))
            elif item.name == "images":
                i = item.exact()
                number = numbers.setdefault(i["id"], len(numbers))
                self._records.append(_Image(number, i["file_name"], i["height"], i["width"]))
            elif item.name == "categories":
                categories.append(item.exact())
        order = np.argsort(np.frombuffer(owners, np.int64), kind="stable")
        self._owners = np.frombuffer(owners, np.int64)[order]
        self._offsets = np.frombuffer(offsets, np.int64)[order]
        self._lengths = np.frombuffer(lengths, np.int64)[order]
        return categories

    def _renumber(self, native: list[dict[str, Any]], taxonomy: Taxonomy | None) -> None:
        """Settle on a taxonomy, and on the id in it of each category id of the file."""
        ids = [int(c["id"]) for c in native]
        shift = max(0, 1 - min(ids, default=1))
        own = [{"isthing": 1, **c, "id": k + shift} for c, k in zip(native, ids, strict=True)]
        self.taxonomy = taxonomy or Taxonomy.from_coco(own)
        table = renumbering({c["name"]: c["id"] for c in own}, self.taxonomy)
        self._categories = {k: int(table[k + shift]) for k in ids}

    def panoptic(self, k: int) -> PanopticMap:
        image = self._records[k]
        ids, categories, crowds = np.zeros((image.height, image.width), np.int32), {}, []
        for number, (annotation, mask) in enumerate(self._masks(image), start=1):
            ids[mask] = number
            categories[number] = self._categories[annotation["category_id"]]
            if annotation.get("iscrowd", 0):
                crowds.append(number)
        return PanopticMap.from_ids(ids, categories, self.taxonomy, crowds=crowds)

    def _masks(self, image: _Image) -> list[tuple[Mapping[str, Any], np.ndarray]]:
        """The annotations of an image and their masks, from the lowest to the topmost."""
        found = [(a, self._decode(a, image)) for a in self._annotations(image)]
        return sorted(found, key=lambda f: (not f[0].get("iscrowd", 0), -int(f[1].sum())))

    def _annotations(self, image: _Image) -> Iterator[dict[str, Any]]:
        """The annotations of an image whose categories are kept."""
        first, last = np.searchsorted(self._owners, (image.number, image.number + 1)).tolist()
        with self.path.open("rb") as file:
            for offset, length in zip(
                self._offsets[first:last].tolist(), self._lengths[first:last].tolist(), strict=True
            ):
                annotation = read_item(file, offset, length)
                if annotation["category_id"] not in self._categories:
                    got = str(annotation["category_id"])
                    raise InputError(f"category ids of {self.path}", got, "add the category")
                if self._categories[annotation["category_id"]] != VOID:
                    yield annotation

    def _decode(self, annotation: Mapping[str, Any], image: _Image) -> np.ndarray:
        """(H, W) bool: the mask of polygons, of a compressed or of an uncompressed RLE."""
        try:
            rle = self._rle(annotation["segmentation"], image)
            mask = self._mask.decode(rle).astype(bool)
        except (KeyError, TypeError, ValueError, IndexError):
            mask = np.zeros((0, 0), bool)
        if mask.shape != (image.height, image.width):
            raise InputError(
                f"polygons or an RLE of {image.width} x {image.height} px in {self.path}",
                f"neither in annotation {annotation.get('id')}",
                "mend or remove it",
            )
        return mask

    def _rle(self, segmentation: Any, image: _Image) -> Any:
        if isinstance(segmentation, list):
            polygons = [p for p in segmentation if len(p) >= 6]  # of fewer points there is no area
            return self._mask.merge(self._mask.frPyObjects(polygons, image.height, image.width))
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
