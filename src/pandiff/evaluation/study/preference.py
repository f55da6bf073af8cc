"""Which set people prefer: shares of pairs of sets, and one strength for each of many."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from pandiff.evaluation.bootstrap import Estimate, estimate

ROUNDS, RESAMPLES = 200, 1000
"""Steps of the fit, which are far more than it needs for a few sets; bootstrap resamples."""


def strengths(wins: np.ndarray) -> list[Estimate]:
    """Bradley-Terry strengths as log-odds against an average set, their mean 0.

    The probability that set a is preferred to set b is 1 / (1 + exp(s_b - s_a)). Each pair of sets
    that was compared gets half a win each way, so that a set which always wins has a finite one.

    Args:
        wins: (questions, sets, sets): how often a was preferred to b, "same" half to each.

    Returns:
        One for each set, with intervals by a bootstrap over questions.
    """
    count = len(wins)
    drawn = np.random.default_rng(0).multinomial(count, np.full(count, 1 / count), size=RESAMPLES)
    weights = np.concatenate([np.ones((1, count)), drawn])
    total = wins.sum(axis=0)
    found = fit(np.tensordot(weights, wins, 1) + (total + total.T > 0) / 2)
    low, high = np.percentile(found[1:], (2.5, 97.5), axis=0)
    return [
        Estimate(float(s), float(low[k]), float(high[k]), count) for k, s in enumerate(found[0])
    ]


def fit(wins: np.ndarray) -> np.ndarray:
    """(..., n) log-strengths of most likelihood, for (..., n, n) wins of a over b (Hunter 2004)."""
    games, total = wins + wins.swapaxes(-1, -2), wins.sum(axis=-1)
    p = np.ones(total.shape)
    for _ in range(ROUNDS):
        p = total / (games / (p[..., :, None] + p[..., None, :])).sum(axis=-1)
        p = p / np.exp(np.log(p).mean(axis=-1, keepdims=True))
    return np.log(p)


def share(won: Sequence[float], asked: Sequence[float]) -> Estimate:
    """How often the second of two sets was preferred, "same" counted half.

    Args:
        won: for each question how often it was.
        asked: how many were asked.
    """
    parts, wholes = np.array(won), np.array(asked)
    if not wholes.sum():
        return Estimate(0.0, 0.0, 0.0, 0)
    return estimate(lambda w: float(w @ parts) / float(w @ wholes), len(parts))
