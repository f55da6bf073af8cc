"""Stable Diffusion 3 and 3.5 (Esser et al. 2024, arXiv 2403.03206)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Self

import torch
from diffusers import SD3Transformer2DModel
from torch import Tensor, nn

from pandiff.context import Context
from pandiff.errors import InputError
from pandiff.models.backbones.backbone import Backbone, BackboneSpec, Stream, register
from pandiff.models.backbones.diffusers_parts import (
    drop_key_bias,
    patch_positions,
    unpatchify_last,
)
from pandiff.models.backbones.schedule import NUM_LEVELS, FlowSchedule


@dataclass(frozen=True)
class SD3Stream(Stream):
    """Patches and text that look at each other.

    Attributes:
        text: (B, L, width); None after the last block.
        condition: (B, width), of level and pooled text.
    """

    text: Tensor | None
    condition: Tensor


@register
class SD3Backbone(Backbone[SD3Stream]):
    """A rectified flow, in the clothes of a diffusion of unit variance.

    The model knows x_s = (1 - s) x_0 + s noise and predicts u = noise - x_0. Ours is x = x_s / c
    with c = sqrt((1 - s)^2 + s^2), and v = alpha noise - sigma x_0 with alpha = (1 - s) / c and
    sigma = s / c, hence v = (1 - 2 s) x + c u.
    """

    model_class = SD3Transformer2DModel
    model: SD3Transformer2DModel
    flow = FlowSchedule(shift=3.0)

    @classmethod
    def adapt(cls, model: SD3Transformer2DModel) -> Self:
        c = model.config
        spec = BackboneSpec(
            width=model.inner_dim,
            heads=c.num_attention_heads,
            depth=c.num_layers,
            patch_size=c.patch_size,
            sample_size=c.sample_size,
            channels=c.in_channels,
            context_dim=c.joint_attention_dim,
            context_length=333,  # 77 of CLIP, 256 of T5
            prompt_width=c.caption_projection_dim,
            schedule=cls.flow,
            prediction="velocity",
            pooled_dim=c.pooled_projection_dim,
        )
        return cls(model, spec)

    @property
    def blocks(self) -> Sequence[nn.Module]:
        return self.model.transformer_blocks

    def _sigma(self, levels: Tensor) -> Tensor:
        """(B,) float32: s of the levels."""
        return self.flow.sigmas.to(levels.device)[levels].float()

    def _scale(self, levels: Tensor) -> Tensor:
        """(B, 1, 1, 1) float32: c of the levels."""
        s = self._sigma(levels)
        return ((1 - s) ** 2 + s**2).sqrt()[:, None, None, None]

    def embed(self, latents: Tensor, levels: Tensor, context: Context) -> SD3Stream:
        patches = self.model.pos_embed((latents * self._scale(levels)).to(self.dtype))
        text = self.model.context_embedder(context.text.to(self.dtype))
        return SD3Stream(patches.contiguous(), text, self._condition(levels, context))

    def _condition(self, levels: Tensor, context: Context) -> Tensor:
        if context.pooled is None:
            raise InputError(
                "a context with pooled text", "none", "encode prompts with SD3's text encoders"
            )
        timesteps = self._sigma(levels) * NUM_LEVELS
        out: Tensor = self.model.time_text_embed(timesteps, context.pooled.to(self.dtype))
        return out

    def follow(
        self,
        image: SD3Stream,
        patches: Tensor,
        levels: Tensor,
        context: Context,
        prompts: Tensor | None,
    ) -> SD3Stream:
        parts = [part for part in (image.text, prompts) if part is not None]
        text = torch.cat([part.to(patches.dtype) for part in parts], dim=1)
        return SD3Stream(patches, text, self._condition(levels, context).to(patches.dtype))

    def run(self, k: int, block: nn.Module, stream: SD3Stream) -> SD3Stream:
        text, patches = block(stream.patches, stream.text, stream.condition)
        return replace(stream, patches=patches, text=text)

    def predict(self, image: SD3Stream, latents: Tensor, levels: Tensor) -> Tensor:
        m = self.model
        tokens = m.proj_out(m.norm_out(image.patches, image.condition))
        flow = unpatchify_last(tokens, self.spec.patch_size, latents.shape[-2:])
        s = self._sigma(levels)[:, None, None, None]
        return (1 - 2 * s) * latents + self._scale(levels) * flow

    def positions(self, side: int) -> Tensor:
        return patch_positions(self.model.pos_embed, side, self.spec.channels)

    def copy_block(self, k: int) -> nn.Module:
        """Without what does nothing: the last block's answer to the text is thrown away."""
        block = super().copy_block(k)
        if block.context_pre_only:
            block.attn.add_q_proj = nn.Identity()
            block.attn.norm_added_q = None
        if block.attn2 is not None:
            drop_key_bias(block.attn2)
        return block
