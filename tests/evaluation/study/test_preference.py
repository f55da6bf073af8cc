"""Preferences against closed forms and simulated raters."""

from __future__ import annotations

import numpy as np
import pytest

from pandiff.evaluation.study.preference import fit, share, strengths


def test_two_sets_have_a_closed_form() -> None:
    wins = np.array([[0, 12.0], [4, 0]])
    assert np.diff(fit(wins)) == pytest.approx(-np.log(12 / 4))


def test_three_sets_are_at_the_most_likely() -> None:
    wins = np.array([[0, 6.0, 9], [4, 0, 7], [1, 3, 0]])
    found = fit(wins)
    chance = 1 / (1 + np.exp(found[None] - found[:, None]))
    games = wins + wins.T
    assert (games * chance).sum(axis=1) == pytest.approx(wins.sum(axis=1))  # the score equations
    assert found.mean() == pytest.approx(0) and list(found) == sorted(found, reverse=True)


def test_known_strengths_come_back() -> None:
    true, rng = np.array([1.0, 0, -1]), np.random.default_rng(0)
    wins = np.zeros((900, 3, 3))
    for k in range(900):
        a, b = ((0, 1), (0, 2), (1, 2))[k % 3]
        won = rng.random() < 1 / (1 + np.exp(true[b] - true[a]))
        wins[(k, a, b) if won else (k, b, a)] = 1
    found = strengths(wins)
    assert [s.value for s in found] == pytest.approx(true, abs=0.2)
    assert all(s.low < t < s.high and s.high - s.low < 0.6
               for s, t in zip(found, true, strict=True))  # fmt: skip


def test_a_set_that_always_wins_is_finite() -> None:
    wins = np.zeros((10, 3, 3))
    wins[:, 0, 1] = wins[:, 0, 2] = 1  # 1 and 2 never met
    found = strengths(wins)
    assert all(np.isfinite([s.value, s.low, s.high]).all() for s in found)
    assert found[0].value > 1 and found[1].value == pytest.approx(found[2].value)


def test_share_of_one_pair() -> None:
    found = share([1, 0.5, 2], [1, 1, 2])
    assert found.value == 3.5 / 4 and found.n == 3 and found.low < found.value
    assert share([], []).n == 0
