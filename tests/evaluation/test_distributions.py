"""Jensen-Shannon and Wasserstein against scipy, and trivial truths."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.spatial.distance import jensenshannon
from scipy.stats import wasserstein_distance

from pandiff.evaluation.distributions import (
    histogram_distance,
    histogram_distance_of,
    jensen_shannon,
    jensen_shannon_of,
    sample_distance,
    sample_distance_of,
)

RANDOM = np.random.default_rng(0)
P, Q = RANDOM.integers(0, 5, (2, 30, 12))


def test_as_scipy_has_them() -> None:
    p, q = P.sum(axis=0), Q.sum(axis=0)
    assert jensen_shannon(p, q) == pytest.approx(jensenshannon(p, q, base=2) ** 2)
    bins = np.arange(12)
    assert histogram_distance(p, q) == pytest.approx(wasserstein_distance(bins, bins, p, q))
    expected = [wasserstein_distance(P[:, k], Q[:, k]) for k in range(12)]
    assert sample_distance(P, Q) == pytest.approx(expected)


def test_alike_and_apart() -> None:
    assert jensen_shannon(np.array([1, 0]), np.array([0, 9])) == 1
    assert jensen_shannon(np.array([1, 3]), np.array([2, 6])) == 0
    assert histogram_distance(np.array([1, 0, 0]), np.array([0, 0, 5])) == 2
    assert math.isnan(jensen_shannon(np.zeros(3), np.ones(3)))
    assert math.isnan(histogram_distance(np.zeros(3), np.ones(3)))


def test_statistics_of_images() -> None:
    weights = RANDOM.integers(0, 3, 30)
    rows = np.repeat(np.arange(30), weights)
    p, q = P[rows].sum(axis=0), Q[rows].sum(axis=0)
    assert jensen_shannon_of(P, Q)(weights) == pytest.approx(jensen_shannon(p, q))
    assert histogram_distance_of(P, Q, 0.5)(weights) == pytest.approx(histogram_distance(p, q) / 2)
    expected = sample_distance(P[rows], Q[rows]).mean()
    assert sample_distance_of(P, Q)(weights) == pytest.approx(expected)


def test_what_never_occurs_does_not_dilute() -> None:
    a, b = np.zeros((4, 3)), np.zeros((4, 3))
    b[:, 1] = 2
    assert sample_distance_of(a, b)(np.ones(4, int)) == 2
    assert math.isnan(sample_distance_of(a, a)(np.ones(4, int)))
