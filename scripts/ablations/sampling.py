"""Sampling of a trained variant by the library's own functions, in each direction."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from diffusers import DPMSolverMultistepScheduler
from torch import Tensor

from ablations.tasks import Ablation, louder
from pandiff.context import Context
from pandiff.diffusion import (
    NUM_LEVELS,
    Denoise,
    Guidance,
    NetworkDenoiser,
    given,
    guided,
    sample,
)

BATCH = 32


@dataclass(frozen=True)
class Sampling:
    """How samples are drawn.

    Attributes:
        steps: of DPM-Solver++(2M).
        guidance: weight of the prompt.
        map_noise: deviation of the map's noise at the start.
    """

    steps: int
    guidance: float = 1.0
    map_noise: float = 1.0


@torch.inference_mode()
def draw(
    task: Ablation,
    prompts: Sequence[str],
    how: Sampling,
    *,
    image: Tensor | None = None,
    map_hidden: bool = False,
) -> Tensor:
    """A clean state (N, C, h, w) for each prompt; sample k depends on k alone.

    Args:
        task: with its trained network.
        prompts: one for each sample.
        how: steps, guidance, noise.
        image: (N, C_i, h, w) latents that are given.
        map_hidden: draw the image with the map behind noise all along.
    """
    made = []
    for first in range(0, len(prompts), BATCH):
        some = prompts[first : first + BATCH]
        noise = start_noise(task, range(first, first + len(some)), how.map_noise)
        context, null = (task.text.encode(task.text.tokenize(list(p))) for p in (some, [""]))
        denoise = denoiser(task, noise, image=None if image is None else image[first:][:BATCH])
        weights = Guidance(text=(how.guidance, how.guidance))
        denoise = guided(denoise, task.layout, null, weights, noise)
        if map_hidden:
            denoise = _without_map(denoise, task, noise)
        solver = DPMSolverMultistepScheduler(solver_order=2)
        made.append(sample(denoise, context, noise, task.layout, task.schedules, solver, how.steps))
    return torch.cat(made)


def start_noise(task: Ablation, numbers: range, map_noise: float) -> Tensor:
    """Standard normal noise, each sample's from its own seed, the map's scaled."""
    side = task.network.config.sample_size
    shape = (task.layout.channels, side, side)
    seeds = (torch.Generator().manual_seed(k) for k in numbers)
    noise = torch.stack([torch.randn(shape, generator=g) for g in seeds])
    return louder(task.layout.split(noise), map_noise)


def denoiser(
    task: Ablation, like: Tensor, *, image: Tensor | None = None, panoptic: Tensor | None = None
) -> Denoise:
    """The trained network as a denoiser of states like `like`, with what is given in place."""
    network, layout = task.averaged, task.layout
    denoise = NetworkDenoiser(network, layout, task.schedules, network.config.image_prediction)
    if image is None and panoptic is None:
        return denoise
    empty_image, empty_map = layout.unpack(torch.zeros_like(like))
    clean = layout.join(
        empty_image if image is None else image, empty_map if panoptic is None else panoptic
    )
    known = layout.join_known(
        torch.full_like(empty_image[:, :1], image is not None),
        torch.full_like(empty_map[:, :1], panoptic is not None),
    )
    return given(denoise, layout, clean, known)


def _without_map(denoise: Denoise, task: Ablation, noise: Tensor) -> Denoise:
    """A denoiser that sees noise at the last level in the place of the map."""
    hidden = task.layout.split(noise)[1]

    def call(x: Tensor, t: Tensor, context: Context, known: Tensor | None = None) -> Tensor:
        seen = torch.cat([task.layout.split(x)[0], hidden], dim=1)
        levels = torch.stack([t[:, 0], torch.full_like(t[:, 1], NUM_LEVELS)], dim=1)
        return denoise(seen, levels, context, known)

    return call
