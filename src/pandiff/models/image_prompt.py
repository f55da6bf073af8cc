"""Image prompts: what a Swin Transformer V2 sees in an image, as a few tokens of context."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn.functional import adaptive_avg_pool2d, interpolate
from transformers import Swinv2Config, Swinv2Model

MEAN = (0.485, 0.456, 0.406)
STD = (0.229, 0.224, 0.225)
"""Statistics of ImageNet, by which the published Swin-V2 models normalise their pixels."""


def small_swin(
    image_size: int = 128,
    patch_size: int = 8,
    embed_dim: int = 48,
    depths: tuple[int, ...] = (2, 2, 2),
    window_size: int = 4,
) -> Swinv2Model:
    """A Swin-V2 (Liu et al. 2022, arXiv 2111.09883) for the built-in world, 1.3 M parameters."""
    config = Swinv2Config(
        image_size=image_size,
        patch_size=patch_size,
        embed_dim=embed_dim,
        depths=list(depths),
        num_heads=[max(1, embed_dim * 2**k // 24) for k in range(len(depths))],
        window_size=window_size,
        drop_path_rate=0.0,
    )
    return Swinv2Model(config, add_pooling_layer=False)


def image_features(image_encoder: Swinv2Model, pixels: Tensor) -> Tensor:
    """(B, 3, H, W) in [-1, 1] -> features (B, D, h, w) of the last stage."""
    size = image_encoder.config.image_size
    if pixels.shape[-2:] != (size, size):
        pixels = interpolate(pixels, (size, size), mode="bicubic", antialias=True).clamp(-1, 1)
    mean, std = (pixels.new_tensor(v)[:, None, None] for v in (MEAN, STD))
    tokens: Tensor = image_encoder((pixels / 2 + 0.5 - mean) / std).last_hidden_state
    return tokens.transpose(1, 2).unflatten(2, (math.isqrt(tokens.shape[1]), -1))


def image_prompts(image_encoder: Swinv2Model, pixels: Tensor, length: int) -> Tensor:
    """Images -> tokens of an image prompt, for training of the encoder.

    Args:
        image_encoder: any Swin-V2.
        pixels: (B, 3, H, W) in [-1, 1], square; resized to the encoder's size.
        length: number of tokens, a square: means over that many parts of the image.

    Returns:
        (B, length, D) float32.
    """
    features = image_features(image_encoder, pixels)
    side = math.isqrt(length)
    return adaptive_avg_pool2d(features, side).flatten(2).transpose(1, 2).float()


@torch.no_grad()
def encode_image_prompts(image_encoder: Swinv2Model, pixels: Tensor, length: int) -> Tensor:
    """`image_prompts` of a frozen encoder."""
    return image_prompts(image_encoder, pixels, length)
