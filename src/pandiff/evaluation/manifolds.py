"""Do two sets of feature vectors cover one another? Metrics from nearest neighbours.

Precision and recall are those of Kynkaanniemi et al. 2019 (arXiv 1904.06991), with 3 neighbours;
density and coverage those of Naeem et al. 2020 (arXiv 2002.09797), with 5.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass

import numpy as np

from pandiff.evaluation.bootstrap import Statistic

NEIGHBOURS, DENSE_NEIGHBOURS = 3, 5
TINY = 1e-12
"""Distances are at least this, where one divides by them."""


@dataclass(frozen=True)
class Manifold:
    """How two sets lie to each other.

    Attributes:
        precision: share of the made that lie within the real set's balls, 0..1: fidelity.
        recall: share of the real that lie within the made set's balls, 0..1: diversity.
        density: like precision, but counts the balls; 1 where the sets are alike, no upper bound.
        coverage: share of the real with a made one in their ball, 0..1.
    """

    precision: float
    recall: float
    density: float
    coverage: float


def manifold(real: np.ndarray, made: np.ndarray) -> Manifold:
    """Compare two sets.

    The ball of a vector reaches to its k-th nearest neighbour in its own set; with k vectors or
    fewer there is no such neighbour, and the ball is empty.

    Args:
        real, made: (N, D) and (M, D) features.
    """
    return _compare(distances(real, real), distances(made, made), distances(real, made))


def _compare(real: np.ndarray, made: np.ndarray, cross: np.ndarray) -> Manifold:
    """Of the distances within the sets, and between them (N, M)."""
    ball, wide = radii(real, NEIGHBOURS), radii(real, DENSE_NEIGHBOURS)
    within = cross < wide[:, None]
    return Manifold(
        precision=float((cross < ball[:, None]).any(axis=0).mean()),
        recall=float((cross < radii(made, NEIGHBOURS)).any(axis=1).mean()),
        density=float(within.sum(axis=0).mean() / DENSE_NEIGHBOURS),
        coverage=float(within.any(axis=1).mean()),
    )


def distances(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """(N, M) Euclidean distances between the rows of (N, D) and (M, D)."""
    a, b = a.astype(np.float64), b.astype(np.float64)
    squared = (a**2).sum(axis=1)[:, None] + (b**2).sum(axis=1) - 2 * a @ b.T
    return np.sqrt(np.maximum(squared, 0))


def radii(within: np.ndarray, k: int) -> np.ndarray:
    """(N,) distance of each vector to its k-th nearest other; 0 where there are too few.

    Args:
        within: (N, N) distances within the set.
        k: which neighbour, 1 or more.
    """
    if len(within) <= k:
        return np.zeros(len(within))
    others = within.copy()
    np.fill_diagonal(others, np.inf)
    return np.partition(others, k - 1, axis=1)[:, k - 1]


def manifold_of(real: np.ndarray, made: np.ndarray) -> dict[str, Statistic]:
    """The numbers of `manifold` as statistics of half-samples; distances are computed once."""
    tables = distances(real, real), distances(made, made), distances(real, made)

    def of(name: str) -> Statistic:
        return lambda weights: asdict(_compare(*_chosen(tables, weights)))[name]

    return {name: of(name) for name in Manifold.__dataclass_fields__}


def _chosen(tables: tuple[np.ndarray, ...], weights: np.ndarray) -> list[np.ndarray]:
    rows = np.flatnonzero(weights)
    return [table[np.ix_(rows, rows)] for table in tables]


def realism(real: np.ndarray, made: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """How deep each vector lies within the real set's balls: above 1 it is inside of one.

    The largest ratio of a real vector's radius to its distance (Kynkaanniemi et al. 2019, eq. 4).
    The widest half of the balls, of vectors that stand alone, is left out.

    Returns:
        (N,) and (M,): of the real, each without itself, and of the made.
    """
    within = distances(real, real)
    ball = radii(within, NEIGHBOURS)
    kept = ball <= np.median(ball)
    np.fill_diagonal(within, np.inf)
    tables = within, distances(real, made)
    depths = [(ball[kept, None] / np.maximum(t[kept], TINY)).max(axis=0) for t in tables]
    return depths[0], depths[1]
