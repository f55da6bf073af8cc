"""Metrics as functions of a sample of images, their intervals, and differences of two runs.

What adds up over images has percentile bootstrap intervals (`bootstrap`). What compares images with
one another, as Frechet distance and nearest neighbours do, is upset by the doubles that drawing
with replacement makes. Those have intervals from half-samples (McCarthy 1969, doi 10.2307/2528803):
the spread of a statistic over random halves, drawn without replacement, is its standard error.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from pandiff.evaluation.bootstrap import Estimate, Statistic

RESAMPLES, HALVES = 1000, 100
"""How often samples and half-samples are drawn."""
MANY = 2000
"""With more images than this a tenth of the half-samples must do, for they are dear."""
LEAST = 8
"""Fewer images have no half worth the name."""


@dataclass(frozen=True)
class Metric:
    """One number of a run.

    Attributes:
        statistic: the number, of how often each image is in the sample.
        count: number of images.
        n: size to report where it is not the number of images.
        halves: whether the statistic compares images, so that each may be in a sample only once.
        bounds: what the number lies between by its nature; intervals end there.
    """

    statistic: Statistic
    count: int
    n: int | None = None
    halves: bool = False
    bounds: tuple[float, float] = (-math.inf, math.inf)

    def estimate(self) -> Estimate:
        """The number with its 95 % interval; all 0 where there is nothing to count."""
        whole = self.statistic(np.ones(self.count, dtype=np.int64))
        if math.isnan(whole):
            return Estimate(0.0, 0.0, 0.0, 0)
        found = spread(self.statistic, self.count, whole, self.halves)
        low, high = np.clip((whole + found.low, whole + found.high), *self.bounds)
        n = self.count if self.n is None else self.n
        return Estimate(whole, float(low), float(high), n)


@dataclass(frozen=True)
class Spread:
    """The ends of a 95 % interval relative to the value, and its two-sided p against 0."""

    low: float
    high: float
    p: float


@dataclass(frozen=True)
class Difference:
    """A number of one run minus that of another, over the same samples.

    Attributes:
        value: the difference.
        low, high: ends of its 95 % interval.
        p: two-sided: how probable a difference as far from 0 is if there is none.
        n: number of samples.
    """

    value: float
    low: float
    high: float
    p: float
    n: int


def difference(one: Metric, other: Metric) -> Difference:
    """One metric minus another, sample k of both drawn together (a paired bootstrap).

    Both must be of the same samples.
    """

    def statistic(weights: np.ndarray) -> float:
        return one.statistic(weights) - other.statistic(weights)

    whole = statistic(np.ones(one.count, dtype=np.int64))
    if math.isnan(whole):
        return Difference(0.0, 0.0, 0.0, 1.0, 0)
    s = spread(statistic, one.count, whole, one.halves)
    return Difference(whole, whole + s.low, whole + s.high, s.p, one.count)


def spread(statistic: Statistic, count: int, whole: float, halves: bool) -> Spread:
    """How a statistic, `whole` on all images, varies over samples of them.

    Drawn with replacement: percentiles of the draws. Halves: 1.96 standard errors each way; where
    there are fewer than 8 images, without bounds.
    """
    if not halves:
        draws = np.array([statistic(w) for w in _with_replacement(count)])
        draws = draws[~np.isnan(draws)]
        low, high = np.percentile(draws, (2.5, 97.5))
        error = float(draws.std())
        return Spread(float(low) - whole, float(high) - whole, _two_sided(whole, error))
    if count < LEAST:
        return Spread(-math.inf, math.inf, 1.0)
    error = _standard_error([statistic(w) for w in _halves(count)], count)
    return Spread(-1.96 * error, 1.96 * error, _two_sided(whole, error))


def _two_sided(value: float, error: float) -> float:
    """How probable a normal variable of this standard error is to be as far from 0 as a value."""
    if value == 0:
        return 1.0
    return math.erfc(abs(value) / error / math.sqrt(2)) if error else 0.0


def _standard_error(values: list[float], count: int) -> float:
    """Of the whole, from its values on halves; exact for a mean, odd counts included."""
    small = count // 2
    found = [v for v in values if not math.isnan(v)]
    return float(np.std(found)) * math.sqrt(small / (count - small)) if found else 0.0


def _with_replacement(count: int) -> Iterator[np.ndarray]:
    """(count,) int64 each: how often each image is drawn."""
    rng = np.random.default_rng(0)
    yield from rng.multinomial(count, np.full(count, 1 / count), size=RESAMPLES)


def _halves(count: int) -> Iterator[np.ndarray]:
    """(count,) int64 each: 1 for half of the images, 0 for the others."""
    rng = np.random.default_rng(0)
    for _ in range(HALVES if count <= MANY else HALVES // 10):
        weights = np.zeros(count, dtype=np.int64)
        weights[rng.permutation(count)[: count // 2]] = 1
        yield weights
