"""Rank correlations against scipy and by symmetry."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from pandiff.evaluation.study.correlation import kendall, same_choice, spearman


@pytest.fixture(scope="module")
def points() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    x = rng.normal(size=80)
    return x, np.round(x + rng.normal(size=80))


def test_equal_to_scipy(points: tuple[np.ndarray, np.ndarray]) -> None:
    assert spearman(*points).value == pytest.approx(stats.spearmanr(*points).statistic)
    assert kendall(*points).value == pytest.approx(stats.kendalltau(*points).statistic)


def test_the_interval_is_that_of_the_normal_law(points: tuple[np.ndarray, np.ndarray]) -> None:
    found = spearman(*points)
    z, width = np.arctanh(found.value), 1.96 * np.sqrt(1.06 / 77)  # Fieller 1957
    low, high = np.tanh(z - width), np.tanh(z + width)
    assert found.low == pytest.approx(low, abs=0.06) and found.high == pytest.approx(high, abs=0.06)


def test_mirrored_points_forget_the_order(points: tuple[np.ndarray, np.ndarray]) -> None:
    x, y = points
    flip = np.where(np.arange(80) % 3 == 0, -1, 1)
    for of in (spearman, kendall):
        assert of(x * flip, y * flip, True).value == pytest.approx(of(x, y, True).value)
    assert spearman(np.abs(x) + 1, np.abs(x) + 1, True).value == pytest.approx(1)


def test_nothing_to_rank() -> None:
    assert spearman(np.arange(2.0), np.arange(2.0)).n == 0
    assert spearman(np.ones(9), np.arange(9.0)).n == 0
    assert same_choice(np.zeros(3), np.ones(3)).n == 0


def test_same_choice() -> None:
    found = same_choice(np.array([1, -2, 0, 3, 1]), np.array([0.5, -1, 1, -1, 0]))
    assert found.value == pytest.approx(2 / 3) and found.n == 3
