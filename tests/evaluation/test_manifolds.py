"""Precision, recall, density, coverage and realism against slow loops, and trivial truths."""

from __future__ import annotations

import numpy as np
import pytest

from pandiff.evaluation.manifolds import Manifold, manifold, manifold_of, radii, realism
from pandiff.evaluation.manifolds import distances as between

RANDOM = np.random.default_rng(0)
REAL, MADE = RANDOM.normal(size=(40, 3)), RANDOM.normal(0.7, 0.8, (33, 3))


def slow(real: np.ndarray, made: np.ndarray) -> Manifold:
    """By the papers' words, one vector at a time."""

    def apart(x: np.ndarray, y: np.ndarray) -> float:
        return float(np.sqrt(((x - y) ** 2).sum()))

    def ball(points: np.ndarray, k: int, i: int) -> float:
        others = [apart(points[i], points[j]) for j in range(len(points)) if j != i]
        return sorted(others)[k - 1]

    def inside(point: np.ndarray, points: np.ndarray, k: int) -> list[bool]:
        return [apart(point, points[i]) < ball(points, k, i) for i in range(len(points))]

    return Manifold(
        precision=float(np.mean([any(inside(m, real, 3)) for m in made])),
        recall=float(np.mean([any(inside(r, made, 3)) for r in real])),
        density=float(np.mean([sum(inside(m, real, 5)) for m in made]) / 5),
        coverage=float(
            np.mean([min(apart(r, m) for m in made) < ball(real, 5, i) for i, r in enumerate(real)])
        ),
    )


def numbers(one: Manifold) -> list[float]:
    return [one.precision, one.recall, one.density, one.coverage]


def test_as_slow_loops_have_it() -> None:
    assert numbers(manifold(REAL, MADE)) == pytest.approx(numbers(slow(REAL, MADE)))


def test_the_same_set_and_a_far_one() -> None:
    same = manifold(REAL, REAL.copy())
    assert (same.precision, same.recall, same.coverage) == (1, 1, 1)
    assert numbers(manifold(REAL, MADE + 100)) == [0, 0, 0, 0]


def test_one_picture_again_and_again_is_precise_and_covers_nothing() -> None:
    found = manifold(REAL, np.repeat(REAL[:1], 40, axis=0))
    assert found.precision == 1 and found.recall == 0 and found.coverage < 0.4


def test_density_of_like_sets_is_one() -> None:
    draws = [RANDOM.normal(size=(2, 200, 3)) for _ in range(10)]
    assert np.mean([manifold(a, b).density for a, b in draws]) == pytest.approx(1, abs=0.05)


def test_too_few_neighbours_make_empty_balls() -> None:
    assert radii(between(REAL[:3], REAL[:3]), 3).tolist() == [0, 0, 0]
    assert manifold(REAL[:3], MADE[:3]).precision == 0


def test_statistics_are_those_of_the_chosen() -> None:
    made, weights = MADE[np.arange(40) % 33], RANDOM.integers(0, 2, 40)
    expected = manifold(REAL[weights > 0], made[weights > 0])
    for name, statistic in manifold_of(REAL, made).items():
        assert statistic(weights) == pytest.approx(getattr(expected, name))


def test_realism() -> None:
    real, made = realism(REAL, np.stack([REAL[0] + 1e-6, REAL[0] + 100]))
    assert made[0] > 1 > made[1] > 0
    assert real.shape == (40,) and np.isfinite(real).all()
