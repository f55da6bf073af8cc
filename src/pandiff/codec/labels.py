"""Class and instance of every cell as small integers: what is cached, and what is encoded."""

from __future__ import annotations

import warnings
from typing import NamedTuple

import numpy as np
from torch import Tensor

from pandiff.codec.coloring import color_instances
from pandiff.errors import InputError
from pandiff.panoptic import PanopticMap, Segment
from pandiff.taxonomy import VOID

MAX_LABEL = 255
"""Largest class index and instance number: both are stored as uint8."""


class TooManyInstances(UserWarning):
    """A map has more instances than the codec can write; the smallest became void."""


class Labels(NamedTuple):
    """One map as three small arrays, (H, W) uint8 each.

    Attributes:
        category: the taxonomy's contiguous index; 0 = void.
        instance: 1..n on the n instances of things; 0 elsewhere, and on crowds.
        color: 0..3, so that near instances of one category differ; 0 where there is none.
    """

    category: np.ndarray
    instance: np.ndarray
    color: np.ndarray


class LabelBatch(NamedTuple):
    """`Labels` of a batch as tensors, (B, H, W) each, of any integer type."""

    category: Tensor
    instance: Tensor
    color: Tensor


def majority(dense: np.ndarray, count: int, size: tuple[int, int]) -> np.ndarray:
    """Resize (H, W) labels in 0..count-1 to (width, height) by majority vote in each cell.

    Each source pixel votes for the cell that its middle falls in. Ties go to the smallest label;
    a side that grows is resized by nearest neighbour. No label is ever interpolated.
    """
    rows, height = _cells(dense.shape[0], size[1])
    cols, width = _cells(dense.shape[1], size[0])
    dense = dense[rows.source[:, None], cols.source]
    if dense.shape == (height, width):
        return dense
    cell = rows.cell[:, None] * width + cols.cell
    votes = np.bincount((cell * count + dense).ravel(), minlength=height * width * count)
    return votes.reshape(height, width, count).argmax(axis=2)


class _Axis(NamedTuple):
    source: np.ndarray
    cell: np.ndarray


def _cells(length: int, target: int) -> tuple[_Axis, int]:
    if target >= length:
        source = (np.arange(target) * 2 + 1) * length // (2 * target)
        return _Axis(source, np.arange(target)), target
    return _Axis(np.arange(length), (np.arange(length) * 2 + 1) * target // (2 * length)), target


def to_labels(panoptic: PanopticMap, size: tuple[int, int], max_instances: int) -> Labels:
    """Resize a map to (width, height) by majority vote and number its instances.

    A cell's ties go to the smaller segment, so that small things do not vanish, and never to void.

    Instances are numbered by size, the largest first; of more than `max_instances` the smallest
    become void, with a `TooManyInstances` warning.
    """
    if min(size) < 1:
        raise InputError("a size of at least 1x1", str(size), "check the map resolution")
    segments = sorted(panoptic.segments, key=_area)
    keys = np.array([*(s.id for s in segments), VOID])
    order = np.argsort(keys)
    dense = order[np.searchsorted(keys[order], panoptic.ids)]
    dense = majority(dense, len(keys), size)
    classes = np.array([*(panoptic.taxonomy.index(s.category_id) for s in segments), VOID])
    areas = np.bincount(dense.ravel(), minlength=len(keys))
    countable = np.array([*(_countable(s, panoptic) for s in segments), False])
    numbers, dropped = _number(areas, countable, max_instances)
    classes[dropped] = VOID
    category, instance = classes[dense].astype(np.uint8), numbers[dense].astype(np.uint8)
    return Labels(category, instance, color_instances(category, instance))


def _area(segment: Segment) -> int:
    return segment.area


def _countable(segment: Segment, panoptic: PanopticMap) -> bool:
    return not segment.is_crowd and panoptic.taxonomy.by_id(segment.category_id).isthing


def _number(
    areas: np.ndarray, countable: np.ndarray, max_instances: int
) -> tuple[np.ndarray, np.ndarray]:
    """Number of each segment (0 where it has none), and which segments are dropped."""
    things = np.flatnonzero(countable & (areas > 0))
    things = things[np.argsort(-areas[things], kind="stable")]
    kept, dropped = things[:max_instances], things[max_instances:]
    if len(dropped):
        warnings.warn(
            f"expected at most {max_instances} instances in a map, got {len(things)}; "
            f"the {len(dropped)} smallest become void: raise max_instances",
            TooManyInstances,
            stacklevel=4,
        )
    numbers = np.zeros(len(areas), dtype=np.int64)
    numbers[kept] = np.arange(1, len(kept) + 1)
    return numbers, dropped
