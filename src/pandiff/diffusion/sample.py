"""The sampling loop, over any diffusers scheduler: each stream steps its own slice in lockstep."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from diffusers import SchedulerMixin
from torch import Tensor

from pandiff.context import Context
from pandiff.diffusion.denoise import Denoise
from pandiff.diffusion.schedule import StreamSchedules
from pandiff.diffusion.schedulers import scheduler_for
from pandiff.state import StateLayout


class StepCallback(Protocol):
    """Called after each step with (step, timestep, x, z0); x may be changed by returning it."""

    def __call__(self, step: int, timestep: int, x: Tensor, z0: Tensor) -> Tensor | None: ...


@dataclass(frozen=True)
class Start:
    """Where sampling starts, if not from pure noise (Meng et al. 2022, arXiv 2108.01073).

    Attributes:
        strength: share of the noise levels that are run through, above 0 to 1.
        clean: (B, C, h, w) clean state that is noised to the first of them.
    """

    strength: float
    clean: Tensor


@torch.inference_mode()
def sample(
    denoise: Denoise,
    context: Context,
    noise: Tensor,
    layout: StateLayout,
    schedules: StreamSchedules,
    scheduler: SchedulerMixin,
    num_inference_steps: int,
    *,
    start: Start | None = None,
    generators: list[torch.Generator] | None = None,
    on_step: StepCallback | None = None,
    progress: Callable[[Iterable[Any]], Iterable[Any]] = iter,
) -> Tensor:
    """Integrate from pure noise to a clean state.

    Args:
        denoise: the denoiser, with guidance and conditioning around it.
        context: what the samples are conditioned on, B rows.
        noise: (B, C, h, w) standard normal noise.
        layout: where the streams lie.
        schedules: the noise schedule of each stream.
        scheduler: any diffusers scheduler that can predict the clean sample; not changed.
        num_inference_steps: number of steps.
        start: a clean state to start from; None for pure noise.
        generators: one for each sample, for schedulers that add noise.
        on_step: called after each step.
        progress: wraps the iteration over steps (a progress bar).

    Returns:
        (B, C, h, w) clean state: the estimate of the last step, which goes to level 0.

    Raises:
        InputError: if the scheduler cannot predict the clean sample.
    """
    pair = [scheduler_for(s, scheduler) for s in (schedules.image, schedules.panoptic)]
    for one in pair:
        one.set_timesteps(num_inference_steps, device=noise.device)
    timesteps, parts = _begin(pair, list(layout.split(noise)), layout, start)
    extra = [_step_arguments(s, generators) for s in pair]
    for step, timestep in enumerate(progress(timesteps)):
        scaled = [s.scale_model_input(p, timestep) for s, p in zip(pair, parts, strict=True)]
        t = (timestep.round().long() + 1).expand(len(noise), 2)
        z0 = denoise(torch.cat(scaled, dim=1), t, context)
        if step == len(timesteps) - 1:  # to level 0, where a few classes stop just short
            parts = list(layout.split(z0))
        else:
            parts = [
                s.step(z, timestep, p, **e).prev_sample
                for s, z, p, e in zip(pair, layout.split(z0), parts, extra, strict=True)
            ]
        if on_step is not None:
            changed = on_step(step, int(timestep), torch.cat(parts, dim=1), z0)
            parts = list(layout.split(changed)) if changed is not None else parts
    return torch.cat(parts, dim=1)


def _begin(
    pair: list[Any], noise: list[Tensor], layout: StateLayout, start: Start | None
) -> tuple[Tensor, list[Tensor]]:
    """The timesteps to run through, and each stream at the first of them."""
    timesteps: Tensor = pair[0].timesteps
    if start is None:
        return timesteps, [p * s.init_noise_sigma for p, s in zip(noise, pair, strict=True)]
    skipped = len(timesteps) - max(1, round(start.strength * len(timesteps)))
    for one in pair:
        if hasattr(one, "set_begin_index"):
            one.set_begin_index(skipped)
    clean = layout.split(start.clean)
    first = timesteps[skipped : skipped + 1]
    parts = [s.add_noise(c, n, first) for s, c, n in zip(pair, clean, noise, strict=True)]
    return timesteps[skipped:], parts


def _step_arguments(
    scheduler: SchedulerMixin, generators: list[torch.Generator] | None
) -> dict[str, Any]:
    takes = inspect.signature(type(scheduler).step).parameters
    return {"generator": generators} if "generator" in takes and generators else {}
