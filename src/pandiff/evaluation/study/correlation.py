"""Whether a measure ranks samples as people do.

Both coefficients are forms in the signs of differences of points, weighted by how often a resample
has each point; so the points are compared once, not for each resample.
"""

from __future__ import annotations

import numpy as np

from pandiff.evaluation.bootstrap import Estimate, Statistic, estimate

LEAST = 3
"""Fewer points have no rank correlation worth the name."""


def spearman(measure: np.ndarray, people: np.ndarray, mirrored: bool = False) -> Estimate:
    """Rank correlation of two (N,) arrays, its interval a bootstrap over the N points.

    Args:
        measure, people: a number for each point.
        mirrored: whether the points are differences, whose sign says only which of two came
            first: each then stands for its mirror image too.

    Returns:
        All 0 with fewer than three points, or where one of the two does not vary.
    """
    x, y = _signs(measure, mirrored), _signs(people, mirrored)

    def statistic(weights: np.ndarray) -> float:
        w = np.tile(weights, 1 + mirrored)
        rank_x, rank_y = x @ w, y @ w  # twice the ranks, ties in the middle, their mean 0
        return _ratio(w @ (rank_x * rank_y), w @ rank_x**2, w @ rank_y**2)

    return _estimate(statistic, len(measure))


def kendall(measure: np.ndarray, people: np.ndarray, mirrored: bool = False) -> Estimate:
    """Kendall's tau-b, likewise."""
    x, y = _signs(measure, mirrored), _signs(people, mirrored)
    both, of_x, of_y = x * y, x * x, y * y

    def statistic(weights: np.ndarray) -> float:
        w = np.tile(weights, 1 + mirrored)
        return _ratio(w @ both @ w, w @ of_x @ w, w @ of_y @ w)

    return _estimate(statistic, len(measure))


def _signs(values: np.ndarray, mirrored: bool) -> np.ndarray:
    """(n, n): 1 where a point is above another, -1 below, 0 at it."""
    points = np.append(values, -values) if mirrored else values
    return np.sign(points[:, None] - points[None, :])


def _ratio(both: float, of_x: float, of_y: float) -> float:
    return float(both / np.sqrt(of_x * of_y)) if of_x and of_y else np.nan


def _estimate(statistic: Statistic, count: int) -> Estimate:
    return estimate(statistic, count) if count >= LEAST else Estimate(0.0, 0.0, 0.0, 0)


def same_choice(measure: np.ndarray, people: np.ndarray) -> Estimate:
    """How often a measure prefers the sample that people prefer, where both prefer one.

    Args:
        measure, people: (N,) differences of two samples.
    """
    decided = (measure != 0) & (people != 0)
    same = (np.sign(measure) == np.sign(people))[decided].astype(float)
    if not len(same):
        return Estimate(0.0, 0.0, 0.0, 0)
    return estimate(lambda w: float(w @ same) / float(w.sum()), len(same))
