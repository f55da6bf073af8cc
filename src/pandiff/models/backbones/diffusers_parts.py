"""What the adapters of diffusers' transformers share."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch import Tensor, nn


def unpatchify_last(tokens: Tensor, patch: int, size: Sequence[int]) -> Tensor:
    """Tokens (B, N, p p C), channels last -> (B, C, h, w)."""
    h, w = (side // patch for side in size)
    x = tokens.unflatten(2, (patch, patch, -1)).unflatten(1, (h, w))
    return x.permute(0, 5, 1, 3, 2, 4).flatten(4, 5).flatten(2, 3)


def patch_positions(pos_embed: nn.Module, side: int, channels: int) -> Tensor:
    """(1, N, width): what a `PatchEmbed` adds to the patches of square latents."""
    blank = pos_embed.proj.weight.new_zeros(1, channels, side, side)
    return pos_embed(blank) - pos_embed.proj.bias


def drop_key_bias(attention: Any) -> None:
    """Take away a parameter that does nothing.

    It adds the same to a query's scores at all keys, and the softmax takes that away, unless the
    keys are normalised first.
    """
    if attention.norm_k is None:
        attention.to_k.bias = None
