"""How far two distributions are apart: Jensen-Shannon and Wasserstein, as statistics of images."""

from __future__ import annotations

import numpy as np

from pandiff.evaluation.bootstrap import Statistic


def jensen_shannon(p: np.ndarray, q: np.ndarray) -> float:
    """Divergence in bits, 0 alike .. 1 without overlap, of two histograms (K,) of any sums.

    NaN if one is empty.
    """
    if not p.sum() or not q.sum():
        return float("nan")
    p, q = p / p.sum(), q / q.sum()
    mean = (p + q) / 2
    return (_relative_entropy(p, mean) + _relative_entropy(q, mean)) / 2


def _relative_entropy(p: np.ndarray, q: np.ndarray) -> float:
    some = p > 0
    return float((p[some] * np.log2(p[some] / q[some])).sum())


def histogram_distance(p: np.ndarray, q: np.ndarray) -> float:
    """Wasserstein-1 distance in bins, of two histograms (K,) of any sums; NaN if one is empty."""
    if not p.sum() or not q.sum():
        return float("nan")
    return float(np.abs(np.cumsum(p / p.sum() - q / q.sum())).sum())


def sample_distance(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """(K,) Wasserstein-1 distances between the columns of two samples (N, K) of one size."""
    return np.abs(np.sort(a, axis=0) - np.sort(b, axis=0)).mean(axis=0)


def jensen_shannon_of(p: np.ndarray, q: np.ndarray) -> Statistic:
    """`jensen_shannon` of the summed rows (N, K)."""
    return lambda weights: jensen_shannon(weights @ p, weights @ q)


def histogram_distance_of(p: np.ndarray, q: np.ndarray, bin_width: float = 1.0) -> Statistic:
    """`histogram_distance` of the summed rows (N, K), in units of the bins."""
    return lambda weights: histogram_distance(weights @ p, weights @ q) * bin_width


def sample_distance_of(a: np.ndarray, b: np.ndarray) -> Statistic:
    """Mean of `sample_distance` over the columns (N, K) that occur in either sample."""
    some = (a != 0).any(axis=0) | (b != 0).any(axis=0)
    a, b = a[:, some], b[:, some]

    def statistic(weights: np.ndarray) -> float:
        rows = np.repeat(np.arange(len(weights)), weights)
        return float(sample_distance(a[rows], b[rows]).mean()) if some.any() else float("nan")

    return statistic
