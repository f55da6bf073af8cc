"""Sampling of a trained variant by the library's own functions, in each direction."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from ablations.tasks import Ablation, louder
from diffusers import DPMSolverMultistepScheduler
from torch import Tensor

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

    steps: int = 20
    guidance: float = 2.0
    map_noise: float = 1.0


@torch.inference_mode()
def draw(
    task: Ablation,
    prompts: Sequence[str],
    how: Sampling,
    *,
    image: Tensor | None = None,
    panoptic: Tensor | None = None,
    image_only: bool = False,
) -> Tensor:
    """A clean state (N, C, h, w) for each prompt; sample k depends on k alone.

    Args:
        task: with its trained network.
        prompts: one for each sample.
        how: steps, guidance, noise.
        image, panoptic: (N, C_i, h, w) latents or (N, C_m, r h, r w) maps that are given.
        image_only: draw the image with the map hidden behind noise all along.
    """
    made = []
    for start in range(0, len(prompts), BATCH):
        part = slice(start, start + BATCH)
        fixed = [None if v is None else v[part] for v in (image, panoptic)]
        made.append(_batch(task, prompts[part], how, start, *fixed, image_only))
    return torch.cat(made)


def _batch(
    task: Ablation,
    prompts: Sequence[str],
    how: Sampling,
    first: int,
    image: Tensor | None,
    panoptic: Tensor | None,
    image_only: bool,
) -> Tensor:
    network, layout, schedules = task.averaged, task.layout, task.schedules
    noise = _noise(task, range(first, first + len(prompts)), how.map_noise)
    context, null = (task.text.encode(task.text.tokenize(list(p))) for p in (prompts, [""]))
    denoise: Denoise = NetworkDenoiser(network, layout, schedules, network.config.image_prediction)
    weights = Guidance(text=(how.guidance, how.guidance))
    denoise = guided(denoise, layout, null, weights, noise)
    if image is not None or panoptic is not None:
        denoise = given(denoise, layout, *_fixed(task, noise, image, panoptic))
    if image_only:
        denoise = _map_hidden(denoise, task, noise)
    solver = DPMSolverMultistepScheduler(solver_order=2)
    return sample(denoise, context, noise, layout, schedules, solver, how.steps)


def _noise(task: Ablation, numbers: range, map_noise: float) -> Tensor:
    """Standard normal noise, each sample's from its own seed, the map's scaled."""
    side = task.network.config.sample_size
    shape = (task.layout.channels, side, side)
    seeds = (torch.Generator().manual_seed(k) for k in numbers)
    noise = torch.stack([torch.randn(shape, generator=g) for g in seeds])
    return louder(task.layout.split(noise), map_noise)


def _fixed(
    task: Ablation, like: Tensor, image: Tensor | None, panoptic: Tensor | None
) -> tuple[Tensor, Tensor]:
    """The clean state that holds what is given, and the mask that says so."""
    empty_image, empty_map = task.layout.unpack(torch.zeros_like(like))
    clean = task.layout.join(
        empty_image if image is None else image, empty_map if panoptic is None else panoptic
    )
    known = task.layout.join_known(
        torch.full_like(empty_image[:, :1], image is not None),
        torch.full_like(empty_map[:, :1], panoptic is not None),
    )
    return clean, known


def _map_hidden(denoise: Denoise, task: Ablation, noise: Tensor) -> Denoise:
    """A denoiser that sees noise at the last level in the place of the map."""
    hidden = task.layout.split(noise)[1]

    def call(x: Tensor, t: Tensor, context: Context, known: Tensor | None = None) -> Tensor:
        seen = torch.cat([task.layout.split(x)[0], hidden], dim=1)
        return denoise(seen, t.clone().index_fill_(1, torch.tensor([1]), NUM_LEVELS), context)

    return call
