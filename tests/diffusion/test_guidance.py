"""Guidance in one call equals the formula in two."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from pandiff.diffusion import guided
from pandiff.state import StateLayout

LAYOUT = StateLayout(2, 1, 2)
NULL = torch.full((1, 3, 5), -0.5)


class Counted:
    """A denoiser that depends on everything it is told, and counts its calls."""

    def __init__(self, gain: float = 0.2) -> None:
        self.gain = gain
        self.batches: list[int] = []

    def __call__(
        self, x: Tensor, t: Tensor, context: Tensor, known: Tensor | None = None
    ) -> Tensor:
        self.batches.append(len(x))
        level = LAYOUT.per_stream(t.float() / 1000)
        given = 0 if known is None else LAYOUT.expand_known(known)
        return self.gain * (x + level + context.mean((1, 2))[:, None, None, None] + given)


def inputs() -> tuple[Tensor, Tensor, Tensor, Tensor]:
    g = torch.Generator().manual_seed(0)
    x = torch.randn(2, LAYOUT.channels, 4, 4, generator=g)
    context = torch.randn(2, 3, 5, generator=g)
    known = (torch.rand(2, LAYOUT.known_channels, 4, 4, generator=g) > 0.5).float()
    return x, torch.tensor([[10, 900], [500, 0]]), context, known


def test_scale_one_is_the_denoiser_itself() -> None:
    denoise = Counted()
    assert guided(denoise, LAYOUT, NULL, (1.0, 1.0)) is denoise


@pytest.mark.parametrize("scale", [(3.0, 3.0), (2.0, 1.0), (1.0, 5.0), (0.0, 0.0)])
@pytest.mark.parametrize("with_known", [False, True])
def test_guided_equals_the_formula(scale: tuple[float, float], with_known: bool) -> None:
    x, t, context, known = inputs()
    mask = known if with_known else None
    denoise = Counted(gain=0.05)  # small, so that the map stays inside [-1, 1]
    prompt = denoise(x, t, context, mask)
    null = denoise(x, t, NULL.expand_as(context), mask)
    expected = null + LAYOUT.per_stream(torch.tensor([scale])) * (prompt - null)
    out = guided(denoise, LAYOUT, NULL, scale)(x, t, context, mask)
    assert LAYOUT.split(expected)[1].abs().max() < 1
    torch.testing.assert_close(out, expected)


def test_guided_asks_once_with_twice_the_batch() -> None:
    denoise = Counted()
    guided(denoise, LAYOUT, NULL, (3.0, 2.0))(*inputs())
    assert denoise.batches == [4]


def test_the_map_is_clamped_and_the_image_is_not() -> None:
    out = guided(Counted(gain=5.0), LAYOUT, NULL, (4.0, 4.0))(*inputs())
    image, panoptic = LAYOUT.split(out)
    assert image.abs().max() > 1
    assert panoptic.abs().max() == 1
