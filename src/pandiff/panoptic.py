"""The one data type of the world of people: a panoptic map.

A panoptic map gives every pixel a category and, for things, an instance (Kirillov et al. 2019,
arXiv 1801.00868). Everything here is numpy; tensors begin in `pandiff.codec`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from pandiff.errors import InputError
from pandiff.taxonomy import VOID, Taxonomy

if TYPE_CHECKING:
    from PIL import Image


@dataclass(frozen=True)
class Segment:
    """One segment of a panoptic map, as in the `segments_info` of a COCO panoptic file.

    Attributes:
        id: positive id of its pixels in `PanopticMap.ids`.
        category_id: id of its category in the taxonomy.
        area: number of its pixels.
        bbox: (x, y, width, height) in pixels, of its visible pixels.
        score: confidence in 0..1; 1 for annotated data.
        is_crowd: True if it stands for a group of uncounted things.
    """

    id: int
    category_id: int
    area: int
    bbox: tuple[int, int, int, int]
    score: float = 1.0
    is_crowd: bool = False


@dataclass(frozen=True, eq=False)
class PanopticMap:
    """A category for every pixel, an instance for every thing.

    Attributes:
        ids: (H, W) int32, 0 = void; every other value is the id of one segment.
        segments: the segments, one for each id that occurs, and no other.
        taxonomy: what the category ids mean.

    Raises:
        InputError: if ids and segments disagree, or a category is not in the taxonomy.
    """

    ids: np.ndarray
    segments: tuple[Segment, ...]
    taxonomy: Taxonomy
    _lookup: dict[int, Segment] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        ids = np.ascontiguousarray(self.ids)
        if ids.ndim != 2 or ids.dtype.kind not in "iu":
            raise InputError(
                "ids of shape (H, W) and an integer type", f"{ids.shape} {ids.dtype}", "reshape it"
            )
        low, high = (int(ids.min()), int(ids.max())) if ids.size else (-1, -1)
        if low < 0 or high > np.iinfo(np.int32).max:
            got = f"{low}..{high}" if ids.size else f"no pixel, {ids.shape}"
            raise InputError("pixels with ids of 0 or more that fit 32 bits", got, "renumber them")
        ids = ids.astype(np.int32)
        ids.setflags(write=False)
        object.__setattr__(self, "ids", ids)
        object.__setattr__(self, "segments", tuple(self.segments))
        object.__setattr__(self, "_lookup", {s.id: s for s in self.segments})
        self._check(ids)

    def _check(self, ids: np.ndarray) -> None:
        found = set(unique_ids(ids).tolist()) - {VOID}
        named = set(self._lookup)
        if len(named) != len(self.segments) or VOID in named:
            raise InputError("unique positive segment ids", "one twice or 0", "renumber them")
        if found != named:
            odd = sorted(found ^ named)[0]
            where = "ids but not in segments" if odd in found else "segments but not in ids"
            raise InputError("the same segments in both", f"id {odd} in {where}", "build from_ids")
        for segment in self.segments:
            self.taxonomy.index(segment.category_id)

    @classmethod
    def from_ids(
        cls,
        ids: np.ndarray,
        category_ids: Mapping[int, int],
        taxonomy: Taxonomy,
        *,
        scores: Mapping[int, float] | None = None,
        crowds: Sequence[int] = (),
    ) -> PanopticMap:
        """Build a map from its pixels; areas and boxes are measured.

        Args:
            ids: (H, W) integers, 0 = void.
            category_ids: the category id of each segment id; ids without pixels are left out.
            taxonomy: what the category ids mean.
            scores: confidence of segment ids, 0..1; 1 where not given.
            crowds: the segment ids that are crowds.
        """
        found, areas, boxes = measure(ids)
        crowd = set(crowds)
        missing = [i for i in found if i not in category_ids]
        if missing:
            raise InputError("a category for every id", f"none for id {missing[0]}", "add it")
        segments = tuple(
            Segment(i, int(category_ids[i]), a, b, float((scores or {}).get(i, 1.0)), i in crowd)
            for i, a, b in zip(found, areas, boxes, strict=True)
        )
        return cls(np.asarray(ids), segments, taxonomy)

    @classmethod
    def from_masks(
        cls, masks: Sequence[np.ndarray], categories: Sequence[int | str], taxonomy: Taxonomy
    ) -> PanopticMap:
        """Build a map from a mask for each segment; later ones lie on top, the rest is void.

        Args:
            masks: (H, W) each, not zero where the segment is; masks of one stuff category join.
            categories: id or name of each mask's category.
            taxonomy: the categories.
        """
        from pandiff.building import from_masks

        return from_masks(masks, categories, taxonomy)

    @classmethod
    def from_boxes(
        cls,
        boxes: Sequence[tuple[float, float, float, float]],
        categories: Sequence[int | str],
        size: tuple[int, int],
        taxonomy: Taxonomy,
    ) -> PanopticMap:
        """Build a map from filled boxes; later ones lie on top, the rest is void.

        Args:
            boxes: (x, y, width, height) in pixels each, cut at the borders.
            categories: id or name of each box's category.
            size: (width, height) of the map.
            taxonomy: the categories.
        """
        from pandiff.building import from_boxes

        return from_boxes(boxes, categories, size, taxonomy)

    @classmethod
    def from_semantic(cls, categories: np.ndarray, taxonomy: Taxonomy) -> PanopticMap:
        """Build a map from a category for each pixel; the touching pixels of a thing are one.

        Args:
            categories: (H, W) category ids, 0 = void.
            taxonomy: the categories.
        """
        from pandiff.building import from_semantic

        return from_semantic(categories, taxonomy)

    @property
    def labelled(self) -> np.ndarray:
        """(H, W) bool: the pixels that belong to a segment: what a partial layout knows."""
        return self.ids != VOID

    @property
    def height(self) -> int:
        return self.ids.shape[0]

    @property
    def width(self) -> int:
        return self.ids.shape[1]

    @property
    def size(self) -> tuple[int, int]:
        """(width, height), as PIL has it."""
        return self.width, self.height

    def __getitem__(self, segment_id: int) -> Segment:
        return self._lookup[segment_id]

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, PanopticMap)
            and self.taxonomy == other.taxonomy
            and sorted(self.segments, key=_id) == sorted(other.segments, key=_id)
            and np.array_equal(self.ids, other.ids)
        )

    __hash__ = None  # type: ignore[assignment]

    @cached_property
    def category_index(self) -> np.ndarray:
        """(H, W) int64: the taxonomy's index at every pixel; 0 = void."""
        index = [self.taxonomy.index(s.category_id) for s in self.segments]
        return self.lookup(np.array(index, dtype=np.int64))

    def lookup(self, values: Sequence[int] | np.ndarray) -> np.ndarray:
        """(H, W, ...): `values[k]` on the pixels of segment k of `self.segments`; 0 on void."""
        rows = np.asarray(values)
        table = np.concatenate([np.zeros((1, *rows.shape[1:]), rows.dtype), rows])
        return table[self.position(self.ids)]

    def position(self, ids: np.ndarray) -> np.ndarray:
        """1 + the position in `self.segments` of each of some ids of this map; 0 for void."""
        known = np.array([VOID] + [s.id for s in self.segments])
        order = np.argsort(known)
        return order[np.searchsorted(known, ids, sorter=order)]

    def mask(self, segment_id: int) -> np.ndarray:
        """(H, W) bool: the pixels of one segment."""
        return self.ids == segment_id

    def count(self, category_id: int) -> int:
        """Number of segments of a category, crowds not counted."""
        return sum(s.category_id == category_id and not s.is_crowd for s in self.segments)

    def with_ids(self, ids: np.ndarray) -> PanopticMap:
        """The same segments on other pixels; segments that vanish are dropped."""
        return PanopticMap.from_ids(
            ids,
            {s.id: s.category_id for s in self.segments},
            self.taxonomy,
            scores={s.id: s.score for s in self.segments},
            crowds=[s.id for s in self.segments if s.is_crowd],
        )

    def resize(self, size: tuple[int, int]) -> PanopticMap:
        """Nearest-neighbour resize to (width, height): ids are never interpolated."""
        width, height = size
        rows = (np.arange(height) * 2 + 1) * self.height // (2 * height)
        cols = (np.arange(width) * 2 + 1) * self.width // (2 * width)
        return self.with_ids(self.ids[rows[:, None], cols])

    def flip(self) -> PanopticMap:
        """Mirrored left to right."""
        return self.with_ids(self.ids[:, ::-1])

    def overlay(self, image: Image.Image, *, alpha: float = 0.55) -> Image.Image:
        """The map drawn over its image, with segment borders and names (`pandiff.draw`)."""
        from pandiff.draw import overlay

        return overlay(self, image, alpha=alpha)

    def to_image(self) -> Image.Image:
        """The map as a picture: category colors, varied by instance (`pandiff.draw`)."""
        from pandiff.draw import render

        return render(self)


def _id(segment: Segment) -> int:
    return segment.id


def unique_ids(ids: np.ndarray) -> np.ndarray:
    """Sorted unique values of an integer array; quick where neighbours are mostly equal."""
    flat = ids.ravel()
    return np.unique(np.append(flat[:-1][flat[1:] != flat[:-1]], flat[-1:]))


def measure(
    ids: np.ndarray,
) -> tuple[list[int], list[int], list[tuple[int, int, int, int]]]:
    """Ids, areas and boxes (x, y, width, height) of the segments of (H, W) ids, void left out.

    Works on the runs of equal ids in each row, of which there are far fewer than pixels.
    """
    last_of_run = np.ones(ids.shape, dtype=bool)
    last_of_run[:, :-1] = ids[:, 1:] != ids[:, :-1]
    rows, right = np.nonzero(last_of_run)
    lengths = np.diff(rows * ids.shape[1] + right, prepend=-1)
    found, index = np.unique(ids[rows, right], return_inverse=True)
    areas = np.bincount(index, weights=lengths, minlength=len(found)).astype(np.int64)
    left, top = _extreme(np.minimum, right - lengths + 1, index), _extreme(np.minimum, rows, index)
    width = _extreme(np.maximum, right, index) + 1 - left
    height = _extreme(np.maximum, rows, index) + 1 - top
    keep = found != VOID
    boxes = np.stack([left, top, width, height], axis=1)[keep]
    return (
        found[keep].tolist(),
        areas[keep].tolist(),
        [(x, y, w, h) for x, y, w, h in boxes.tolist()],
    )


def _extreme(choose: np.ufunc, values: np.ndarray, index: np.ndarray) -> np.ndarray:
    """The least or greatest of the values at each index 0, 1, ...; every index occurs."""
    result = np.zeros(index.max(initial=-1) + 1, dtype=np.int64)
    result[index] = values
    choose.at(result, index, values)
    return result
