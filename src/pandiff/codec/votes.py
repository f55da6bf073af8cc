"""Votes for centres -> instances: a heat map, its peaks, and the peak nearest to each vote."""

from __future__ import annotations

import numpy as np
from scipy.ndimage import gaussian_filter, maximum_filter

SIGMA = 1.0
"""Width of the smoothing of the heat map, in cells."""
WINDOW = 5
"""A peak is the highest of the WINDOW x WINDOW cells about it."""


def cluster_votes(votes: np.ndarray, group: np.ndarray) -> np.ndarray:
    """Cluster the cells of each group by their votes.

    Args:
        votes: (2, H, W) the point (x, y) that each cell votes for, in cells.
        group: (H, W) integers: cells of different groups never share an instance; 0 = none.

    Returns:
        (H, W) int64: instances 1..n, 0 where the group is 0.
    """
    instance = np.zeros(group.shape, dtype=np.int64)
    for value in np.flatnonzero(np.bincount(group.ravel()))[0:]:
        if value:
            inside = group == value
            points = votes[:, inside].T
            peaks = _peaks(points, group.shape)
            instance[inside] = _nearest(points, peaks) + 1 + instance.max()
    return instance


def _peaks(points: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """(n, 2) points -> (k, 2): the local maxima (x, y) of their smoothed histogram; k >= 1."""
    height, width = shape
    x = np.clip(np.rint(points[:, 0]).astype(np.int64), 0, width - 1)
    y = np.clip(np.rint(points[:, 1]).astype(np.int64), 0, height - 1)
    heat = np.bincount(y * width + x, minlength=height * width).reshape(shape).astype(np.float32)
    heat = gaussian_filter(heat, SIGMA, mode="constant", truncate=3)
    top = (heat == maximum_filter(heat, WINDOW)) & (heat > 0.05 * heat.max())
    rows, cols = np.nonzero(top)
    return np.stack([cols, rows], axis=1)


def _nearest(points: np.ndarray, peaks: np.ndarray) -> np.ndarray:
    """(n,) index of the peak nearest to each point."""
    squared = (peaks**2).sum(1) - 2 * points @ peaks.T
    return squared.argmin(axis=1)
