"""What maps are made of: areas and counts by category, sizes and shapes of segments.

Each function gives one row for a map, so that rows can be added up over images.
"""

from __future__ import annotations

import math

import numpy as np

from pandiff.evaluation.boundaries import border
from pandiff.panoptic import PanopticMap, Segment

OCTAVES = 16
"""Sizes of segments are counted in octaves: bin k holds shares of 2^-k down to 2^-(k+1)."""
ROUND_BINS = 20
"""Bins of roundness, over 0..1."""
GRID = 4
"""Cells on each side of the grid of `layout_features`."""


def area_shares(panoptic: PanopticMap) -> np.ndarray:
    """(num_classes,) float64: the share of the pixels of each category, void first."""
    index, classes = panoptic.category_index.ravel(), panoptic.taxonomy.num_classes
    return np.bincount(index, minlength=classes) / index.size


def segment_counts(panoptic: PanopticMap) -> np.ndarray:
    """(num_classes,) int64: the number of segments of each category, crowds not counted."""
    taxonomy = panoptic.taxonomy
    index = [taxonomy.index(s.category_id) for s in panoptic.segments if not s.is_crowd]
    return np.bincount(np.array(index, dtype=np.int64), minlength=taxonomy.num_classes)


def size_histogram(panoptic: PanopticMap) -> np.ndarray:
    """(OCTAVES,) int64: things by their share of the picture, the largest first."""
    shares = [s.area / panoptic.ids.size for s in things(panoptic)]
    octaves = [min(OCTAVES - 1, int(-math.log2(share))) for share in shares]
    return np.bincount(np.array(octaves, dtype=np.int64), minlength=OCTAVES)


def roundness_histogram(panoptic: PanopticMap) -> np.ndarray:
    """(ROUND_BINS,) int64: things by `roundness`, 0 first."""
    bins = [min(ROUND_BINS - 1, int(r * ROUND_BINS)) for r in roundness(panoptic)]
    return np.bincount(np.array(bins, dtype=np.int64), minlength=ROUND_BINS)


def roundness(panoptic: PanopticMap) -> np.ndarray:
    """(things,) in 0..1: 16 area / perimeter^2, which is 1 for a square, small if thin or ragged.

    The perimeter is that of the pixels' edges, the frame of the picture included.
    """
    sides = np.zeros(len(panoptic.segments) + 1)
    position = np.pad(panoptic.position(panoptic.ids), 1)
    for axis in (0, 1):
        first, second = _neighbours(position, axis)
        apart = first != second
        for one in (first, second):
            sides += np.bincount(one[apart], minlength=len(sides))
    areas = np.array([s.area for s in panoptic.segments], dtype=np.float64)
    kept = [k for k, s in enumerate(panoptic.segments) if _counted(panoptic, s)]
    return (16 * areas / sides[1:] ** 2)[kept]


def _neighbours(values: np.ndarray, axis: int) -> tuple[np.ndarray, np.ndarray]:
    """Each value and the next one along an axis."""
    count = values.shape[axis] - 1
    return values.take(range(count), axis), values.take(range(1, count + 1), axis)


def border_share(panoptic: PanopticMap) -> float:
    """Pixels before a border over all pixels: it grows where a map is ragged or full of specks."""
    return float(border(panoptic.ids).mean())


def layout_features(panoptic: PanopticMap) -> np.ndarray:
    """(GRID^2 num_classes + num_classes,) float32: what a map shows, where, and how many.

    The share of each category in each cell of a grid, and log(1 + count) of each category. For
    distances between sets of maps, as those between images are taken from a network's features.
    """
    index, classes = panoptic.category_index, panoptic.taxonomy.num_classes
    rows = np.arange(index.shape[0]) * GRID // index.shape[0]
    columns = np.arange(index.shape[1]) * GRID // index.shape[1]
    cells = (rows[:, None] * GRID + columns) * classes + index
    shares = np.bincount(cells.ravel(), minlength=GRID**2 * classes) * GRID**2 / index.size
    counts = segment_counts(panoptic) * panoptic.taxonomy.isthing
    return np.concatenate([shares, np.log1p(counts)]).astype(np.float32)


def things(panoptic: PanopticMap) -> list[Segment]:
    """The segments of things, crowds not among them."""
    return [s for s in panoptic.segments if _counted(panoptic, s)]


def _counted(panoptic: PanopticMap, segment: Segment) -> bool:
    return panoptic.taxonomy.by_id(segment.category_id).isthing and not segment.is_crowd
