"""Bootstrap intervals against the closed form of a mean, and trivial truths."""

from __future__ import annotations

import numpy as np
import pytest

from pandiff.evaluation.bootstrap import Estimate, estimate, ratio_of


def test_interval_of_a_mean_is_that_of_the_normal_law() -> None:
    values = np.random.default_rng(1).normal(3, 2, 400)
    found = estimate(ratio_of(values, np.ones(400)), 400)
    deviation = values.std() / 20
    assert found.value == pytest.approx(values.mean())
    assert found.low == pytest.approx(values.mean() - 1.96 * deviation, abs=0.2 * deviation)
    assert found.high == pytest.approx(values.mean() + 1.96 * deviation, abs=0.2 * deviation)
    assert found.n == 400


def test_what_does_not_vary_has_no_width() -> None:
    found = estimate(ratio_of(np.array([1, 2, 3]), np.array([2, 4, 6])), 3, n=12)
    assert (found.value, found.low, found.high, found.n) == (0.5, 0.5, 0.5, 12)


def test_nothing_to_divide_by() -> None:
    assert estimate(ratio_of(np.zeros(4), np.zeros(4)), 4) == Estimate(0, 0, 0, 0)


def test_resamples_without_the_only_claim_do_not_count() -> None:
    found = estimate(ratio_of(np.array([1, 0, 0]), np.array([1, 0, 0])), 3, n=1)
    assert (found.value, found.low, found.high) == (1, 1, 1)


def test_the_same_each_time() -> None:
    statistic = ratio_of(np.arange(9.0), np.ones(9))
    assert estimate(statistic, 9) == estimate(statistic, 9)
