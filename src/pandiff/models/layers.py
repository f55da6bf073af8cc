"""The layers of U-ViT (Bao et al. 2022, arXiv 2209.12152), named as its published checkpoints."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn.functional import gelu, scaled_dot_product_attention, silu


def timestep_embedding(t: Tensor, width: int, max_period: float = 10000.0) -> Tensor:
    """Sinusoidal embedding (Vaswani et al. 2017): t of shape (B,) -> (B, width), cosines first."""
    half = width // 2
    exponent = torch.arange(half, dtype=torch.float32, device=t.device) / half
    angles = t[:, None].float() * torch.exp(-math.log(max_period) * exponent)
    embedding = torch.cat([angles.cos(), angles.sin()], dim=-1)
    return nn.functional.pad(embedding, (0, width % 2))


def grid_positions(height: int, width: int, channels: int) -> Tensor:
    """(height * width, channels): 2D sine-cosine positions, rows in the first half of channels."""
    rows = timestep_embedding(torch.arange(height) * (math.pi * 8 / height), channels // 2, 100.0)
    cols = timestep_embedding(torch.arange(width) * (math.pi * 8 / width), channels // 2, 100.0)
    rows, cols = rows[:, None].expand(-1, width, -1), cols[None].expand(height, -1, -1)
    return torch.cat([rows, cols], dim=-1).reshape(height * width, channels)


def attention(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    """softmax(q k^T / sqrt(d)) v over (B, heads, L, d).

    On the CPU two plain matrix products train 3x faster than the fused kernel at 160 tokens
    (benchmarks/bench_model.py).
    """
    if q.device.type != "cpu":
        return scaled_dot_product_attention(q, k, v)
    weights = (q * q.shape[-1] ** -0.5) @ k.transpose(-1, -2)
    return weights.softmax(-1).to(v.dtype) @ v


class Attention(nn.Module):
    """Multi-head self-attention over (B, L, D)."""

    def __init__(self, width: int, heads: int, qkv_bias: bool) -> None:
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(width, width * 3, bias=qkv_bias)
        self.proj = nn.Linear(width, width)

    def forward(self, x: Tensor) -> Tensor:
        b, length, _ = x.shape
        q, k, v = self.qkv(x).view(b, length, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        y = attention(q, k, v)
        out: Tensor = self.proj(y.transpose(1, 2).reshape(b, length, -1))
        return out


class Mlp(nn.Module):
    """Two linear layers with GELU between."""

    def __init__(self, width: int, hidden: int) -> None:
        super().__init__()
        self.fc1 = nn.Linear(width, hidden)
        self.fc2 = nn.Linear(hidden, width)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.fc2(gelu(self.fc1(x)))
        return out


class Modulation(nn.Module):
    """Scale and shift of a block's two normed inputs (adaLN: Peebles & Xie, arXiv 2212.09748).

    The identity at the start.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.linear = nn.Linear(width, 4 * width)
        self.reset()

    def reset(self) -> None:
        """Make it the identity."""
        nn.init.zeros_(self.linear.weight)
        nn.init.zeros_(self.linear.bias)

    def forward(self, condition: Tensor) -> tuple[Tensor, ...]:
        """(B, D) -> scale and shift of the first, scale and shift of the second, (B, 1, D) each."""
        scale_1, shift_1, scale_2, shift_2 = self.linear(silu(condition))[:, None].chunk(4, dim=-1)
        return 1 + scale_1, shift_1, 1 + scale_2, shift_2


class Block(nn.Module):
    """Pre-norm transformer block; with `skip`, it first merges a long skip connection.

    With `modulation`, a condition (B, D) scales and shifts what its two halves read.
    """

    def __init__(
        self,
        width: int,
        heads: int,
        mlp_ratio: float,
        qkv_bias: bool,
        skip: bool,
        modulation: bool = False,
    ) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(width)
        self.attn = Attention(width, heads, qkv_bias)
        self.norm2 = nn.LayerNorm(width)
        self.mlp = Mlp(width, int(width * mlp_ratio))
        self.skip_linear = nn.Linear(2 * width, width) if skip else None
        self.modulation = Modulation(width) if modulation else None

    def forward(
        self, x: Tensor, skip: Tensor | None = None, condition: Tensor | None = None
    ) -> Tensor:
        if self.skip_linear is not None:
            x = self.skip_linear(torch.cat([x, skip], dim=-1))
        if self.modulation is None:
            x = x + self.attn(self.norm1(x))
            return x + self.mlp(self.norm2(x))
        scale_1, shift_1, scale_2, shift_2 = self.modulation(condition)
        x = x + self.attn(torch.addcmul(shift_1, self.norm1(x), scale_1))
        return x + self.mlp(torch.addcmul(shift_2, self.norm2(x), scale_2))


class GridMix(nn.Module):
    """What an attention over all tokens learns late: who is near, and who is in the same place.

    A 3x3 depthwise convolution over the token grid of each stream, and a linear exchange between
    the image's and the map's token of the same place. Both are zero at the start. Without the
    first, short trainings scatter their scenes; without the second, each stream denoises itself
    and hardly looks at the other (docs/log.md).
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(2 * width, 2 * width, 3, padding=1, groups=2 * width)
        self.to_image = nn.Linear(width, width, bias=False)
        self.to_map = nn.Linear(width, width, bias=False)
        self.reset()

    def reset(self) -> None:
        """Make it the identity."""
        for parameter in self.parameters():
            nn.init.zeros_(parameter)

    def forward(self, x: Tensor, grid: tuple[int, int]) -> Tensor:
        """x: (B, L, D) whose last 2 h w tokens are the image's and the map's; grid: (h, w)."""
        b, length, d = x.shape
        h, w = grid
        head, image, panoptic = x.split([length - 2 * h * w, h * w, h * w], dim=1)
        pixels = torch.cat([image, panoptic], dim=-1).view(b, h, w, 2 * d).permute(0, 3, 1, 2)
        mixed = self.conv(pixels).permute(0, 2, 3, 1).reshape(b, h * w, 2 * d)
        new_image = image + mixed[..., :d] + self.to_image(panoptic)
        new_map = panoptic + mixed[..., d:] + self.to_map(image)
        return torch.cat([head, new_image, new_map], dim=1)


class TokenPool(nn.Module):
    """One vector of a set of tokens, such as a prompt's: a mean between two layers."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.fc1 = nn.Linear(width, width)
        self.fc2 = nn.Linear(width, width)

    def forward(self, tokens: Tensor, mask: Tensor | None = None) -> Tensor:
        """Tokens (B, L, D), and (B, L) bool which of them count, -> (B, D)."""
        hidden = silu(self.fc1(tokens))
        if mask is None:
            return self.fc2(hidden.mean(dim=1))
        weight = mask[..., None].to(hidden.dtype)
        return self.fc2((hidden * weight).sum(dim=1) / weight.sum(dim=1).clamp(min=1))


def init_weights(module: nn.Module) -> None:
    """U-ViT's initialisation: linear weights from a normal of 0.02 cut at 2, biases zero."""
    if isinstance(module, nn.Linear):
        nn.init.trunc_normal_(module.weight, std=0.02, a=-2, b=2)
        if module.bias is not None:
            nn.init.zeros_(module.bias)
