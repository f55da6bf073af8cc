"""Borders between segments: do two maps have them in the same places, and how long are they?"""

from __future__ import annotations

import math

import numpy as np
from scipy.ndimage import grey_dilation

from pandiff.evaluation.bootstrap import Statistic
from pandiff.panoptic import PanopticMap

TOLERANCE = 0.008
"""How far apart borders may lie, in diagonals of the map (Perazzi et al. 2016)."""


def border(ids: np.ndarray) -> np.ndarray:
    """(H, W) ids -> (H, W) bool: the last pixels before another segment, to the right and below."""
    found = np.zeros(ids.shape, dtype=bool)
    found[:, :-1] |= ids[:, 1:] != ids[:, :-1]
    found[:-1] |= ids[1:] != ids[:-1]
    return found


def border_sums(reference: PanopticMap, predicted: PanopticMap) -> np.ndarray:
    """(4,) int64: what one pair of maps adds to the boundary F.

    Border pixels of the prediction that lie within the tolerance of one of the reference, all of
    the prediction, and the same of the reference. Categories do not count, and neither does where
    the reference is void: there the prediction's borders are left out.
    """
    tolerance = math.ceil(TOLERANCE * math.hypot(*reference.size))
    known = reference.labelled
    theirs, ours = border(reference.ids), border(predicted.ids) & known
    found, hit = ours & near(theirs, tolerance), theirs & near(ours, tolerance)
    return np.array([found.sum(), ours.sum(), hit.sum(), theirs.sum()])


def near(mask: np.ndarray, radius: int) -> np.ndarray:
    """(H, W) bool: the pixels no farther than a radius, 0 or more, from some pixel of a mask.

    The disk is taken row by row: a row of it that is w wide counts pixels with a running sum.
    """
    width = mask.shape[1]
    sums = np.cumsum(np.pad(mask, ((0, 0), (radius + 1, radius))), axis=1, dtype=np.int32)
    found = np.zeros_like(mask)
    for down in range(min(radius, len(mask) - 1) + 1):
        w = math.isqrt(radius**2 - down**2)
        right = sums[:, radius + 1 + w : radius + 1 + w + width]
        wide = right > sums[:, radius - w : radius - w + width]
        found[down:] |= wide[: len(mask) - down]
        found[: len(mask) - down] |= wide[down:]
    return found


def boundary_f(sums: np.ndarray) -> float:
    """Boundary F in 0..1 of `border_sums`, added up: the harmonic mean of precision and recall.

    1 where neither has a border; 0 where only one has.
    """
    found, ours, hit, theirs = sums
    if not ours or not theirs:
        return float(ours == theirs)
    precision, recall = found / ours, hit / theirs
    return float(2 * precision * recall / (precision + recall)) if found and hit else 0.0


def boundary_f_of(sums: np.ndarray) -> Statistic:
    """Boundary F of images, of their sums (N, 4)."""
    return lambda weights: boundary_f(weights @ sums)


def moved_borders(panoptic: PanopticMap, seed: int) -> PanopticMap:
    """The map with each border moved by a pixel: the noise of careful annotators.

    Of two segments that touch, the one that comes first in a random order gains a pixel from the
    other. Void takes part.

    Args:
        panoptic: a map.
        seed: of the order.
    """
    positions = panoptic.position(panoptic.ids)
    order = np.random.default_rng(seed).permutation(len(panoptic.segments) + 1)
    ids = np.array([0] + [s.id for s in panoptic.segments])[np.argsort(order)]
    return panoptic.with_ids(ids[grey_dilation(order[positions], footprint=CROSS)])


CROSS = np.array([[0, 1, 0], [1, 1, 1], [0, 1, 0]], dtype=bool)
"""A pixel and its four neighbours."""
