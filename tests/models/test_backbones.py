"""Backbones: run block by block they are the models themselves; loading; their schedules."""

from __future__ import annotations

import copy
import re
from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers import (
    AutoencoderKL,
    DDPMScheduler,
    FlowMatchEulerDiscreteScheduler,
    PixArtTransformer2DModel,
    SD3Transformer2DModel,
)
from torch import Tensor

from pandiff.context import Context
from pandiff.diffusion import NUM_LEVELS
from pandiff.diffusion.denoise import clean_from
from pandiff.errors import InputError
from pandiff.models.backbones import (
    BACKBONES,
    Backbone,
    BetaSchedule,
    FlowSchedule,
    SD3Backbone,
    load_backbone,
    schedule,
)
from pandiff.models.uvit import UViT


def adapted(model: Any) -> Backbone[Any]:
    return BACKBONES[type(model).__name__].adapt(model)


def own_forward(model: Any, latents: Tensor, levels: Tensor, context: Context) -> Tensor:
    """The model as its authors call it, in our levels."""
    if isinstance(model, UViT):
        return model(latents, levels, context.text)
    if isinstance(model, PixArtTransformer2DModel):
        size = {"resolution": torch.full((3, 2), 64.0), "aspect_ratio": torch.ones(3, 1)}
        out = model(
            latents,
            encoder_hidden_states=context.text,
            encoder_attention_mask=context.mask,
            timestep=levels - 1,
            added_cond_kwargs=size if model.config.use_additional_conditions else None,
        ).sample
        return out[:, :4]
    assert isinstance(model, SD3Transformer2DModel)
    s = FlowSchedule(shift=3.0).sigmas[levels].float()
    c = ((1 - s) ** 2 + s**2).sqrt()[:, None, None, None]
    out = model(latents * c, context.text, context.pooled, s * 1000).sample
    return (1 - 2 * s[:, None, None, None]) * latents + c * out


def test_block_by_block_it_is_the_model(
    image_model: Any, latents: Tensor, levels: Tensor, context: Context
) -> None:
    with torch.no_grad():
        expected = own_forward(image_model, latents, levels, context)
        out = adapted(image_model)(latents, levels, context)
    assert out.abs().mean() > 0.01
    assert torch.equal(out, expected)


def test_levels_are_those_of_the_house() -> None:
    assert schedule.NUM_LEVELS == NUM_LEVELS


def test_what_it_says_of_itself(image_model: Any) -> None:
    backbone = adapted(image_model)
    spec = backbone.spec
    assert len(backbone.blocks) == spec.depth
    assert backbone.positions(8).shape == (1, 16, spec.width)
    assert (spec.patch_size, spec.sample_size, spec.channels, spec.context_dim) == (2, 8, 4, 6)
    assert spec.width % spec.heads == 0
    bars = spec.schedule.alpha_bars
    assert bars.shape == (1001,)
    assert bars[0] == 1
    assert (bars.diff() < 0).all()
    assert bars[-1] > 0


def test_positions_are_the_models(image_model: Any, latents: Tensor, context: Context) -> None:
    backbone = adapted(image_model)
    with torch.no_grad():
        with_positions = backbone.embed(latents, torch.ones(3).long(), context).patches
        projected = getattr(image_model, "patch_embed", getattr(image_model, "pos_embed", None))
        alone = projected.proj(latents * (0.9990 if "SD3" in type(image_model).__name__ else 1))
    difference = with_positions - alone.flatten(2).transpose(1, 2)
    torch.testing.assert_close(
        difference, backbone.positions(8).expand(3, -1, -1), atol=0.02, rtol=0
    )


def test_it_stays_frozen(image_model: Any) -> None:
    backbone = adapted(image_model)
    backbone.train()
    assert not any(m.training for m in backbone.modules())
    assert not any(p.requires_grad for p in backbone.parameters())
    assert copy.deepcopy(backbone) is backbone


def test_a_trained_copy_does_what_the_block_does(
    image_model: Any, latents: Tensor, levels: Tensor, context: Context
) -> None:
    """What is taken away from copies changes nothing."""
    backbone = adapted(image_model)
    with torch.no_grad():
        stream = backbone.embed(latents, levels, context)
        for k in range(backbone.spec.depth):
            own = backbone.run(k, backbone.blocks[k], stream)
            other = backbone.run(k, backbone.copy_block(k), stream)
            torch.testing.assert_close(own.patches, other.patches, rtol=1e-4, atol=1e-5)
            stream = own


@pytest.mark.parametrize("place", ["", "transformer"])
def test_it_loads_from_a_folder(
    image_model: Any, latents: Tensor, levels: Tensor, context: Context, tmp_path: Path, place: str
) -> None:
    """The hub's format, alone or in a pipeline."""
    image_model.save_pretrained(tmp_path / place)
    backbone = load_backbone(tmp_path)
    with torch.no_grad():
        expected = adapted(image_model)(latents, levels, context)
        assert torch.equal(backbone(latents, levels, context), expected)
    assert backbone.reference.name == str(tmp_path / place)
    assert not backbone.reference.on_the_hub
    assert load_backbone(tmp_path, dtype=torch.bfloat16).dtype == torch.bfloat16


def test_a_file_of_u_vits_authors_loads(tmp_path: Path, latents: Tensor) -> None:
    model = UViT(img_size=8, embed_dim=64, depth=3, num_heads=1, clip_dim=6).eval()
    torch.save(model.state_dict(), tmp_path / "uvit.pth")
    backbone = load_backbone(tmp_path / "uvit.pth")
    context, levels = Context(torch.randn(3, 77, 6)), torch.tensor([5, 6, 7])
    with torch.no_grad():
        assert torch.equal(backbone(latents, levels, context), model(latents, levels, context.text))
    assert backbone.reference.name is None


def test_what_cannot_be_loaded(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="an image model in"):
        load_backbone(tmp_path)
    AutoencoderKL().save_config(tmp_path)
    with pytest.raises(InputError, match=r"a model of UViT, .*, got AutoencoderKL; see docs"):
        load_backbone(tmp_path)
    UViT(embed_dim=8, depth=3, num_heads=1).save_config(tmp_path)
    with pytest.raises(InputError, match="weights in"):
        load_backbone(tmp_path)


def test_sd3_wants_pooled_text(latents: Tensor, levels: Tensor) -> None:
    model = SD3Transformer2DModel(8, 2, 4, 1, 8, 2, 6, 16, 5, 4, 8)
    with pytest.raises(InputError, match="pooled text"):
        SD3Backbone.adapt(model)(latents, levels, Context(torch.zeros(3, 4, 6)))


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (BetaSchedule(0.00085, 0.012, power=2), "scaled_linear"),
        (BetaSchedule(0.0001, 0.02), "linear"),
    ],
)
def test_beta_schedules_are_the_known_ones(ours: BetaSchedule, theirs: str) -> None:
    """Timestep i of diffusers is level i + 1."""
    known = DDPMScheduler(
        beta_start=ours.start, beta_end=ours.end, beta_schedule=theirs
    ).alphas_cumprod
    torch.testing.assert_close(ours.alpha_bars[1:].float(), known, rtol=1e-4, atol=0)


@pytest.mark.parametrize("shift", [1.0, 3.0])
def test_the_flow_schedule_is_the_known_one(shift: float) -> None:
    theirs = FlowMatchEulerDiscreteScheduler(shift=shift)
    ours = FlowSchedule(shift).sigmas[1:].flip(0).float()
    torch.testing.assert_close(ours, theirs.sigmas, rtol=1e-5, atol=1e-6)


class First(torch.nn.Module):
    def forward(self, first: Tensor, *others: Tensor) -> Tensor:
        return first


def test_a_perfect_flow_gives_the_clean_image(latents: Tensor, context: Context) -> None:
    """The velocity that SD3 is turned into, on the schedule that it states."""
    noise = torch.randn_like(latents)
    levels = torch.tensor([999, 500, 3])
    backbone = SD3Backbone.adapt(SD3Transformer2DModel(8, 2, 4, 1, 8, 2, 6, 16, 5, 4, 8))
    alpha_bar = backbone.spec.schedule.alpha_bars[levels].float()[:, None, None, None]
    a, s = alpha_bar.sqrt(), (1 - alpha_bar).sqrt()
    x = a * latents + s * noise
    perfect = noise - latents
    tokens = perfect.unfold(2, 2, 2).unfold(3, 2, 2).permute(0, 2, 3, 4, 5, 1).reshape(3, 16, 16)
    backbone.model.norm_out = backbone.model.proj_out = First()
    stream = backbone.embed(x, levels, context)
    velocity = backbone.predict(stream.with_patches(tokens), x, levels)
    torch.testing.assert_close(velocity, a * noise - s * latents, rtol=0, atol=1e-5)
    torch.testing.assert_close(
        clean_from("velocity", velocity, x, a, s), latents, rtol=0, atol=1e-5
    )


def test_the_docs_example_runs(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The blocks of docs/backbones.md, one after another, as a reader would."""
    monkeypatch.chdir(tmp_path)
    known = dict(BACKBONES)
    text = (root / "docs/backbones.md").read_text()
    code = re.findall(r"^```python\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    assert code
    try:
        exec("\n".join(code), {"__name__": "example"})
    finally:
        BACKBONES.clear()
        BACKBONES.update(known)
