"""A small convolutional panoptic segmenter: pixels to category logits and centre offsets.

A U-Net (Ronneberger et al. 2015, arXiv 1505.04597) with the outputs of Panoptic-DeepLab (Cheng et
al. 2020, arXiv 1911.10194), but without its heat map of centres: the offsets vote.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

import torch
from diffusers import ConfigMixin, ModelMixin
from diffusers.configuration_utils import register_to_config
from torch import Tensor, nn
from torch.nn.functional import interpolate, pixel_shuffle, pixel_unshuffle, silu

from pandiff.taxonomy import Taxonomy

PATCH = 2
"""Side of the pixel patches that are read and written: no layer works at full size."""


class PanopticSegmenter(ModelMixin, ConfigMixin):
    """Pixels to category logits and instance offsets.

    Args:
        taxonomy: the categories, as `Taxonomy.to_coco` lists them.
        widths: channels of each level; each level halves the side.
    """

    @register_to_config
    def __init__(
        self,
        *,
        taxonomy: Sequence[Mapping[str, Any]],
        widths: Sequence[int] = (32, 64, 128, 160),
    ) -> None:
        super().__init__()
        outputs = len(taxonomy) + 1 + 2
        pairs = list(itertools.pairwise(widths))
        self.stem = nn.Conv2d(3 * PATCH**2, widths[0], 3, padding=1)
        self.encoder = nn.ModuleList(Residual(width) for width in widths[1:])
        self.shrink = nn.ModuleList(nn.Conv2d(a, b, 2, stride=2) for a, b in pairs)
        self.grow = nn.ModuleList(nn.Conv2d(b, a, 1) for a, b in pairs)
        self.decoder = nn.ModuleList(Residual(width) for width in widths[:-1])
        self.head = nn.Conv2d(widths[0], outputs * PATCH**2, 1)

    def forward(self, pixels: Tensor) -> Tensor:
        """Segment a batch.

        Args:
            pixels: (B, 3, H, W) in [-1, 1]; `side_multiple` divides H and W.

        Returns:
            (B, (num_classes + 2) PATCH^2, H / PATCH, W / PATCH): `unpack` makes two pictures of it.
        """
        x = self.stem(pixel_unshuffle(pixels, PATCH))
        skips = []
        for shrink, block in zip(self.shrink, self.encoder, strict=True):
            skips.append(x)
            x = block(shrink(x))
        for grow, block in zip(reversed(self.grow), reversed(self.decoder), strict=True):
            x = block(skips.pop() + interpolate(grow(x), scale_factor=2.0, mode="nearest"))
        return self.head(silu(x))

    @cached_property
    def taxonomy(self) -> Taxonomy:
        """The categories that the network knows; its logits have void first."""
        return Taxonomy.from_coco(self.config.taxonomy)

    @property
    def side_multiple(self) -> int:
        """What divides the sides of the pixels."""
        return int(PATCH * 2 ** (len(self.config.widths) - 1))


def unpack(output: Tensor) -> tuple[Tensor, Tensor]:
    """Output of `PanopticSegmenter` -> its logits and offsets at every pixel.

    Returns:
        Logits (B, num_classes, H, W), and offsets (B, 2, H, W) as `pandiff.codec.offsets.Offsets`
        writes them.
    """
    pixels = pixel_shuffle(output, PATCH)
    return pixels[:, :-2], pixels[:, -2:]


def at_phase(packed: Tensor, phase: Tensor) -> Tensor:
    """One pixel of each patch: a quarter of the work of all pixels, and as good for training.

    Args:
        packed: (B, C PATCH^2, h, w), of `pixel_unshuffle`.
        phase: (B,) which pixel, 0 .. PATCH^2 - 1 in rows, for each sample.

    Returns:
        (B, C, h, w).
    """
    rows = torch.arange(len(packed), device=packed.device)
    return packed.unflatten(1, (-1, PATCH**2))[rows, :, phase]


class Residual(nn.Module):
    """Two 3 x 3 convolutions around a skip; begins as the identity."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norms = nn.ModuleList(nn.BatchNorm2d(width) for _ in range(2))
        self.convs = nn.ModuleList(nn.Conv2d(width, width, 3, padding=1) for _ in range(2))
        nn.init.zeros_(self.convs[-1].weight)

    def forward(self, x: Tensor) -> Tensor:
        y = x
        for norm, conv in zip(self.norms, self.convs, strict=True):
            y = conv(silu(norm(y)))
        return x + y
