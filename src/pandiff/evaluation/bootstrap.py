"""Percentile bootstrap intervals (Efron 1979) of statistics of a sample of images."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

Statistic = Callable[[np.ndarray], float]
"""A number of a sample, given (N,) int64: how often each of the N images is in it.

NaN where the sample has nothing that it could be counted on."""


@dataclass(frozen=True)
class Estimate:
    """A number with the ends of its 95 % interval, and the size n of what it was counted on.

    All are 0 where there was nothing.
    """

    value: float
    low: float
    high: float
    n: int


def estimate(statistic: Statistic, count: int, *, n: int | None = None) -> Estimate:
    """A statistic of `count` images, with its interval from 1000 resamples under a fixed seed.

    Args:
        statistic: the number, of how often each image is in the sample.
        count: number of images.
        n: size to report where it is not the number of images.
    """
    rng = np.random.default_rng(0)
    weights = rng.multinomial(count, np.full(count, 1 / count), size=1000)
    whole = statistic(np.ones(count, dtype=np.int64))
    if np.isnan(whole):
        return Estimate(0.0, 0.0, 0.0, 0)
    low, high = np.nanpercentile([statistic(w) for w in weights], (2.5, 97.5))
    return Estimate(whole, float(low), float(high), count if n is None else n)


def ratio_of(parts: np.ndarray, wholes: np.ndarray) -> Statistic:
    """Sum of the parts (N,) over sum of the wholes (N,); NaN where that is 0."""

    def statistic(weights: np.ndarray) -> float:
        whole = float(weights @ wholes)
        return float(weights @ parts) / whole if whole else np.nan

    return statistic
