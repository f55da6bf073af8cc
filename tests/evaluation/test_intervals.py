"""Intervals and paired differences against the closed forms of a mean."""

from __future__ import annotations

import math

import numpy as np
import pytest

from pandiff.evaluation.bootstrap import estimate, ratio_of
from pandiff.evaluation.intervals import Metric, difference

VALUES = np.random.default_rng(1).normal(3, 2, 401)
NOTHING = np.zeros(401)


def mean(values: np.ndarray, halves: bool = False) -> Metric:
    return Metric(ratio_of(values, np.ones(len(values))), len(values), halves=halves)


@pytest.mark.parametrize("halves", [False, True])
def test_interval_of_a_mean(halves: bool) -> None:
    found, error = mean(VALUES, halves).estimate(), VALUES.std() / math.sqrt(401)
    assert found.value == pytest.approx(VALUES.mean())
    assert found.low == pytest.approx(found.value - 1.96 * error, abs=0.3 * error)
    assert found.high == pytest.approx(found.value + 1.96 * error, abs=0.3 * error)


def test_it_is_the_bootstrap_of_before() -> None:
    expected = estimate(ratio_of(VALUES, np.ones(401)), 401)
    found = mean(VALUES).estimate()
    assert found.value == expected.value and found.n == 401
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high))


@pytest.mark.parametrize("halves", [False, True])
def test_intervals_hold_the_truth_as_often_as_they_say(halves: bool) -> None:
    random = np.random.default_rng(2)
    found = [mean(random.normal(0, 1, 40), halves).estimate() for _ in range(100)]
    assert 85 <= sum(e.low <= 0 <= e.high for e in found) <= 100


@pytest.mark.parametrize("halves", [False, True])
def test_pairs_see_a_difference_that_samples_alone_hide(halves: bool) -> None:
    noise = np.random.default_rng(3).normal(0, 0.1, 401)
    one, other = mean(VALUES + 0.05 + noise, halves), mean(VALUES, halves)
    assert one.estimate().low < other.estimate().high
    found = difference(one, other)
    assert found.value == pytest.approx(0.05 + noise.mean())
    assert found.low > 0 and found.p < 0.05 and found.n == 401


@pytest.mark.parametrize("halves", [False, True])
def test_no_difference(halves: bool) -> None:
    found = difference(mean(VALUES, halves), mean(VALUES, halves))
    assert (found.value, found.low, found.high, found.p) == (0, 0, 0, 1)


def test_chance_is_seldom_significant() -> None:
    random = np.random.default_rng(4)
    tests = [random.normal(size=(2, 60)) for _ in range(60)]
    small = sum(difference(mean(a), mean(b)).p < 0.05 for a, b in tests)
    assert small <= 8


def test_nothing_to_count() -> None:
    nothing = Metric(ratio_of(NOTHING, NOTHING), 401)
    assert nothing.estimate().n == 0 and difference(nothing, nothing).p == 1


def test_too_few_for_halves_have_no_bounds() -> None:
    found = mean(VALUES[:4], halves=True).estimate()
    assert math.isinf(found.low) and math.isinf(found.high) and math.isfinite(found.value)
