"""Frechet and kernel distance: equal to torchmetrics' on the same features, and closed forms."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from pandiff.errors import InputError
from pandiff.evaluation.distances import (
    frechet_distance,
    frechet_of,
    kernel_distance,
    kernel_of,
)

RANDOM = np.random.default_rng(0)
MIX = RANDOM.normal(size=(6, 6))
REAL = (RANDOM.normal(size=(200, 6)) @ MIX).astype(np.float32)
MADE = (RANDOM.normal(size=(200, 6)) @ MIX.T + 0.3).astype(np.float32)


class Rows(nn.Module):
    """A "network" whose images are its features already."""

    num_features = 6

    def forward(self, images: Tensor) -> Tensor:
        return images.flatten(1)


def updated(metric: nn.Module) -> nn.Module:
    for features, real in ((REAL, True), (MADE, False)):
        for start in range(0, 200, 64):
            images = torch.from_numpy(features[start : start + 64])[:, :, None, None]
            metric.update(images, real=real)
    return metric


def test_frechet_is_that_of_torchmetrics() -> None:
    fid = pytest.importorskip("torchmetrics.image.fid")
    metric = updated(fid.FrechetInceptionDistance(Rows(), normalize=True).set_dtype(torch.float64))
    assert frechet_distance(REAL, MADE) == pytest.approx(float(metric.compute()), rel=1e-6)


def test_kernel_is_that_of_torchmetrics() -> None:
    kid = pytest.importorskip("torchmetrics.image.kid")
    metric = updated(
        kid.KernelInceptionDistance(Rows(), subsets=1, subset_size=200, normalize=True)
    )
    assert kernel_distance(REAL, MADE) == pytest.approx(float(metric.compute()[0]), rel=1e-3)


def test_frechet_of_gaussians_in_one_dimension() -> None:
    real, made = REAL[:, :1], MADE[:, :1]
    deviations = real.std(ddof=1) - made.std(ddof=1)
    expected = (real.mean() - made.mean()) ** 2 + deviations**2
    assert frechet_distance(real, made) == pytest.approx(expected, rel=1e-5)


def test_frechet_with_fewer_vectors_than_dimensions() -> None:
    real, made = RANDOM.normal(size=(5, 40)), RANDOM.normal(size=(7, 40))
    covariances = [np.cov(x.T) for x in (real, made)]
    root = np.sqrt(np.linalg.eigvals(covariances[0] @ covariances[1]).astype(complex)).real.sum()
    apart = ((real.mean(axis=0) - made.mean(axis=0)) ** 2).sum()
    expected = apart + np.trace(covariances[0]) + np.trace(covariances[1]) - 2 * root
    assert frechet_distance(real, made) == pytest.approx(expected, rel=1e-6)


def test_alike_and_moved() -> None:
    assert frechet_distance(REAL, REAL) == pytest.approx(0, abs=1e-6)
    assert frechet_distance(REAL, REAL + 2) == pytest.approx(4 * 6, rel=1e-5)
    assert frechet_distance(REAL, MADE) == pytest.approx(frechet_distance(MADE, REAL))
    assert frechet_distance(REAL[::-1], MADE) == pytest.approx(frechet_distance(REAL, MADE))


def test_kernel_has_no_bias() -> None:
    draws = [RANDOM.normal(size=(2, 12, 3)) for _ in range(2000)]
    found = np.array([kernel_distance(a, b) for a, b in draws])
    assert abs(found.mean()) < 3 * found.std() / np.sqrt(2000)
    assert (found < 0).any()


def test_kernel_by_slow_loops() -> None:
    a, b = REAL[:9].astype(float), MADE[:7].astype(float)

    def kernel(x: np.ndarray, y: np.ndarray) -> float:
        return float((x @ y / 6 + 1) ** 3)

    pairs = [[kernel(x[i], x[j]) for i in range(len(x)) for j in range(len(x)) if i != j]
             for x in (a, b)]  # fmt: skip
    cross = [kernel(x, y) for x in a for y in b]
    expected = np.mean(pairs[0]) + np.mean(pairs[1]) - 2 * np.mean(cross)
    assert kernel_distance(a, b) == pytest.approx(expected)


def test_statistics_are_the_distances_of_the_chosen() -> None:
    weights = RANDOM.integers(0, 2, 200)
    chosen = REAL[weights > 0], MADE[weights > 0]
    assert frechet_of(REAL, MADE)(weights) == frechet_distance(*chosen)
    assert kernel_of(REAL, MADE)(weights) == pytest.approx(kernel_distance(*chosen))


@pytest.mark.parametrize(
    ("shapes", "message"),
    [(((4, 3), (4, 2)), r"features \(N, D\)"), (((4, 3), (1, 3)), "2 or more feature vectors")],
)
def test_what_does_not_fit(shapes: tuple[tuple[int, int], ...], message: str) -> None:
    real, made = (np.zeros(shape) for shape in shapes)
    for distance in (frechet_distance, kernel_distance):
        with pytest.raises(InputError, match=message):
            distance(real, made)
