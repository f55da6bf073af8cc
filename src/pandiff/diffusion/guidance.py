"""Guidance: a closure around a denoiser that asks it twice in one batch."""

from __future__ import annotations

import torch
from torch import Tensor

from pandiff.diffusion.denoise import Denoise
from pandiff.state import StateLayout


def guided(
    denoise: Denoise, layout: StateLayout, null_context: Tensor, scale: tuple[float, float]
) -> Denoise:
    """Classifier-free guidance on text (Ho & Salimans 2022, arXiv 2207.12598).

    z_0 = null + scale (prompt - null), with a scale for each stream; the map is kept in [-1, 1].
    One call with twice the batch, not two calls.

    Args:
        denoise: the denoiser to guide.
        layout: where the streams lie.
        null_context: (1, L, D) context of the empty prompt.
        scale: guidance of image and map; (1, 1) returns `denoise` itself.
    """
    if scale == (1.0, 1.0):
        return denoise

    def call(x: Tensor, t: Tensor, context: Tensor, known: Tensor | None = None) -> Tensor:
        both = torch.cat([context, null_context.expand_as(context)])
        twice = None if known is None else torch.cat([known, known])
        prompt, null = denoise(torch.cat([x, x]), torch.cat([t, t]), both, twice).chunk(2)
        factor = layout.per_stream(torch.tensor([scale], dtype=null.dtype, device=x.device))
        image, panoptic = layout.split(torch.lerp(null, prompt, factor))
        return torch.cat([image, panoptic.clamp(-1, 1)], dim=1)

    return call
