"""Agreement against Krippendorff's published example, and trivial truths."""

from __future__ import annotations

import numpy as np
import pytest

from pandiff.evaluation.study.agreement import INTERVAL, NOMINAL, ORDINAL, alpha, identical

X = np.nan
PUBLISHED = np.array([
    [1, 2, 3, 3, 2, 1, 4, 1, 2, X, X, X],
    [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, X, 3],
    [X, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, X],
    [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, X],
])  # fmt: skip
"""Krippendorff 2011, section D: four observers, twelve units, values missing."""


@pytest.mark.parametrize(
    ("level", "published"), [(NOMINAL, 0.743), (ORDINAL, 0.815), (INTERVAL, 0.849)]
)
def test_the_published_example(level: str, published: float) -> None:
    found = alpha(PUBLISHED, level)
    assert found.value == pytest.approx(published, abs=5e-4)
    assert found.n == 11 and found.low < found.value < found.high


def test_two_observers_binary_published() -> None:
    """Section A of the same: two observers, ten units, alpha 0.095."""
    one, other = [0, 1, 0, 0, 0, 0, 0, 0, 1, 0], [1, 1, 1, 0, 0, 1, 0, 0, 0, 0]
    assert alpha(np.array([one, other], float), NOMINAL).value == pytest.approx(0.095, abs=5e-4)


def test_full_agreement_chance_and_opposites() -> None:
    values = np.tile(np.arange(50.0) % 5, (3, 1))
    assert alpha(values).value == 1 and alpha(values).low == 1
    random = np.random.default_rng(0).integers(0, 5, (6, 400)).astype(float)
    assert abs(alpha(random).value) < 0.05
    assert alpha(np.array([[0, 1] * 20, [1, 0] * 20], float)).value < -0.9


def test_nothing_to_say() -> None:
    assert alpha(np.full((3, 4), 2.0)).n == 0  # no two answers differ
    assert alpha(np.array([[1, 2, X], [X, X, 3]])).n == 0  # no question has two answers
    assert alpha(np.empty((0, 0))).n == 0


def test_identical_answers() -> None:
    found = identical(np.array([[1, 1, 2], [1, 2, X], [2, 3, X]], float))
    assert found.value == pytest.approx(1 / 6) and found.n == 6
    assert identical(np.array([[1.0, 2.0]])).n == 0
