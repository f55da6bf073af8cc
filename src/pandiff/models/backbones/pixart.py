"""PixArt-alpha and PixArt-Sigma (Chen et al. 2023 and 2024, arXiv 2310.00426, 2403.04692)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Self

import torch
from diffusers import PixArtTransformer2DModel
from torch import Tensor, nn

from pandiff.context import Context
from pandiff.models.backbones.backbone import Backbone, BackboneSpec, Stream, register
from pandiff.models.backbones.diffusers_parts import (
    drop_key_bias,
    patch_positions,
    unpatchify_last,
)
from pandiff.models.backbones.schedule import BetaSchedule

PIXELS = 8
"""Side of a latent's cell in pixels, for the models that are told the image's size."""


@dataclass(frozen=True)
class PixArtStream(Stream):
    """Patches that look at the text.

    Attributes:
        text: (B, L, width).
        bias: (B, 1, L), -10000 where the text is padding; None for no padding.
        level: (B, width), the level as the output layer reads it.
        modulation: (B, 6 width), as the blocks read it.
        size: (h, w) of the latents.
    """

    text: Tensor
    bias: Tensor | None
    level: Tensor
    modulation: Tensor
    size: tuple[int, int]


@register
class PixArtBackbone(Backbone[PixArtStream]):
    """Its timestep i is our level i + 1; the variance that it also predicts is left out."""

    model_class = PixArtTransformer2DModel
    model: PixArtTransformer2DModel

    @classmethod
    def adapt(cls, model: PixArtTransformer2DModel) -> Self:
        c = model.config
        spec = BackboneSpec(
            width=model.inner_dim,
            heads=c.num_attention_heads,
            depth=c.num_layers,
            patch_size=c.patch_size,
            sample_size=c.sample_size,
            channels=c.in_channels,
            context_dim=c.caption_channels or c.cross_attention_dim,
            context_length=120,
            prompt_width=c.cross_attention_dim,
            schedule=BetaSchedule(0.0001, 0.02),
            prediction="noise",
        )
        return cls(model, spec)

    @property
    def blocks(self) -> Sequence[nn.Module]:
        return self.model.transformer_blocks

    def embed(self, latents: Tensor, levels: Tensor, context: Context) -> PixArtStream:
        latents, text = latents.to(self.dtype), context.text.to(self.dtype)
        size = latents.shape[-2], latents.shape[-1]
        modulation, level = self._level(levels, size)
        if self.model.caption_projection is not None:
            text = self.model.caption_projection(text)
        mask = context.mask
        bias = None if mask is None else (1 - mask.to(self.dtype)).unsqueeze(1) * -10000.0
        return PixArtStream(self.model.pos_embed(latents), text, bias, level, modulation, size)

    def _level(self, levels: Tensor, size: tuple[int, int]) -> tuple[Tensor, Tensor]:
        """(B, 6 width) and (B, width), of the level and, where the model asks, the image's size."""
        told = None
        if self.model.use_additional_conditions:
            shape = torch.tensor([size], dtype=self.dtype, device=levels.device)
            told = {
                "resolution": (shape * PIXELS).expand(len(levels), -1),
                "aspect_ratio": (shape[:, :1] / shape[:, 1:]).expand(len(levels), -1),
            }
        modulation, level = self.model.adaln_single(
            (levels - 1).clamp(min=0), told, batch_size=len(levels), hidden_dtype=self.dtype
        )
        return modulation, level

    def follow(
        self,
        image: PixArtStream,
        patches: Tensor,
        levels: Tensor,
        context: Context,
        prompts: Tensor | None,
    ) -> PixArtStream:
        text, bias = image.text.to(patches.dtype), image.bias
        if bias is not None:
            bias = bias.to(patches.dtype)
        if prompts is not None:
            text = torch.cat([text, prompts.to(text.dtype)], dim=1)
            if bias is not None:
                bias = nn.functional.pad(bias, (0, prompts.shape[1]))
        modulation, level = (v.to(patches.dtype) for v in self._level(levels, image.size))
        return PixArtStream(patches, text, bias, level, modulation, image.size)

    def run(self, k: int, block: nn.Module, stream: PixArtStream) -> PixArtStream:
        patches = block(
            stream.patches,
            encoder_hidden_states=stream.text,
            encoder_attention_mask=stream.bias,
            timestep=stream.modulation,
        )
        return replace(stream, patches=patches)

    def predict(self, image: PixArtStream, latents: Tensor, levels: Tensor) -> Tensor:
        m = self.model
        shift, scale = (m.scale_shift_table[None] + image.level[:, None]).chunk(2, dim=1)
        tokens = m.proj_out(m.norm_out(image.patches) * (1 + scale) + shift)
        out = unpatchify_last(tokens, self.spec.patch_size, latents.shape[-2:])
        return out[:, : self.spec.channels]

    def positions(self, side: int) -> Tensor:
        return patch_positions(self.model.pos_embed, side, self.spec.channels)

    def copy_block(self, k: int) -> nn.Module:
        block = super().copy_block(k)
        drop_key_bias(block.attn1)
        drop_key_bias(block.attn2)
        return block
