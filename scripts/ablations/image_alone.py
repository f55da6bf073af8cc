"""An image model seen as a panoptic diffusion model that says nothing of the map."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import torch
from torch import Tensor, nn

from pandiff.context import Context
from pandiff.diffusion import NoiseSchedule
from pandiff.models.backbones import UViTBackbone
from pandiff.models.uvit import UViT
from pandiff.state import StateLayout


def as_backbone(model: UViT) -> UViTBackbone:
    """A U-ViT that predicts the clean image on the library's own schedule.

    The published ones predict the noise on Stable Diffusion's, and learn nothing in a few hundred
    steps where tokens are as wide as these.
    """
    adapter = UViTBackbone.adapt(model)
    adapter.spec = replace(adapter.spec, prediction="sample", schedule=NoiseSchedule())
    return adapter


class ImageAlone(nn.Module):
    """A U-ViT with the interface of `UnifiedPDM`; its map logits are zero.

    Args:
        model: the image model.
        map_channels, ratio: of the map that it ignores.
    """

    def __init__(self, model: UViT, map_channels: int, ratio: int) -> None:
        super().__init__()
        self.model = model
        spec = as_backbone(model).spec
        model.requires_grad_(True)
        self.layout = StateLayout(spec.channels, map_channels, ratio)
        self.image_alpha_bars = spec.schedule.alpha_bars
        self.config = SimpleNamespace(
            sample_size=spec.sample_size,
            ratio=ratio,
            context_length=spec.context_length,
            image_prediction=spec.prediction,
            image_prompt_length=4,
        )

    def forward(
        self, x: Tensor, t: Tensor, context: Context, known: Tensor | None = None
    ) -> Tensor:
        image, panoptic = self.layout.split(x)
        made = self.model(image, t[:, 0], context.text)
        return torch.cat([made, torch.zeros_like(panoptic)], dim=1)
