"""The unified network: shapes, gradients, independence, storage."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from pandiff.context import Context
from pandiff.errors import InputError
from pandiff.models.patching import PATCHINGS
from pandiff.models.unified import UnifiedPDM

SMALL: dict[str, Any] = {
    "sample_size": 8,
    "image_channels": 3,
    "map_channels": 2,
    "width": 32,
    "depth": 3,
    "heads": 2,
    "context_dim": 6,
    "context_length": 4,
}
ratios = pytest.mark.parametrize("ratio", [1, 2, 4, 8])
patchings = pytest.mark.parametrize("patching", PATCHINGS)


def small(ratio: int = 2, patching: str = "multi", trained: bool = False) -> UnifiedPDM:
    """A small network; `trained`: with no weight left at zero."""
    torch.manual_seed(0)
    model = UnifiedPDM(**SMALL, ratio=ratio, patching=patching).eval()
    if trained:
        with torch.no_grad():
            for p in model.parameters():
                p.add_(0.05 * torch.randn_like(p))
    return model


def inputs(model: UnifiedPDM, batch: int = 2) -> tuple[Tensor, Tensor, Context, Tensor]:
    g = torch.Generator().manual_seed(1)
    x = torch.randn(batch, model.layout.channels, 8, 8, generator=g)
    t = torch.randint(0, 1001, (batch, 2), generator=g)
    context = Context(torch.randn(batch, 4, 6, generator=g))
    known = (torch.rand(batch, model.layout.known_channels, 8, 8, generator=g) > 0.5).float()
    return x, t, context, known


def _keep(value: Tensor | Context, rows: Tensor) -> Tensor | Context:
    """The value with zeros in the other rows."""
    if isinstance(value, Context):
        return value.map(lambda v: v * rows[:, None, None])
    return value * rows.view(-1, *[1] * (value.ndim - 1))


@ratios
@patchings
def test_the_output_has_the_states_shape(ratio: int, patching: str) -> None:
    model = small(ratio, patching)
    x, t, context, known = inputs(model)
    with torch.no_grad():
        assert model(x, t, context, known).shape == x.shape
        assert model(x, t, Context(context.text[:, :2])).shape == x.shape  # a shorter context


@ratios
@patchings
def test_every_parameter_receives_a_gradient(ratio: int, patching: str) -> None:
    model = small(ratio, patching)
    x, t, context, known = inputs(model)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    for _ in range(3):  # the layers that start at zero hold back what lies before them
        optimizer.zero_grad()
        (model(x, t, context, known) - 1).square().mean().backward()
        optimizer.step()
    dead = [
        name for name, p in model.named_parameters() if p.grad is None or not p.grad.abs().sum() > 0
    ]
    assert not dead


@patchings
def test_a_sample_does_not_depend_on_its_batch(patching: str) -> None:
    model = small(patching=patching, trained=True)
    together = inputs(model, batch=3)
    with torch.no_grad():
        out = model(*together)
        for k in range(3):
            alone = model(*(v[k : k + 1] for v in together))
            torch.testing.assert_close(out[k : k + 1], alone, rtol=1e-5, atol=1e-5)
            keep = torch.tensor([0, 1, 2]) != (k + 1) % 3
            others = [_keep(v, keep) for v in together]
            torch.testing.assert_close(model(*others)[k], out[k], rtol=1e-5, atol=1e-5)


@patchings
@pytest.mark.parametrize("which", ["image", "map", "image level", "map level", "text", "mask"])
def test_both_streams_depend_on_everything(patching: str, which: str) -> None:
    model = small(patching=patching, trained=True)
    x, t, context, known = inputs(model)
    other_x, other_t, other_known = x.clone(), t.clone(), known
    other_context = Context(context.text + 1) if which == "text" else context
    if which in ("image", "map"):
        model.layout.split(other_x)[which == "map"].add_(1)
    if which.endswith("level"):
        other_t[:, int(which == "map level")] = 500
    if which == "mask":
        other_known = 1 - known
    with torch.no_grad():
        change = model(x, t, context, known) - model(other_x, other_t, other_context, other_known)
    for part in model.layout.split(change):
        assert part.abs().max() > 1e-4


def test_no_mask_means_nothing_known() -> None:
    model = small(trained=True)
    x, t, context, known = inputs(model)
    with torch.no_grad():
        assert torch.equal(model(x, t, context), model(x, t, context, torch.zeros_like(known)))


@patchings
def test_image_and_map_tokens_stand_in_the_same_place(patching: str) -> None:
    """With attention silenced, a corner of either stream moves that corner alone."""
    model = small(ratio=4, patching=patching, trained=True)
    with torch.no_grad():
        for name, p in model.named_parameters():
            if "attn.proj" in name or "mixers" in name:
                p.zero_()
        x, t, context, _ = inputs(model)
        moved = x.clone()
        moved[:, :, :2, -2:] += 1  # the last patch of the first row, in both streams
        change = (model(moved, t, context) - model(x, t, context)).abs().amax((0,))
    for part in model.layout.split(change[None]):
        assert part[..., :2, -2:].max() > 1e-4
        assert part[..., 5:, :].max() == 0  # beyond the reach of the convolutions at borders
        assert part[..., :, :3].max() == 0


@ratios
@patchings
def test_save_and_load_are_exact(tmp_path: Path, ratio: int, patching: str) -> None:
    model = small(ratio, patching, trained=True)
    model.save_pretrained(tmp_path)
    loaded = UnifiedPDM.from_pretrained(tmp_path)
    assert loaded.config.ratio == ratio
    for (name, p), (other, q) in zip(
        model.state_dict().items(), loaded.state_dict().items(), strict=True
    ):
        assert name == other
        assert torch.equal(p, q)
    with torch.no_grad():
        assert torch.equal(model(*inputs(model)), loaded(*inputs(model)))
    assert [f.suffix for f in sorted(tmp_path.iterdir())] == [".json", ".safetensors"]


@pytest.mark.parametrize("autocast", [False, True])
def test_half_precision(autocast: bool) -> None:
    model = small(trained=True)
    x, t, context, known = inputs(model)
    with torch.no_grad():
        exact = model(x, t, context, known)
        if autocast:
            with torch.autocast("cpu", torch.bfloat16):
                out = model(x, t, context, known)
            assert out.dtype == torch.float32
        else:
            half = torch.bfloat16
            out = model.to(half)(
                x.to(half), t, Context(context.text.to(half)), known.to(half)
            ).float()
    assert (out - exact).std() < 0.05 * exact.std()


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"patching": "none"}, "patching to be one of 'single', 'multi', got 'none'"),
        ({"ratio": 3}, "ratio to be one of 1, 2, 4, 8, got 3"),
        ({"image_prediction": "x"}, "image_prediction to be one of"),
        ({"sample_size": 7}, "sample_size divisible by 2, got 7"),
        ({"width": 30}, "width divisible by 4, got 30"),
        ({"heads": 5}, "width divisible by 5, got 32"),
        ({"image_prompt_length": 5}, "image_prompt_length to be a square number, got 5"),
    ],
)
def test_wrong_arguments_are_refused(wrong: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        UnifiedPDM(**{**SMALL, **wrong})


def prompted() -> tuple[UnifiedPDM, list[Any]]:
    torch.manual_seed(0)
    model = UnifiedPDM(**SMALL, image_prompt_dim=5, image_prompt_length=4).eval()
    with torch.no_grad():
        for p in model.parameters():
            p.add_(0.05 * torch.randn_like(p))
    return model, list(inputs(model))


def test_image_prompts_move_both_streams_and_zeros_are_none() -> None:
    model, (x, t, context, known) = prompted()
    example = Context(context.text, image=torch.randn(2, 4, 5))
    nothing = Context(context.text, image=torch.zeros(2, 4, 5))
    with torch.no_grad():
        plain = model(x, t, context, known)
        assert torch.equal(plain, model(x, t, nothing, known))
        change = model(x, t, example, known) - plain
    assert all(part.abs().max() > 1e-4 for part in model.layout.split(change))


def test_padding_says_nothing() -> None:
    model = small(trained=True)
    x, t, context, known = inputs(model)
    mask = torch.tensor([[True, True, True, False]] * 2)
    other = context.text.clone()
    other[:, 3] = 9.0
    with torch.no_grad():
        one = model(x, t, Context(context.text, mask), known)
        assert torch.equal(one, model(x, t, Context(other, mask), known))
        assert not torch.equal(one, model(x, t, context, known))


def test_image_prompts_for_a_network_without_them() -> None:
    model = small()
    x, t, context, known = inputs(model)
    with pytest.raises(InputError, match="takes image prompts"):
        model(x, t, Context(context.text, image=torch.zeros(2, 4, 5)), known)
