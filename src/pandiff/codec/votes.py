"""Votes for centres -> instances: parts are split where their votes disagree, then joined.

1. A part is a connected component of one group. Its votes are smoothed into a heat map, as wide
   as the votes are noisy, and each cell joins the peak nearest to its vote.
2. Pieces of one category whose mean votes agree, measured by their radii, are one instance: the
   halves of an occluded object, or what noise has split. Different colours keep them apart.
"""

from __future__ import annotations

import numpy as np
from scipy.ndimage import find_objects, gaussian_filter, maximum_filter
from scipy.sparse.csgraph import connected_components

from pandiff.codec.components import components

MIN_SPLIT = 6
"""Parts of fewer cells are not split."""
MIN_WIDTH = 1.0
"""Least width of the smoothing, in cells."""
WIDTH = 1.5
"""Width of the smoothing over the median distance of the votes of cells LAG apart."""
LAG = 2
PEAK = 0.05
"""Peaks lower than this fraction of the highest do not count."""
COLOR_WEIGHT = 0.25
"""What a squared difference of colours adds to that squared ratio: a clean bit's 4 adds 1."""


def cluster_votes(
    votes: np.ndarray,
    group: np.ndarray,
    category: np.ndarray,
    colors: np.ndarray | None = None,
    *,
    reach: float,
) -> np.ndarray:
    """Cluster cells by what they vote for.

    Args:
        votes: (2, H, W) the point (x, y) that each cell votes for, in cells.
        group: (H, W) integers: a first guess at what belongs together; 0 = none.
        category: (H, W) integers: instances never span two.
        colors: (bits, H, W) reals in [-1, 1]: pieces of clearly different colours stay apart.
        reach: pieces are joined if their mean votes are nearer than this times the sum of their
            radii.

    Returns:
        (H, W) int64: instances 1..n, 0 where the group is 0.
    """
    parts = np.where(group > 0, components(group) + 1, 0)
    features = votes if colors is None else np.concatenate([votes, colors])
    return _join(_split(votes, parts), features, category, reach)


def _split(votes: np.ndarray, parts: np.ndarray) -> np.ndarray:
    """(H, W) parts -> (H, W) pieces: a number for each peak of each part's votes, 0 for none."""
    pieces = parts.copy()
    count = int(parts.max()) + 1
    large = np.bincount(parts.ravel(), minlength=count) >= MIN_SPLIT
    for part, box in enumerate(find_objects(parts), start=1):
        if large[part]:
            inside, local = parts[box] == part, votes[:, *box]
            points = local[:, inside].T
            peaks = _peaks(points, max(MIN_WIDTH, WIDTH * _noise(local, inside)))
            if len(peaks) > 1:
                pieces[box][inside] = count + _nearest(points, peaks)
                count += len(peaks)
    return pieces


def _noise(votes: np.ndarray, inside: np.ndarray) -> float:
    """Median distance of the votes of cells that lie LAG apart, both inside; 0 if there are none.

    Where instances touch, the votes jump; the median does not see it.
    """
    across = np.hypot(*(votes[:, :, LAG:] - votes[:, :, :-LAG]))
    down = np.hypot(*(votes[:, LAG:] - votes[:, :-LAG]))
    pairs = np.concatenate(
        [across[inside[:, LAG:] & inside[:, :-LAG]], down[inside[LAG:] & inside[:-LAG]]]
    )
    return float(np.median(pairs)) if len(pairs) else 0.0


def _peaks(points: np.ndarray, width: float) -> np.ndarray:
    """(n, 2) points -> (k, 2): the local maxima (x, y) of their histogram, smoothed; k >= 1."""
    cells = np.rint(points).astype(np.int64)
    origin = cells.min(axis=0)
    cells -= origin
    columns, rows = cells.max(axis=0) + 1
    if rows == columns == 1:
        return origin[None]
    heat = np.bincount(cells[:, 1] * columns + cells[:, 0], minlength=rows * columns)
    heat = heat.reshape(rows, columns).astype(np.float32)
    heat = gaussian_filter(heat, width, mode="constant", truncate=3)
    window = 2 * round(width) + 3
    top = (heat == maximum_filter(heat, window)) & (heat > PEAK * heat.max())
    return np.argwhere(top)[:, ::-1] + origin


def _nearest(points: np.ndarray, peaks: np.ndarray) -> np.ndarray:
    """(n,) index of the peak nearest to each point."""
    squared = (peaks**2).sum(axis=1) - 2 * points @ peaks.T
    return squared.argmin(axis=1)


def _join(
    pieces: np.ndarray, features: np.ndarray, category: np.ndarray, reach: float
) -> np.ndarray:
    """(H, W) pieces -> (H, W) instances 1..n: pieces of one category that agree, as chains."""
    flat = pieces.ravel()
    area = np.bincount(flat)
    sums = np.stack([np.bincount(flat, f.ravel()) for f in features], axis=1)
    means = sums / np.maximum(area, 1)[:, None]
    kind = np.zeros(len(area), dtype=np.int64)
    kind[flat] = category.ravel()
    instance = np.zeros(len(area), dtype=np.int64)
    present = np.flatnonzero(area[1:]) + 1
    for value in np.unique(kind[present]):
        mine = present[kind[present] == value]
        agree = _disagreement(means[mine], reach * np.sqrt(area[mine] / np.pi)) < 1
        instance[mine] = connected_components(agree, directed=False)[1] + 1 + instance.max()
    return instance[pieces]


def _disagreement(means: np.ndarray, reach: np.ndarray) -> np.ndarray:
    """(n, n): squared distance of mean votes, in units of the reaches, and of mean colours."""
    squared = ((means[:, None] - means) ** 2).transpose(2, 0, 1)
    return squared[:2].sum(axis=0) / (reach[:, None] + reach) ** 2 + COLOR_WEIGHT * squared[2:].sum(
        axis=0
    )
