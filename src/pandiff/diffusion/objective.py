"""The training objective of one batch: what the network is asked, and how it is judged."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from pandiff.collectives import batch_mean
from pandiff.context import Context
from pandiff.diffusion.denoise import Denoise, Prediction
from pandiff.diffusion.levels import Levels
from pandiff.diffusion.schedule import StreamSchedules
from pandiff.state import StateLayout

LEAK = 0.1
"""Slope that `squash` lends to the flat ends of tanh."""


@dataclass(frozen=True)
class Losses:
    """Mean squared errors over the cells that are not given, of the batch of all processes.

    Attributes:
        image: scalar, of the image's prediction.
        panoptic: scalar, of the squashed map.
    """

    image: Tensor
    panoptic: Tensor


def add_noise(
    layout: StateLayout, schedules: StreamSchedules, clean: Tensor, noise: Tensor, levels: Levels
) -> Tensor:
    """x_t = alpha_t z_0 + sigma_t noise per stream; the known cells stay clean. (B, C, h, w)."""
    alpha, sigma = (layout.per_stream(c) for c in schedules.coefficients(levels.t))
    cells = layout.expand_known(levels.known).bool()
    return torch.where(cells, clean, alpha * clean + sigma * noise)


def objective(
    network: Denoise,
    layout: StateLayout,
    schedules: StreamSchedules,
    clean: Tensor,
    context: Context,
    levels: Levels,
    noise: Tensor,
    prediction: Prediction = "velocity",
    map_weights: Tensor | None = None,
    image_weights: Tensor | None = None,
) -> Losses:
    """The two losses of a batch of clean states (PAPER: image and map losses are added).

    Args:
        network: raw network, see `NetworkDenoiser`.
        clean, noise: (B, C, h, w) clean states and standard normal noise.
        context: what the samples are conditioned on, B rows.
        levels: what `draw_levels` drew.
        prediction: what the image slice of the network's output is.
        map_weights: (map_channels,) weight of each channel's error; 1 by default.
        image_weights: (B, 1, h, w) weight of each cell in the mean over the image; 1 by default.
    """
    x = add_noise(layout, schedules, clean, noise, levels)
    output = network(x, levels.t, context, levels.known).float()
    image, panoptic = layout.split(output)
    image_0, map_0 = layout.split(clean)
    alpha, sigma = schedules.image.coefficients(levels.t[:, 0])
    a, s = alpha[:, None, None, None], sigma[:, None, None, None]
    image_noise = layout.split(noise)[0]
    target = {"velocity": a * image_noise - s * image_0, "noise": image_noise, "sample": image_0}
    free_image, free_map = layout.split(1 - layout.expand_known(levels.known))
    if map_weights is not None:
        map_weights = map_weights.repeat_interleave(layout.ratio**2)[:, None, None]
    if image_weights is not None:
        free_image = free_image * image_weights
    weight = min_snr(s) if prediction == "sample" else torch.ones_like(s)
    return Losses(
        image=_masked_mse(image, target[prediction], free_image, weight),
        panoptic=_masked_mse(
            squash(panoptic), map_0, free_map, 1.0 if map_weights is None else map_weights
        ),
    )


def squash(logits: Tensor) -> Tensor:
    """tanh, with a gradient that never vanishes: tanh' + LEAK.

    Where tanh is flat, a bit that is surely wrong would never be mended: that of a rare category
    among thousands of cells without it. Value and optimum are those of tanh.
    """
    return logits.tanh() + LEAK * (logits - logits.detach())


def min_snr(sigma: Tensor, gamma: float = 5.0) -> Tensor:
    """Weight of the squared error of a clean image: min(SNR + 1, gamma).

    SNR + 1 = 1 / sigma^2 makes it the error of the velocity; the cut is that of Hang et al. 2023
    (arXiv 2303.09556).
    """
    return (1 / sigma.clamp(min=1e-4) ** 2).clamp(max=gamma)


def _masked_mse(
    prediction: Tensor, target: Tensor, mask: Tensor, weight: Tensor | float = 1.0
) -> Tensor:
    return batch_mean(((prediction - target) ** 2 * mask * weight).sum(), mask.sum())
