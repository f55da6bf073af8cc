"""The published U-ViT checkpoints: read safely, their names and sizes understood."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file
from torch import Tensor

from pandiff.errors import InputError

FIRST = "patch_embed.proj.weight"
"""A weight that every U-ViT has; what stands before its name stands before all."""
HEAD_WIDTH = 64
"""Channels of a head in every published U-ViT; weights do not tell their number."""


def read_weights(path: str | Path) -> dict[str, Tensor]:
    """The tensors of a `.safetensors` file, or of torch's own format, read as weights only.

    Raises:
        InputError: if there is no such file, or it holds anything but tensors.
    """
    try:
        if Path(path).suffix == ".safetensors":
            return load_file(path)
        found = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # what is no pickle makes the unpickler fail in any way
        reason = f"{type(error).__name__}: {error}".splitlines()[0]
        raise InputError(f"a file of weights alone in {path}", reason, "convert it") from None
    if not isinstance(found, dict):
        raise InputError(f"a state dict in {path}", type(found).__name__, "save only the weights")
    return found


def no_uvit(got: str) -> InputError:
    """The error for weights of something else."""
    return InputError(
        "the weights of a text-to-image U-ViT", got, "use a file of its authors' code"
    )


def official_names(found: Mapping[str, Any]) -> dict[str, Tensor]:
    """The U-ViT's weights without what stands before their names."""
    prefixes = [key.removesuffix(FIRST) for key in found if key.endswith(FIRST)]
    if len(prefixes) != 1:
        got = f"{len(prefixes)} of them" if prefixes else f"no {FIRST}"
        raise no_uvit(got)
    (prefix,) = prefixes
    return {k.removeprefix(prefix): v for k, v in found.items() if k.startswith(prefix)}


def official_sizes(
    weights: Mapping[str, Tensor], num_heads: int | None, num_clip_token: int
) -> dict[str, Any]:
    """The constructor's arguments that fit the weights."""
    needed = ("context_embed.weight", "pos_embed", "mid_block.mlp.fc1.weight")
    missing = [name for name in needed if name not in weights]
    if missing:
        raise no_uvit(f"no {missing[0]}")
    width, channels, patch, _ = weights[FIRST].shape
    if num_heads is None and width % HEAD_WIDTH:
        raise InputError(f"a width that {HEAD_WIDTH} divides", str(width), "pass num_heads")
    inward = sum(k.startswith("in_blocks.") and k.endswith(".norm1.bias") for k in weights)
    return {
        "img_size": patch * _grid_side(weights["pos_embed"].shape[1], num_clip_token),
        "in_chans": channels,
        "patch_size": patch,
        "embed_dim": width,
        "depth": 2 * inward + 1,
        "num_heads": num_heads or width // HEAD_WIDTH,
        "mlp_ratio": weights["mid_block.mlp.fc1.weight"].shape[0] / width,
        "qkv_bias": "mid_block.attn.qkv.bias" in weights,
        "mlp_time_embed": "time_embed.0.weight" in weights,
        "conv": "final_layer.weight" in weights,
        "clip_dim": weights["context_embed.weight"].shape[1],
        "num_clip_token": num_clip_token,
    }


def _grid_side(positions: int, num_clip_token: int) -> int:
    """Side of the grid of patches that the position table leaves beside the time and the text."""
    patches = positions - 1 - num_clip_token
    side = math.isqrt(max(0, patches))
    if not side or side**2 != patches:
        expected = f"a time, {num_clip_token} text tokens and a square of patches"
        raise InputError(expected, f"{positions} positions", "pass num_clip_token")
    return side
