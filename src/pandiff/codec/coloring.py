"""Few colours for many instances: near instances of one category differ."""

from __future__ import annotations

import numpy as np

NUM_COLORS = 4
REACH = 2
"""Instances with cells no farther apart than this, in rows and in columns, count as near."""


def color_instances(category: np.ndarray, instance: np.ndarray) -> np.ndarray:
    """Greedy graph colouring: (H, W) classes and instance numbers -> (H, W) uint8 in 0..3.

    Instances take the first free colour from top to bottom, by the mean row of their cells: a
    mirrored map keeps its colours. If none is free they take the one with the shortest border.
    """
    count = int(instance.max()) + 1
    colors = np.zeros(count, dtype=np.uint8)
    if count > 2:
        borders = _borders(category.astype(np.int64), instance.astype(np.int64), count)
        spent = np.zeros((count, NUM_COLORS))
        for k in _top_to_bottom(instance, count):
            colors[k] = spent[k].argmin()
            spent[:, colors[k]] += borders[k]
    return colors[instance]


def _borders(category: np.ndarray, instance: np.ndarray, count: int) -> np.ndarray:
    """(count, count): near pairs of cells between each two instances of one category."""
    pairs = []
    for dy in range(REACH + 1):
        for dx in range(-REACH if dy else 1, REACH + 1):
            here, there = _shifted(instance, dy, dx)
            same = np.equal(*_shifted(category, dy, dx)) & (here != there) & (here * there > 0)
            pairs.append(here[same] * count + there[same])
    borders = np.bincount(np.concatenate(pairs), minlength=count * count).reshape(count, count)
    return borders + borders.T


def _shifted(values: np.ndarray, dy: int, dx: int) -> tuple[np.ndarray, np.ndarray]:
    """Two views of (H, W) values: each cell, and the cell (dy, dx) from it; dy >= 0."""
    height, width = values.shape
    here = values[: height - dy, max(0, -dx) : width - max(0, dx)]
    return here, values[dy:, max(0, dx) : width + min(0, dx)]


def _top_to_bottom(instance: np.ndarray, count: int) -> np.ndarray:
    """Instance numbers present, by the mean row of their cells."""
    rows = np.repeat(np.arange(instance.shape[0]), instance.shape[1])
    cells = np.bincount(instance.ravel(), minlength=count)
    mean = np.bincount(instance.ravel(), weights=rows, minlength=count) / np.maximum(cells, 1)
    order = np.argsort(mean[1:], kind="stable") + 1
    return order[cells[order] > 0]
