"""The sampling loop, over any diffusers scheduler: each stream steps its own slice in lockstep."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Sequence
from copy import deepcopy
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
    """Where samples start, if not from pure noise (Meng et al. 2022, arXiv 2108.01073).

    Attributes:
        strength: for each sample the share of the noise levels that are run through, above 0
            to 1; None for pure noise.
        clean: (B, C, h, w) clean states that are noised to the first of them; rows without a
            strength are ignored.
    """

    strength: Sequence[float | None]
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
    stop: int | None = None,
    part: Callable[[Tensor], Denoise] | None = None,
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
        start: clean states to start from; None for pure noise.
        stop: number of steps after which to stop, with their estimate of the clean state; None
            for all of them.
        part: the denoiser for some rows of the batch, a tensor of their indices: samples that
            start later are then not denoised before; None denoises all throughout.
        generators: one for each sample, for schedulers that add noise.
        on_step: called after each step with the whole batch. Samples that start later are held
            at the noise of each level until then, which on_step cannot change; with `part` their
            estimate is the state that they start from.
        progress: wraps the iteration over steps (a progress bar).

    Returns:
        (B, C, h, w) clean state: the estimate of the last step; unless stopped, it goes to level 0.

    Raises:
        InputError: if the scheduler cannot predict the clean sample.
    """
    groups = _groups(layout, schedules, scheduler, num_inference_steps, noise, start, generators)
    order = torch.cat([g.rows for g in groups]).argsort()
    begins = torch.tensor([g.begin for g in groups for _ in g.rows], device=noise.device)[order]
    first, timesteps = int(begins.amin()), groups[0].timesteps
    x = torch.cat([g.begin_at(first) for g in groups])[order]
    walked = timesteps[first:][:stop]
    last = first + len(walked) - 1
    for k, timestep in enumerate(progress(walked), start=first):
        scaled = torch.cat([g.scaled(x[g.rows], timestep) for g in groups])[order]
        t = (timestep.round().long() + 1).expand(len(noise), 2)
        active = (begins <= k).nonzero()[:, 0]
        if start is None or part is None or len(active) == len(noise):
            z0 = denoise(scaled, t, context)
        else:
            z0 = start.clean.to(scaled.dtype, copy=True)
            z0[active] = part(active)(scaled[active], t[active], context[active])
        if k == last:  # to level 0, where a few classes stop just short
            x = z0
        else:
            parts = [g.step(k, z0[g.rows], timestep, x[g.rows]) for g in groups]
            x = torch.cat(parts)[order]
        changed = on_step(k - first, int(timestep), x, z0) if on_step is not None else None
        if changed is not None:
            x = torch.where(begins[:, None, None, None] <= k, changed, x)
    return x


class _Group:
    """Samples of one strength, which begin at the same step of the grid.

    Each group has schedulers of its own, because a solver keeps a history and its place on the
    grid. All groups walk the grid side by side, so that the network is asked once a step and
    callbacks see the whole batch. A group whose step has not come begins anew at every level,
    whatever the network says of it: it begins in the end as if it were alone.

    Args:
        rows: (n,) its places in the batch.
        begin: index of its first step.
        pair: schedulers of image and map that have not stepped.
        layout: where the streams lie.
        noise: (n, C, h, w) standard normal noise.
        clean: (n, C, h, w) state to start from; None for pure noise.
        generators: one for each of its samples.
    """

    def __init__(
        self,
        rows: Tensor,
        begin: int,
        pair: list[Any],
        layout: StateLayout,
        noise: Tensor,
        clean: Tensor | None,
        generators: list[torch.Generator] | None,
    ) -> None:
        self.rows, self.begin, self.timesteps = rows, begin, pair[0].timesteps
        self._pair, self._fresh = pair, pair
        self._layout, self._noise, self._clean = layout, noise, clean
        self._extra = [_step_arguments(s, generators) for s in pair]

    def begin_at(self, step: int) -> Tensor:
        """The state with the noise of a step."""
        self._pair = deepcopy(self._fresh)
        noise = self._layout.split(self._noise)
        if self._clean is None:
            each = [n * s.init_noise_sigma for n, s in zip(noise, self._pair, strict=True)]
            return torch.cat(each, dim=1)
        for one in self._pair:
            if hasattr(one, "set_begin_index"):
                one.set_begin_index(step)
        first = self.timesteps[step : step + 1]
        clean = self._layout.split(self._clean)
        each = [s.add_noise(c, n, first) for s, c, n in zip(self._pair, clean, noise, strict=True)]
        return torch.cat(each, dim=1)

    def scaled(self, x: Tensor, timestep: Tensor) -> Tensor:
        """A state as the network sees it."""
        both = zip(self._pair, self._layout.split(x), strict=True)
        return torch.cat([s.scale_model_input(p, timestep) for s, p in both], dim=1)

    def step(self, step: int, z0: Tensor, timestep: Tensor, x: Tensor) -> Tensor:
        """The state after a step, given the estimate of the clean one."""
        if step < self.begin:
            return self.begin_at(step + 1)
        parts = zip(
            self._pair, self._layout.split(z0), self._layout.split(x), self._extra, strict=True
        )
        return torch.cat([s.step(z, timestep, p, **e).prev_sample for s, z, p, e in parts], dim=1)


def _groups(
    layout: StateLayout,
    schedules: StreamSchedules,
    scheduler: SchedulerMixin,
    steps: int,
    noise: Tensor,
    start: Start | None,
    generators: list[torch.Generator] | None,
) -> list[_Group]:
    """The batch by strength."""
    pair = [scheduler_for(s, scheduler) for s in (schedules.image, schedules.panoptic)]
    for one in pair:
        one.set_timesteps(steps, device=noise.device)
    found: dict[float | None, list[int]] = {}
    for k, share in enumerate(start.strength if start is not None else [None] * len(noise)):
        found.setdefault(share, []).append(k)
    total, groups = len(pair[0].timesteps), []
    for share, places in found.items():
        rows = torch.tensor(places, device=noise.device)
        begin = 0 if share is None else total - max(1, round(share * total))
        clean = start.clean[rows] if start is not None and share is not None else None
        some = None if generators is None else [generators[k] for k in places]
        groups.append(_Group(rows, begin, pair, layout, noise[rows], clean, some))
    return groups


def _step_arguments(
    scheduler: SchedulerMixin, generators: list[torch.Generator] | None
) -> dict[str, Any]:
    takes = inspect.signature(type(scheduler).step).parameters
    return {"generator": generators} if "generator" in takes and generators else {}
