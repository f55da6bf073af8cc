"""The objective and the denoiser agree on what a network's output means."""

from __future__ import annotations

from typing import get_args

import pytest
import torch
from torch import Tensor

from pandiff.context import Context
from pandiff.diffusion import (
    Levels,
    NetworkDenoiser,
    PatternWeights,
    StreamSchedules,
    add_noise,
    clean_from,
    draw_levels,
    objective,
)
from pandiff.diffusion.denoise import Prediction
from pandiff.diffusion.objective import LEAK, squash
from pandiff.state import StateLayout

LAYOUT = StateLayout(2, 1, 2)
SCHEDULES = StreamSchedules.for_ratio(2)
CONTEXT = Context(torch.zeros(1, 1, 1))
PREDICTIONS: tuple[Prediction, ...] = get_args(Prediction)

predictions = pytest.mark.parametrize("prediction", PREDICTIONS)


def randn(batch: int, seed: int) -> Tensor:
    g = torch.Generator().manual_seed(seed)
    return torch.randn(batch, LAYOUT.channels, 4, 4, generator=g)


def clean_state(batch: int) -> Tensor:
    """Images of any size, maps within (-1, 1)."""
    image, panoptic = LAYOUT.split(randn(batch, 0))
    return torch.cat([2 * image, 0.9 * panoptic.sin()], dim=1)


class Oracle:
    """Knows the clean state and the noise, and answers in the given prediction."""

    def __init__(self, prediction: Prediction, clean: Tensor, noise: Tensor) -> None:
        self.prediction, self.clean, self.noise = prediction, clean, noise

    def __call__(
        self, x: Tensor, t: Tensor, context: Context, known: Tensor | None = None
    ) -> Tensor:
        alpha, sigma = (LAYOUT.per_stream(c) for c in SCHEDULES.coefficients(t))
        velocity = alpha * self.noise - sigma * self.clean
        outputs = {"velocity": velocity, "noise": self.noise, "sample": self.clean}
        image = LAYOUT.split(outputs[self.prediction])[0]
        return torch.cat([image, LAYOUT.split(self.clean)[1].atanh()], dim=1)


class Off:
    """Another network, wrong by a constant on chosen cells."""

    def __init__(self, network: Oracle, where: Tensor) -> None:
        self.network, self.where = network, where

    def __call__(
        self, x: Tensor, t: Tensor, context: Context, known: Tensor | None = None
    ) -> Tensor:
        return self.network(x, t, context, known) + 10 * self.where


def some_levels(batch: int = 32) -> Levels:
    return draw_levels(LAYOUT, (batch, 4, 4), PatternWeights(), torch.Generator().manual_seed(1))


def at(level: int, batch: int = 2) -> Levels:
    t = torch.full((batch, 2), level)
    return Levels(t[:, 0], t, torch.zeros(batch, LAYOUT.known_channels, 4, 4))


@predictions
def test_an_oracle_has_no_loss(prediction: Prediction) -> None:
    clean, noise = clean_state(32), randn(32, 2)
    oracle = Oracle(prediction, clean, noise)
    losses = objective(oracle, LAYOUT, SCHEDULES, clean, CONTEXT, some_levels(), noise, prediction)
    assert losses.image < 1e-10
    assert losses.panoptic < 1e-10


@predictions
def test_another_prediction_has_a_loss(prediction: Prediction) -> None:
    clean, noise = clean_state(32), randn(32, 2)
    for other in set(PREDICTIONS) - {prediction}:
        oracle = Oracle(other, clean, noise)
        losses = objective(
            oracle, LAYOUT, SCHEDULES, clean, CONTEXT, some_levels(), noise, prediction
        )
        assert losses.image > 0.1


def test_known_cells_do_not_count_and_all_others_do() -> None:
    clean, noise, levels = clean_state(32), randn(32, 2), some_levels()
    known = LAYOUT.expand_known(levels.known)
    oracle = Oracle("velocity", clean, noise)

    def losses(where: Tensor) -> tuple[float, float]:
        out = objective(Off(oracle, where), LAYOUT, SCHEDULES, clean, CONTEXT, levels, noise)
        return float(out.image), float(out.panoptic)

    assert max(losses(known)) < 1e-10
    image, panoptic = losses(1 - known)
    assert image == pytest.approx(100, rel=1e-4)  # a mean over the free cells alone
    assert panoptic > 0.1


def test_a_batch_with_everything_known_has_a_finite_loss() -> None:
    clean, noise, levels = clean_state(2), randn(2, 2), at(0)
    levels = Levels(levels.pattern, levels.t, torch.ones_like(levels.known))
    oracle = Oracle("velocity", clean, noise)
    losses = objective(oracle, LAYOUT, SCHEDULES, clean, CONTEXT, levels, noise)
    assert losses.image == losses.panoptic == 0


def test_the_network_gets_what_was_drawn() -> None:
    clean, noise, levels = clean_state(32), randn(32, 2), some_levels()
    asked = {}

    def network(x: Tensor, t: Tensor, context: Context, known: Tensor | None = None) -> Tensor:
        asked.update(x=x, t=t, known=known)
        return torch.zeros_like(x)

    objective(network, LAYOUT, SCHEDULES, clean, CONTEXT, levels, noise)
    assert torch.equal(asked["t"], levels.t)
    assert torch.equal(asked["known"], levels.known)
    cells = LAYOUT.expand_known(levels.known).bool()
    assert torch.equal(asked["x"][cells], clean[cells])


@pytest.mark.parametrize("level", [0, 1, 300, 999, 1000])
def test_add_noise_is_the_formula(level: int) -> None:
    clean, noise = clean_state(2), randn(2, 2)
    alpha, sigma = (LAYOUT.per_stream(c) for c in SCHEDULES.coefficients(at(level).t))
    expected = alpha * clean + sigma * noise
    torch.testing.assert_close(add_noise(LAYOUT, SCHEDULES, clean, noise, at(level)), expected)
    if level == 0:
        assert torch.equal(expected, clean)


@predictions
@pytest.mark.parametrize("level", [0, 1, 300, 900])
def test_the_denoiser_of_an_oracle_returns_the_clean_state(
    prediction: Prediction, level: int
) -> None:
    clean, noise, levels = clean_state(2), randn(2, 2), at(level)
    x = add_noise(LAYOUT, SCHEDULES, clean, noise, levels)
    denoise = NetworkDenoiser(Oracle(prediction, clean, noise), LAYOUT, SCHEDULES, prediction)
    torch.testing.assert_close(denoise(x, levels.t, CONTEXT), clean, rtol=0, atol=1e-5)


@pytest.mark.parametrize("prediction", ["velocity", "sample"])
def test_and_at_the_last_level(prediction: Prediction) -> None:
    """Noise says nothing of the clean state there."""
    clean, noise, levels = clean_state(2), randn(2, 2), at(1000)
    x = add_noise(LAYOUT, SCHEDULES, clean, noise, levels)
    denoise = NetworkDenoiser(Oracle(prediction, clean, noise), LAYOUT, SCHEDULES, prediction)
    torch.testing.assert_close(denoise(x, levels.t, CONTEXT), clean, rtol=0, atol=1e-5)


def test_predictions_agree_on_the_clean_state() -> None:
    clean, noise = randn(3, 0).double(), randn(3, 1).double()
    a = torch.tensor([0.1, 0.6, 0.99], dtype=torch.float64)[:, None, None, None]
    s = (1 - a**2).sqrt()
    x = a * clean + s * noise
    outputs = {"velocity": a * noise - s * clean, "noise": noise, "sample": clean}
    for prediction in PREDICTIONS:
        torch.testing.assert_close(clean_from(prediction, outputs[prediction], x, a, s), clean)


def test_the_map_is_squashed() -> None:
    def loud(x: Tensor, t: Tensor, context: Context, known: Tensor | None = None) -> Tensor:
        return torch.full_like(x, 50.0)

    out = NetworkDenoiser(loud, LAYOUT, SCHEDULES, "sample")(randn(1, 0), at(5, 1).t, CONTEXT)
    image, panoptic = LAYOUT.split(out)
    assert (image == 50).all()
    assert (panoptic == 1).all()


def test_map_weights_weigh_channels() -> None:
    """A map wrong in its second channel only: the first channel's weight does not matter."""
    layout = StateLayout(1, 2, 2)
    clean = torch.zeros(2, layout.channels, 4, 4)
    wrong = layout.join(torch.zeros(2, 1, 4, 4), torch.zeros(2, 2, 8, 8).index_fill(1, _SECOND, 1))
    t = torch.full((2, 2), 500)
    levels = Levels(t[:, 0], t, torch.zeros(2, layout.known_channels, 4, 4))

    def loss(weights: Tensor | None) -> float:
        def network(*_: Tensor) -> Tensor:
            return wrong

        out = objective(
            network, layout, SCHEDULES, clean, CONTEXT, levels, clean, map_weights=weights
        )
        return float(out.panoptic)

    assert loss(torch.tensor([1.0, 1.0])) == pytest.approx(loss(None))
    assert loss(torch.tensor([9.0, 3.0])) == pytest.approx(3 * loss(None))
    assert loss(torch.tensor([1.0, 0.0])) == 0


_SECOND = torch.tensor([1])


def test_image_weights_weigh_cells() -> None:
    """An image wrong in its upper half: a weighted mean over the cells."""
    clean, noise, levels = clean_state(2), randn(2, 2), at(500)
    upper = torch.zeros(2, 1, 4, 4)
    upper[:, :, :2] = 1
    off = Off(Oracle("velocity", clean, noise), upper.expand_as(clean))

    def loss(weights: Tensor | None) -> float:
        out = objective(
            off, LAYOUT, SCHEDULES, clean, CONTEXT, levels, noise, image_weights=weights
        )
        return float(out.image)

    assert loss(torch.ones(2, 1, 4, 4)) == pytest.approx(loss(None))
    assert loss(1 + 2 * upper) == pytest.approx(1.5 * loss(None))  # 3 of 4 parts instead of 1 of 2
    assert loss(1 - upper) == 0


def test_a_sure_and_wrong_bit_is_mended() -> None:
    """A plain tanh is flat there: the bits of rare categories would stay wrong for ever."""
    logits = torch.tensor([-30.0, 0.3], requires_grad=True)
    squash(logits).sub(torch.tensor([1.0, 0.0])).square().sum().backward()
    assert torch.equal(squash(logits), logits.tanh())
    assert logits.grad is not None and logits.grad[0] == pytest.approx(-4 * LEAK)
