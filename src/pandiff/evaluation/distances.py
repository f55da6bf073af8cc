"""Distances between two sets of feature vectors: Frechet and kernel.

On the features of the standard Inception detector these are FID (Heusel et al. 2017, arXiv
1706.08500) and KID (Binkowski et al. 2018, arXiv 1801.01401).
"""

from __future__ import annotations

import numpy as np

from pandiff.errors import InputError
from pandiff.evaluation.bootstrap import Statistic


def frechet_distance(real: np.ndarray, made: np.ndarray) -> float:
    """|m1 - m2|^2 + tr(S1 + S2 - 2 (S1 S2)^(1/2)), of means m and covariances S.

    With S = X^T X the trace of the root is the sum of the singular values of X1 X2^T, which stays
    exact where S has no inverse, as with fewer vectors than dimensions. The distance is then
    biased upwards: compare sets of one size only.

    Args:
        real, made: (N, D) and (M, D) features; N and M of 2 or more.

    Raises:
        InputError: if the shapes do not fit.
    """
    _check(real, made)
    means, roots = zip(*(_gaussian(features) for features in (real, made)), strict=True)
    cross = np.linalg.svd(roots[0] @ roots[1].T, compute_uv=False).sum()
    own = sum(float((root**2).sum()) for root in roots)
    return float(((means[0] - means[1]) ** 2).sum() + own - 2 * cross)


def _gaussian(features: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The mean (D,), and X of at most D rows whose X^T X is the covariance."""
    features = features.astype(np.float64)
    mean = features.mean(axis=0)
    root = (features - mean) / np.sqrt(len(features) - 1)
    if len(root) > root.shape[1]:
        _, root = np.linalg.qr(root)
    return mean, root


def kernel_distance(real: np.ndarray, made: np.ndarray) -> float:
    """Squared maximum mean discrepancy under the kernel (x.y / D + 1)^3, without bias.

    It is below 0 by chance where the two sets are alike.

    Args:
        real, made: (N, D) and (M, D) features; N and M of 2 or more.

    Raises:
        InputError: if the shapes do not fit.
    """
    _check(real, made)
    inner = _mean_of_pairs(real) + _mean_of_pairs(made)
    return inner - 2 * float(_kernel(real, made).mean())


def _kernel(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    product: np.ndarray = a.astype(np.float64) @ b.astype(np.float64).T
    return (product / a.shape[1] + 1) ** 3


def _mean_of_pairs(features: np.ndarray) -> float:
    """Mean of the kernel over pairs of two different vectors."""
    kernel, n = _kernel(features, features), len(features)
    return float((kernel.sum() - np.trace(kernel)) / (n * (n - 1)))


def frechet_of(real: np.ndarray, made: np.ndarray) -> Statistic:
    """`frechet_distance` as a statistic of half-samples; vector k of both goes together."""
    return lambda weights: frechet_distance(real[weights > 0], made[weights > 0])


def kernel_of(real: np.ndarray, made: np.ndarray) -> Statistic:
    """`kernel_distance` as a statistic of half-samples; its kernels are computed once."""
    _check(real, made)
    inner = _kernel(real, real) + _kernel(made, made)
    diagonal, cross = np.diag(inner).copy(), _kernel(real, made)

    def statistic(weights: np.ndarray) -> float:
        chosen = (weights > 0).astype(np.float64)
        n = chosen.sum()
        pairs = chosen @ inner @ chosen - diagonal @ chosen
        return float(pairs / (n * (n - 1)) - 2 * (chosen @ cross @ chosen) / n**2)

    return statistic


def _check(real: np.ndarray, made: np.ndarray) -> None:
    if real.ndim != 2 or made.ndim != 2 or real.shape[1] != made.shape[1]:
        got = f"{real.shape} and {made.shape}"
        raise InputError("features (N, D) and (M, D)", got, "take both from one network")
    if min(len(real), len(made)) < 2:
        got = f"{len(real)} and {len(made)}"
        raise InputError("2 or more feature vectors of each set", got, "measure more images")
