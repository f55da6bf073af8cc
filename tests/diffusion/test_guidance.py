"""Guidance in one call equals the formula in several."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from pandiff.context import Context
from pandiff.diffusion import NUM_LEVELS, Guidance, guided
from pandiff.errors import InputError
from pandiff.state import StateLayout

LAYOUT = StateLayout(2, 1, 2)
NULL = Context(torch.full((1, 3, 5), -0.5))
NONE = Guidance(text=(1.0, 1.0))


def _mean(x: Tensor) -> Tensor:
    return x.mean((1, 2, 3), keepdim=True)


class Counted:
    """A denoiser that depends on everything it is told, and counts its calls."""

    def __init__(self, gain: float = 0.05) -> None:
        self.gain = gain
        self.batches: list[int] = []

    def __call__(
        self, x: Tensor, t: Tensor, context: Context, known: Tensor | None = None
    ) -> Tensor:
        self.batches.append(len(x))
        level = LAYOUT.per_stream(t.float() / 1000)
        given = 0 if known is None else LAYOUT.expand_known(known)
        told = context.text.mean((1, 2))
        if context.image is not None:
            told = told + context.image.mean((1, 2))
        image, panoptic = LAYOUT.split(x)
        across = torch.cat([image + _mean(panoptic), panoptic + _mean(image)], dim=1)
        return self.gain * (across + level + told[:, None, None, None] + given)


def inputs() -> tuple[Tensor, Tensor, Context, Tensor]:
    g = torch.Generator().manual_seed(0)
    x = torch.randn(2, LAYOUT.channels, 4, 4, generator=g)
    context = Context(torch.randn(2, 3, 5, generator=g), image=torch.randn(2, 2, 4, generator=g))
    known = (torch.rand(2, LAYOUT.known_channels, 4, 4, generator=g) > 0.5).float()
    return x, torch.tensor([[10, 900], [500, 0]]), context, known


def noise() -> Tensor:
    return torch.randn(2, LAYOUT.channels, 4, 4, generator=torch.Generator().manual_seed(9))


def per_stream(pair: tuple[float, float]) -> Tensor:
    return LAYOUT.per_stream(torch.tensor([pair]))


def no_text(context: Context) -> Context:
    return Context(NULL.text.expand_as(context.text), image=context.image)


def test_weights_of_one_are_the_denoiser_itself() -> None:
    denoise = Counted()
    assert guided(denoise, LAYOUT, NULL, NONE) is denoise


@pytest.mark.parametrize("scale", [(3.0, 3.0), (2.0, 1.0), (1.0, 5.0), (0.0, 0.0)])
@pytest.mark.parametrize("with_known", [False, True])
def test_text_guidance_equals_the_formula(scale: tuple[float, float], with_known: bool) -> None:
    x, t, context, known = inputs()
    mask = known if with_known else None
    denoise = Counted()  # its gain is small, so that the map stays inside [-1, 1]
    prompt, null = denoise(x, t, context, mask), denoise(x, t, no_text(context), mask)
    expected = null + per_stream(scale) * (prompt - null)
    out = guided(denoise, LAYOUT, NULL, Guidance(text=scale))(x, t, context, mask)
    assert LAYOUT.split(expected)[1].abs().max() < 1
    torch.testing.assert_close(out, expected)


def test_a_null_context_for_each_row() -> None:
    x, t, context, _ = inputs()
    rows = Context(torch.tensor([0.1, 0.7])[:, None, None].expand(2, 3, 5))
    denoise = Counted()
    prompt = denoise(x, t, context)
    null = denoise(x, t, Context(rows.text, image=context.image))
    out = guided(denoise, LAYOUT, rows, Guidance(text=(2.0, 2.0)))(x, t, context)
    torch.testing.assert_close(out, null + 2 * (prompt - null))


def test_the_papers_three_terms() -> None:
    """pred + s (pred - 1/2 pred[no text] - 1/2 pred[no map]), on the image."""
    x, t, context, known = inputs()
    denoise, s = Counted(), 1.6
    blind, level = x.clone(), t.clone()
    LAYOUT.split(blind)[1].copy_(LAYOUT.split(noise())[1])
    level[:, 1] = NUM_LEVELS
    seen = known.clone()
    seen[:, 1:] = 0
    pred = denoise(x, t, context, known)
    without_text = denoise(x, t, no_text(context), known)
    without_map = denoise(blind, level, context, seen)
    image = LAYOUT.split(pred + s * (pred - without_text / 2 - without_map / 2))[0]
    out = guided(denoise, LAYOUT, NULL, Guidance.of_paper(s), noise())(x, t, context, known)
    torch.testing.assert_close(LAYOUT.split(out)[0], image)
    torch.testing.assert_close(LAYOUT.split(out)[1], LAYOUT.split(pred)[1])


def test_guidance_of_the_map_by_the_image() -> None:
    x, t, context, _ = inputs()
    denoise = Counted()
    blind, level = x.clone(), t.clone()
    LAYOUT.split(blind)[0].copy_(LAYOUT.split(noise())[0])
    level[:, 0] = NUM_LEVELS
    pred, without = denoise(x, t, context), denoise(blind, level, context)
    out = guided(denoise, LAYOUT, NULL, replace(NONE, image=2.5), noise())(x, t, context)
    torch.testing.assert_close(LAYOUT.split(out)[0], LAYOUT.split(pred)[0])
    torch.testing.assert_close(
        LAYOUT.split(out)[1], LAYOUT.split(without + 2.5 * (pred - without))[1]
    )


def test_guidance_by_an_image_prompt() -> None:
    x, t, context, _ = inputs()
    denoise = Counted()
    pred, without = denoise(x, t, context), denoise(x, t, context.without_image())
    out = guided(denoise, LAYOUT, NULL, replace(NONE, image_prompt=2.0))(x, t, context)
    torch.testing.assert_close(out, without + 2 * (pred - without))


def test_guidance_acts_in_its_interval() -> None:
    x, _, context, _ = inputs()
    t = torch.tensor([[300, 0], [700, 700]])
    denoise = Counted()
    everywhere = guided(denoise, LAYOUT, NULL, Guidance())(x, t, context)
    late = guided(denoise, LAYOUT, NULL, Guidance(interval=(0.5, 1.0)))(x, t, context)
    torch.testing.assert_close(late[0], denoise(x, t, context)[0])
    torch.testing.assert_close(late[1], everywhere[1])


def test_outside_of_its_interval_guidance_costs_nothing() -> None:
    denoise = Counted()
    x, t, context, _ = inputs()
    guided(denoise, LAYOUT, NULL, Guidance(interval=(0.95, 1.0)))(x, t, context)
    assert denoise.batches == [2]


@pytest.mark.parametrize(
    ("guidance", "times"),
    [(Guidance(), 2), (Guidance.of_paper(1.0), 3), (Guidance((3, 2), 2, 2, 2), 5)],
)
def test_guided_asks_once(guidance: Guidance, times: int) -> None:
    denoise = Counted()
    guided(denoise, LAYOUT, NULL, guidance, noise())(*inputs())
    assert denoise.batches == [2 * times]


def test_the_map_is_clamped_and_the_image_is_not() -> None:
    out = guided(Counted(gain=5.0), LAYOUT, NULL, Guidance((4.0, 4.0)))(*inputs())
    image, panoptic = LAYOUT.split(out)
    assert image.abs().max() > 1
    assert panoptic.abs().max() == 1


def test_guidance_by_the_map_needs_noise() -> None:
    with pytest.raises(InputError, match="noise for guidance by the map"):
        guided(Counted(), LAYOUT, NULL, Guidance(map=2.0))(*inputs())


@pytest.mark.parametrize("interval", [(-0.1, 1.0), (0.6, 0.5), (0.0, 1.1)])
def test_an_impossible_interval(interval: tuple[float, float]) -> None:
    with pytest.raises(InputError, match=r"guidance interval of low <= high in 0\.\.1"):
        Guidance(interval=interval)


@pytest.mark.parametrize(
    ("image", "panoptic", "expected"),
    [
        (False, False, Guidance((2, 3), 4, 5, 6)),
        (True, False, Guidance((1, 3), 4, 1, 6)),
        (False, True, Guidance((2, 1), 4, 5, 1)),
        (True, True, Guidance((1, 1), 4, 1, 1)),
    ],
)
def test_what_acts_on_a_given_stream_alone_is_left_out(
    image: bool, panoptic: bool, expected: Guidance
) -> None:
    assert Guidance((2, 3), 4, 5, 6).beside(image=image, panoptic=panoptic) == expected
