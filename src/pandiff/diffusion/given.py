"""Conditioning on what is given: a closure around a denoiser that puts it in place."""

from __future__ import annotations

import torch
from torch import Tensor

from pandiff.context import Context
from pandiff.diffusion.denoise import Denoise
from pandiff.state import StateLayout


def stream_levels(layout: StateLayout, t: Tensor, known: Tensor) -> Tensor:
    """Levels (B, 2) with 0 where a stream is known entirely."""
    image = known[:, :1].flatten(1).amin(1)
    panoptic = known[:, 1:].flatten(1).amin(1)
    return torch.where(torch.stack([image, panoptic], dim=1) > 0, 0, t)


def given(denoise: Denoise, layout: StateLayout, clean: Tensor, known: Tensor) -> Denoise:
    """Hold a part of the state fixed.

    The network reads the given cells clean and is told which they are; a stream that is given
    whole has level 0. Its answer there is the given value, so that a sampler ends at it.
    What a caller of the result knows besides is added to the mask.

    Args:
        denoise: the denoiser to condition.
        layout: where the streams lie.
        clean: (B, C, h, w) state that holds the given values; the rest is ignored.
        known: (B, known_channels, h, w) mask, 1 where given (`StateLayout.join_known`).
    """
    mask, cells = known, layout.expand_known(known).bool()

    def call(x: Tensor, t: Tensor, context: Context, known: Tensor | None = None) -> Tensor:
        both = mask if known is None else torch.maximum(mask, known)
        seen = torch.where(cells, clean, x)
        z0 = denoise(seen, stream_levels(layout, t, both), context, both)
        return torch.where(cells, clean, z0)

    return call
