"""The sampling loop, over any diffusers scheduler: each stream steps its own slice in lockstep."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable
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
    timesteps = pair[0].timesteps
    parts = [p * s.init_noise_sigma for p, s in zip(layout.split(noise), pair, strict=True)]
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


def _step_arguments(
    scheduler: SchedulerMixin, generators: list[torch.Generator] | None
) -> dict[str, Any]:
    takes = inspect.signature(type(scheduler).step).parameters
    return {"generator": generators} if "generator" in takes and generators else {}
