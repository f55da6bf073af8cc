"""Outlines of masks along the borders of pixels, and their union to one polygon."""

from __future__ import annotations

import numpy as np


def rings(mask: np.ndarray) -> list[np.ndarray]:
    """The closed borders of a mask's 4-connected parts and of their holes.

    Args:
        mask: (H, W) bool.

    Returns:
        (n, 2) int64 corners (x, y) each, x in 0..W and y in 0..H, for pixel k spans k..k+1. With y
        downwards, the mask lies to the right of the way: outer borders run clockwise, those of
        holes the other way.
    """
    start, step = _borders(np.asarray(mask, dtype=bool))
    after = _successors(start, step)
    return [_corners(start[ring], step[ring]) for ring in _cycles(after)]


def _borders(mask: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(n, 2) starts and (n, 2) unit steps of the pixel sides between the mask and the rest."""
    padded = np.pad(mask, 1).astype(np.int8)
    starts, steps = [], []
    # A side belongs to the mask if the change across it is +1 (mask after it) or -1 (before it).
    for change, step, offset in ((1, (1, 0), (0, 0)), (-1, (-1, 0), (1, 0))):
        y, x = np.nonzero(np.diff(padded[:, 1:-1], axis=0) == change)
        starts.append(np.stack([x, y], axis=1) + offset)
        steps.append(np.broadcast_to(step, (len(x), 2)))
    for change, step, offset in ((1, (0, -1), (0, 1)), (-1, (0, 1), (0, 0))):
        y, x = np.nonzero(np.diff(padded[1:-1], axis=1) == change)
        starts.append(np.stack([x, y], axis=1) + offset)
        steps.append(np.broadcast_to(step, (len(x), 2)))
    return np.concatenate(starts), np.concatenate(steps)


def _successors(start: np.ndarray, step: np.ndarray) -> np.ndarray:
    """(n,) which side follows each; where two begin at one corner, the one that turns right."""
    key = start @ (1, start.max(initial=0) + 2)
    order = np.argsort(key, kind="stable")
    end = (start + step) @ (1, start.max(initial=0) + 2)
    first = np.searchsorted(key[order], end)
    second = np.minimum(first + 1, len(key) - 1)
    right = np.stack([-step[:, 1], step[:, 0]], axis=1)
    other = (key[order[second]] == end) & (step[order[second]] == right).all(axis=1)
    return order[np.where(other, second, first)]


def _cycles(after: np.ndarray) -> list[list[int]]:
    follows, seen, found = after.tolist(), bytearray(len(after)), []
    for first in range(len(follows)):
        ring, k = [], first
        while not seen[k]:
            seen[k] = 1
            ring.append(k)
            k = follows[k]
        if ring:
            found.append(ring)
    return found


def _corners(start: np.ndarray, step: np.ndarray) -> np.ndarray:
    """The starts of those sides of a ring where it turns."""
    return start[(step != np.roll(step, 1, axis=0)).any(axis=1)]


def drawn_in(ring: np.ndarray, room: float) -> np.ndarray:
    """(n, 2) float64: the ring's corners moved into the mask, by `room` pixels in x and in y."""
    way = np.sign(np.roll(ring, -1, axis=0) - ring)
    right = np.stack([-way[:, 1], way[:, 0]], axis=1)
    return ring + room * (right + np.roll(right, 1, axis=0))


def joined(parts: list[np.ndarray]) -> np.ndarray:
    """(n, 2): one polygon of all rings, each joined by a bridge of no width, there and back.

    It covers what the rings cover, holes left out, by the even-odd and the non-zero rule alike.
    """
    polygon, *others = sorted(parts, key=len, reverse=True)
    for ring in others:
        apart = ((polygon[:, None] - ring[None]) ** 2).sum(axis=2)
        i, k = divmod(int(apart.argmin()), len(ring))
        around = np.concatenate([ring[k:], ring[: k + 1]])
        polygon = np.concatenate([polygon[: i + 1], around, polygon[i:]])
    return polygon
