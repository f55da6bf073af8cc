"""U-ViT (Bao et al. 2022, arXiv 2209.12152): a transformer with long skip connections."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from diffusers import ConfigMixin, ModelMixin
from diffusers.configuration_utils import register_to_config
from torch import Tensor, nn

from pandiff.errors import InputError
from pandiff.models.layers import Block, GridMix, init_weights, timestep_embedding
from pandiff.models.uvit_weights import no_uvit, official_names, official_sizes, read_weights


class UViTTrunk(nn.Module):
    """The blocks of a U-ViT: depth // 2 going in, one in the middle, depth // 2 going out.

    Args:
        width: channels D of a token.
        depth: number of blocks; an even depth gets a middle block more.
        heads: attention heads.
        mlp_ratio: hidden channels of the MLP over width.
        qkv_bias: whether queries, keys and values have a bias.
        grid_mix: whether each block ends with a depthwise convolution over the token grids.
        modulation: whether a condition scales and shifts what each block reads.
    """

    def __init__(
        self,
        width: int,
        depth: int,
        heads: int,
        mlp_ratio: float = 4.0,
        qkv_bias: bool = False,
        grid_mix: bool = False,
        modulation: bool = False,
    ) -> None:
        super().__init__()

        def block(skip: bool) -> Block:
            return Block(width, heads, mlp_ratio, qkv_bias, skip, modulation)

        half = depth // 2
        self.in_blocks = nn.ModuleList(block(skip=False) for _ in range(half))
        self.mid_block = block(skip=False)
        self.out_blocks = nn.ModuleList(block(skip=True) for _ in range(half))
        if grid_mix:
            self.mixers = nn.ModuleList(GridMix(width) for _ in range(2 * half + 1))

    def run_blocks(
        self,
        x: Tensor,
        grid: tuple[int, int] | None = None,
        condition: Tensor | None = None,
    ) -> Tensor:
        """Tokens (B, L, D) -> tokens (B, L, D).

        Args:
            x: the tokens.
            grid: what the mixers need.
            condition: (B, D), what the modulation needs.
        """
        skips: list[Tensor] = []
        for k, block in enumerate([*self.in_blocks, self.mid_block, *self.out_blocks]):
            x = block(x, skips.pop() if k > len(self.in_blocks) else None, condition)
            if grid is not None:
                x = self.mixers[k](x, grid)
            if k < len(self.in_blocks):
                skips.append(x)
        return x


UVIT_PRESETS: dict[str, dict[str, int]] = {
    "S/2": {"embed_dim": 512, "depth": 13, "num_heads": 8},
    "S/2-deep": {"embed_dim": 512, "depth": 17, "num_heads": 8},
    "M": {"embed_dim": 768, "depth": 17, "num_heads": 12},
    "L": {"embed_dim": 1024, "depth": 21, "num_heads": 16},
}
"""Table 1 of the paper. The published configurations call a depth of 13 blocks 12, and so on."""


class UViT(UViTTrunk, ModelMixin, ConfigMixin):
    """The text-to-image U-ViT, with the names and shapes of its published checkpoints.

    Args:
        img_size: side of the latent.
        in_chans: channels of the latent.
        patch_size: side of a patch in latent cells.
        embed_dim, depth, num_heads, mlp_ratio, qkv_bias: the trunk's sizes.
        mlp_time_embed: whether the time embedding passes through an MLP.
        conv: whether a 3x3 convolution mends the patch borders at the end.
        clip_dim, num_clip_token: shape of the text context.
    """

    @register_to_config
    def __init__(
        self,
        img_size: int = 32,
        in_chans: int = 4,
        patch_size: int = 2,
        embed_dim: int = 512,
        depth: int = 13,
        num_heads: int = 8,
        mlp_ratio: float = 4.0,
        qkv_bias: bool = False,
        mlp_time_embed: bool = False,
        conv: bool = True,
        clip_dim: int = 768,
        num_clip_token: int = 77,
    ) -> None:
        super().__init__(embed_dim, depth, num_heads, mlp_ratio, qkv_bias)
        d = embed_dim
        self.patch_embed = nn.Module()
        self.patch_embed.proj = nn.Conv2d(in_chans, d, patch_size, stride=patch_size)
        self.time_embed = (
            nn.Sequential(nn.Linear(d, 4 * d), nn.SiLU(), nn.Linear(4 * d, d))
            if mlp_time_embed
            else nn.Identity()
        )
        self.context_embed = nn.Linear(clip_dim, d)
        patches = (img_size // patch_size) ** 2
        self.pos_embed = nn.Parameter(torch.zeros(1, 1 + num_clip_token + patches, d))
        self.norm = nn.LayerNorm(d)
        self.decoder_pred = nn.Linear(d, patch_size**2 * in_chans)
        self.final_layer = nn.Conv2d(in_chans, in_chans, 3, padding=1) if conv else nn.Identity()
        nn.init.trunc_normal_(self.pos_embed, std=0.02)
        self.apply(init_weights)

    @classmethod
    def from_preset(cls, name: str, **changes: Any) -> UViT:
        """A U-ViT of published size with fresh weights.

        Args:
            name: one of `UVIT_PRESETS`.
            changes: arguments of the constructor that differ, say `img_size=64`.
        """
        if name not in UVIT_PRESETS:
            raise InputError(f"a U-ViT of {', '.join(UVIT_PRESETS)}", repr(name), "choose one")
        return cls(**{**UVIT_PRESETS[name], **changes})

    @classmethod
    def from_official(
        cls,
        source: str | Path | Mapping[str, Tensor],
        num_heads: int | None = None,
        num_clip_token: int = 77,
    ) -> UViT:
        """Load a checkpoint of the authors' code; every size is read off the weights but two.

        Args:
            source: a file (`.safetensors`, or a pickle of torch that holds tensors alone), or
                its state dict. What stands before the names, as "module.", is taken off.
            num_heads: attention heads; by default one for each 64 channels.
            num_clip_token: text tokens, the first part of the position table.

        Raises:
            InputError: if it cannot be read, or is no text-to-image U-ViT.
        """
        found = read_weights(source) if isinstance(source, str | Path) else source
        weights = official_names(found)
        model = cls(**official_sizes(weights, num_heads, num_clip_token))
        try:
            model.load_state_dict(weights)
        except RuntimeError as error:
            raise no_uvit(" ".join(str(error).split())) from None
        return model.eval()

    def embed_latents(self, latents: Tensor) -> Tensor:
        """Latents (B, C, h, w) -> tokens (B, N, D) with their positions."""
        patches: Tensor = self.patch_embed.proj(latents).flatten(2).transpose(1, 2)
        return patches + self.pos_embed[:, -patches.shape[1] :]

    def embed_condition(self, timesteps: Tensor, context: Tensor) -> Tensor:
        """Timesteps (B,), context (B, L, D_c) -> tokens (B, 1 + L, D) with their positions."""
        width = self.pos_embed.shape[-1]
        time = self.time_embed(timestep_embedding(timesteps, width).to(context.dtype))[:, None]
        tokens = torch.cat([time, self.context_embed(context)], dim=1)
        return tokens + self.pos_embed[:, : tokens.shape[1]]

    def predict(self, patches: Tensor) -> Tensor:
        """Tokens (B, N, D) after the blocks -> noise (B, C, h, w)."""
        c = self.config
        p, side = c.patch_size, c.img_size // c.patch_size
        x = self.decoder_pred(self.norm(patches))
        x = x.view(len(x), side, side, p, p, -1).permute(0, 5, 1, 3, 2, 4)
        out: Tensor = self.final_layer(x.reshape(len(x), -1, side * p, side * p))
        return out

    def forward(self, latents: Tensor, timesteps: Tensor, context: Tensor) -> Tensor:
        """Latents (B, C, h, w), timesteps (B,), context (B, L, D_c) -> noise (B, C, h, w)."""
        patches = self.embed_latents(latents)
        condition = self.embed_condition(timesteps, context)
        x = self.run_blocks(torch.cat([condition, patches], dim=1))
        return self.predict(x[:, condition.shape[1] :])


UViT.__module__ = "pandiff"
