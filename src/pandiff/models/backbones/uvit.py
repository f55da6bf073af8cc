"""U-ViT as a backbone (Bao et al. 2022, arXiv 2209.12152)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Self

import torch
from torch import Tensor, nn

from pandiff.context import Context
from pandiff.errors import InputError
from pandiff.models.backbones.backbone import Backbone, BackboneSpec, Stream, register
from pandiff.models.backbones.schedule import BetaSchedule
from pandiff.models.uvit import UViT


@dataclass(frozen=True)
class UViTStream(Stream):
    """Patches behind a token for the level and the text's.

    Attributes:
        condition: (B, 1 + L, width).
        skips: the long skip connections that wait for their block, each (B, 1 + L + N, width).
    """

    condition: Tensor
    skips: tuple[Tensor, ...] = ()


@register
class UViTBackbone(Backbone[UViTStream]):
    """The published models were trained on levels 1 to 1000 of Stable Diffusion's betas."""

    model_class = UViT
    model: UViT

    @classmethod
    def adapt(cls, model: UViT) -> Self:
        c = model.config
        spec = BackboneSpec(
            width=c.embed_dim,
            heads=c.num_heads,
            depth=2 * (c.depth // 2) + 1,
            patch_size=c.patch_size,
            sample_size=c.img_size,
            channels=c.in_chans,
            context_dim=c.clip_dim,
            context_length=c.num_clip_token,
            prompt_width=c.embed_dim,
            schedule=BetaSchedule(0.00085, 0.012, power=2),
            prediction="noise",
        )
        return cls(model, spec)

    @property
    def blocks(self) -> Sequence[nn.Module]:
        m = self.model
        return [*m.in_blocks, m.mid_block, *m.out_blocks]

    def embed(self, latents: Tensor, levels: Tensor, context: Context) -> UViTStream:
        condition = self.model.embed_condition(levels, context.text.to(self.dtype))
        return UViTStream(self.model.embed_latents(latents.to(self.dtype)), condition)

    def follow(
        self,
        image: UViTStream,
        patches: Tensor,
        levels: Tensor,
        context: Context,
        prompts: Tensor | None,
    ) -> UViTStream:
        level = self.model.embed_condition(levels, context.text[:, :0].to(self.dtype))
        parts = [level, image.condition[:, 1:], *([] if prompts is None else [prompts])]
        return UViTStream(patches, torch.cat([part.to(patches.dtype) for part in parts], dim=1))

    def run(self, k: int, block: nn.Module, stream: UViTStream) -> UViTStream:
        """Blocks before the middle leave their output to those behind it, the last to the first."""
        tokens = torch.cat([stream.condition, stream.patches], dim=1)
        half = self.spec.depth // 2
        skips = stream.skips
        if 0 < k <= half:  # what left the block before, as others have changed it since
            skips = (*skips, tokens)
        if k <= half:
            out = block(tokens)
        else:
            out, skips = block(tokens, skips[-1]), skips[:-1]
        condition, patches = out.split([stream.condition.shape[1], stream.patches.shape[1]], dim=1)
        return replace(stream, patches=patches, condition=condition, skips=skips)

    def predict(self, image: UViTStream, latents: Tensor, levels: Tensor) -> Tensor:
        return self.model.predict(image.patches)

    def check_size(self, side: int) -> None:
        if side != self.spec.sample_size:
            expected = f"sample_size {self.spec.sample_size}, the backbone's"
            raise InputError(expected, str(side), "leave it out, or use another backbone")

    def positions(self, side: int) -> Tensor:
        return self.model.pos_embed[:, 1 + self.spec.context_length :]
