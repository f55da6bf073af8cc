"""U-ViT (Bao et al. 2022, arXiv 2209.12152): a transformer with long skip connections."""

from __future__ import annotations

import torch
from diffusers import ConfigMixin, ModelMixin
from diffusers.configuration_utils import register_to_config
from torch import Tensor, nn

from pandiff.models.layers import Block, GridMix, init_weights, timestep_embedding


class UViTTrunk(nn.Module):
    """The blocks of a U-ViT: depth // 2 going in, one in the middle, depth // 2 going out.

    Args:
        width: channels D of a token.
        depth: number of blocks; an even depth gets a middle block more.
        heads: attention heads.
        mlp_ratio: hidden channels of the MLP over width.
        qkv_bias: whether queries, keys and values have a bias.
        grid_mix: whether each block ends with a depthwise convolution over the token grids.
    """

    def __init__(
        self,
        width: int,
        depth: int,
        heads: int,
        mlp_ratio: float = 4.0,
        qkv_bias: bool = False,
        grid_mix: bool = False,
    ) -> None:
        super().__init__()

        def block(skip: bool) -> Block:
            return Block(width, heads, mlp_ratio, qkv_bias, skip)

        half = depth // 2
        self.in_blocks = nn.ModuleList(block(skip=False) for _ in range(half))
        self.mid_block = block(skip=False)
        self.out_blocks = nn.ModuleList(block(skip=True) for _ in range(half))
        if grid_mix:
            self.mixers = nn.ModuleList(GridMix(width) for _ in range(2 * half + 1))

    def run_blocks(self, x: Tensor, grid: tuple[int, int] | None = None) -> Tensor:
        """Tokens (B, L, D) -> tokens (B, L, D); `grid` is what the mixers need."""
        skips: list[Tensor] = []
        for k, block in enumerate([*self.in_blocks, self.mid_block, *self.out_blocks]):
            x = block(x, skips.pop()) if k > len(self.in_blocks) else block(x)
            if grid is not None:
                x = self.mixers[k](x, grid)
            if k < len(self.in_blocks):
                skips.append(x)
        return x


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

    def forward(self, latents: Tensor, timesteps: Tensor, context: Tensor) -> Tensor:
        """Latents (B, C, h, w), timesteps (B,), context (B, L, D_c) -> noise (B, C, h, w)."""
        p = self.config.patch_size
        x = self.patch_embed.proj(latents)
        h, w = x.shape[-2:]
        time = self.time_embed(timestep_embedding(timesteps, x.shape[1]).to(x.dtype))[:, None]
        tokens = [time, self.context_embed(context), x.flatten(2).transpose(1, 2)]
        x = self.run_blocks(torch.cat(tokens, dim=1) + self.pos_embed)
        x = self.decoder_pred(self.norm(x))[:, 1 + context.shape[1] :]
        x = x.view(len(x), h, w, p, p, -1).permute(0, 5, 1, 3, 2, 4)
        out: Tensor = self.final_layer(x.reshape(len(x), -1, h * p, w * p))
        return out


UViT.__module__ = "pandiff"
