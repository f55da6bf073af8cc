"""The samples of a dataset folder of any size: what lies on disk stays there until it is needed."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from pandiff.coco import CocoLayout, open_image, png_to_ids
from pandiff.coco.files import malformed
from pandiff.errors import InputError
from pandiff.panoptic import PanopticMap, Segment, measure
from pandiff.synthesis.exporters.exporter import Sample
from pandiff.synthesis.exporters.json_index import JsonIndex, Places
from pandiff.synthesis.exporters.placing import check_size, inside
from pandiff.taxonomy import Taxonomy


class Samples:
    """A dataset of which some 200 bytes an image are held.

    `PanopticFolder` holds all that the JSON files say, which is quicker where images are read again
    and again; here each is read once. Image ids that are text become 1, 2, ...

    Args:
        path: dataset folder of either layout, or a panoptic .json.
        split: which split of the original COCO layout.
        val: share of the images in 0..1 that go to the split "val", chosen by their ids; at least
            one if it is above 0.

    Attributes:
        layout: where the files lie.
        taxonomy: what the category ids mean.

    Raises:
        InputError: if there is no such dataset, its JSON is malformed, or an image has no map.
    """

    def __init__(self, path: str | Path, split: str | None = None, val: float = 0.0) -> None:
        self.layout = CocoLayout.find(path, split)
        index = JsonIndex(self.layout.panoptic_json, {"images": "id", "annotations": "image_id"})
        self._images, self._annotations = index.places["images"], index.places["annotations"]
        self._keeps_ids = index.whole_keys
        try:
            self.taxonomy = Taxonomy.from_coco(index.kept)
        except InputError as error:
            raise malformed(self.layout.panoptic_json, error) from None
        lonely = ~np.isin(self._images.keys, self._annotations.keys)
        if lonely.any():
            image = self._images[int(lonely.argmax())]
            raise malformed(self.layout.panoptic_json, KeyError(f"no annotation of {image['id']}"))
        self._is_val = _chosen(self._images.keys, val)

    def __len__(self) -> int:
        return len(self._images)

    @property
    def splits(self) -> tuple[str, ...]:
        """The splits that samples are of: "train", or both."""
        return ("train", "val") if self._is_val.any() else ("train",)

    def __getitem__(self, k: int) -> Sample:
        """Sample k, in the file's order; InputError, with the file's name, if it is wrong."""
        record, key = self._images[k], int(self._images.keys[k])
        try:
            name = inside(record["file_name"])
            panoptic = self._panoptic(self._annotations.of(key)[-1])
        except (KeyError, TypeError) as error:
            raise malformed(self.layout.panoptic_json, error) from None
        path = self.layout.images / name
        check_size(path, panoptic.size)
        return Sample(
            id=record["id"] if self._keeps_ids else k + 1,
            name=name,
            path=path,
            panoptic=panoptic,
            captions=self._captions_of(key),
            split="val" if self._is_val[k] else "train",
        )

    def _panoptic(self, annotation: dict[str, Any]) -> PanopticMap:
        """The map of an annotation, its segments in the file's order, areas and boxes measured."""
        path = self.layout.maps / inside(annotation["file_name"])
        png = open_image(path)
        if png.mode != "RGB":
            raise InputError(f"a panoptic PNG {path} of mode RGB", png.mode, "write it as RGB")
        ids = png_to_ids(png)
        measured = {k: (area, box) for k, area, box in zip(*measure(ids), strict=True)}
        declared = {s["id"]: s for s in annotation["segments_info"]}
        for odd in sorted(measured.keys() - declared.keys()):
            got = f"none for {odd}"
            raise InputError(f"a segment for every id of {path}", got, "run pandiff validate")
        segments = [
            self._segment(s, *measured[k], path) for k, s in declared.items() if k in measured
        ]
        return PanopticMap(ids, tuple(segments), self.taxonomy)

    def _segment(
        self, entry: dict[str, Any], area: int, box: tuple[int, int, int, int], path: Path
    ) -> Segment:
        number, category = entry["id"], entry["category_id"]
        if category not in self.taxonomy:
            where = f"a category of the dataset for segment {number} of {path}"
            raise InputError(where, str(category), "run pandiff validate")
        score, crowd = float(entry.get("score", 1)), bool(entry.get("iscrowd", 0))
        return Segment(number, category, area, box, score, crowd)

    @cached_property
    def _captions(self) -> Places | None:
        path = self.layout.captions_json
        return JsonIndex(path, _CAPTIONS).places["annotations"] if path.is_file() else None

    def _captions_of(self, key: int) -> tuple[str, ...]:
        entries = self._captions.of(key) if self._captions else []
        try:
            return tuple(e["caption"] for e in entries)
        except KeyError as error:
            raise malformed(self.layout.captions_json, error) from None


_CAPTIONS = {"annotations": "image_id"}


def _chosen(keys: np.ndarray, share: float) -> np.ndarray:
    """(n,) bool: a share of the images, by hashes of their ids: as good as at random, lasting."""
    count = min(len(keys), max(1, round(share * len(keys)))) if share > 0 else 0
    chosen = np.zeros(len(keys), bool)
    chosen[np.argsort(_mixed(keys), kind="stable")[:count]] = True
    return chosen


def _mixed(keys: np.ndarray) -> np.ndarray:
    """(n,) uint64: the last steps of SplitMix64 (Steele et al. 2014), one to one."""
    z = keys.astype(np.uint64) + np.uint64(0x9E3779B97F4A7C15)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))
