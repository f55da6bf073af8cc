"""Small image models of every kind that a backbone can be."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from diffusers import ModelMixin, PixArtTransformer2DModel, SD3Transformer2DModel
from torch import Tensor

from pandiff.context import Context
from pandiff.models.uvit import UViT

UVIT: dict[str, Any] = {
    "img_size": 8, "embed_dim": 32, "depth": 5, "num_heads": 2, "clip_dim": 6, "num_clip_token": 4,
}  # fmt: skip
PIXART: dict[str, Any] = {
    "num_attention_heads": 2, "attention_head_dim": 24, "num_layers": 3, "cross_attention_dim": 48,
    "in_channels": 4, "out_channels": 8, "sample_size": 8, "caption_channels": 6,
}  # fmt: skip
SD3: dict[str, Any] = {
    "num_attention_heads": 2, "attention_head_dim": 16, "num_layers": 3, "joint_attention_dim": 6,
    "in_channels": 4, "out_channels": 4, "sample_size": 8, "caption_projection_dim": 32,
    "pooled_projection_dim": 5, "pos_embed_max_size": 12,
}  # fmt: skip

IMAGE_MODELS: dict[str, tuple[type[ModelMixin], dict[str, Any]]] = {
    "uvit": (UViT, UVIT),
    "uvit-mlp": (UViT, {**UVIT, "mlp_time_embed": True, "qkv_bias": True, "conv": False}),
    "pixart": (PixArtTransformer2DModel, PIXART),
    "pixart-size": (PixArtTransformer2DModel, {**PIXART, "use_additional_conditions": True}),
    "sd3": (SD3Transformer2DModel, SD3),
    "sd3.5": (
        SD3Transformer2DModel,
        {**SD3, "dual_attention_layers": (0, 1), "qk_norm": "rms_norm"},
    ),
    "sd3-dual": (SD3Transformer2DModel, {**SD3, "dual_attention_layers": (0,)}),
}


@pytest.fixture(params=IMAGE_MODELS)
def image_model(request: pytest.FixtureRequest) -> Any:
    """Each of the small models."""
    return _random(request.param)


@pytest.fixture(params=["uvit", "pixart", "sd3.5"])
def typical_model(request: pytest.FixtureRequest) -> Any:
    """One of each class, for what does not touch its insides."""
    return _random(request.param)


def _random(kind: str) -> Any:
    """A small model with random weights, none of them zero."""
    torch.manual_seed(0)
    make, arguments = IMAGE_MODELS[kind]
    model = make(**arguments).eval()
    with torch.no_grad():
        for p in model.parameters():
            p.add_(0.05 * torch.randn_like(p))
    return model


@pytest.fixture
def latents() -> Tensor:
    return torch.randn(3, 4, 8, 8, generator=torch.Generator().manual_seed(1))


@pytest.fixture
def levels() -> Tensor:
    return torch.tensor([1000, 345, 1])


@pytest.fixture
def context() -> Context:
    """What any of them may read."""
    g = torch.Generator().manual_seed(2)
    return Context(
        text=torch.randn(3, 4, 6, generator=g),
        mask=torch.arange(4) < torch.tensor([[4], [2], [3]]),
        pooled=torch.randn(3, 5, generator=g),
    )
