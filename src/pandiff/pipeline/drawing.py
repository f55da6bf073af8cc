"""The samples of a call, as clean states: any of them, as often as they are asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from diffusers import SchedulerMixin
from torch import Tensor

from pandiff.context import Context
from pandiff.diffusion import (
    Denoise,
    Guidance,
    NetworkDenoiser,
    Start,
    StepCallback,
    given,
    guided,
    sample,
)


@dataclass(frozen=True)
class Prepared:
    """What samples are made from, encoded once: one row for each of B.

    Attributes:
        context: of the prompts, with the image prompts.
        null: of the negative prompts.
        given: the clean state that holds what is given, and its known mask; None if nothing is.
        start: where variations start; None without any.
    """

    context: Context
    null: Context
    given: tuple[Tensor, Tensor] | None
    start: Start | None

    def __getitem__(self, samples: Sequence[int]) -> Prepared:
        """The rows of some samples, any of them several times."""
        rows = torch.tensor(samples, device=self.context.text.device)
        given, start = self.given, self.start
        if given is not None:
            given = given[0][rows], given[1][rows]
        if start is not None:
            start = Start([start.strength[k] for k in samples], start.clean[rows])
        return Prepared(self.context[rows], self.null[rows], given, start)


@dataclass(frozen=True)
class Drawing:
    """Draws samples.

    Attributes:
        prepared: what they are made from.
        denoiser: the network.
        scheduler: any diffusers scheduler.
        guidance, steps: as the pipeline takes them.
        side: of the state in cells.
        progress: wraps the iteration over steps, unless it is stopped early.
    """

    prepared: Prepared
    denoiser: NetworkDenoiser
    scheduler: SchedulerMixin
    guidance: Guidance
    steps: int
    side: int
    progress: Callable[[Iterable[Any]], Iterable[Any]]

    def __call__(
        self,
        samples: Sequence[int],
        generators: list[torch.Generator],
        *,
        given: tuple[Tensor, Tensor] | None = None,
        stop: int | None = None,
        on_step: StepCallback | None = None,
    ) -> Tensor:
        """Clean states (B, C, h, w).

        Args:
            samples: their numbers; one may come several times.
            generators: one for each of them.
            given: the clean state that holds what they are given here, and its known mask; None
                for what is prepared.
            stop: number of steps after which the estimate is good enough; None for all.
            on_step: called after each step.
        """
        rows, noise = self.prepared[samples], self._noise(generators)
        if given is not None:
            rows = replace(rows, given=given)

        def part(some: Tensor) -> Denoise:
            return self._denoise(rows[some.tolist()], noise[some])

        return sample(
            self._denoise(rows, noise),
            rows.context,
            noise,
            self.denoiser.layout,
            self.denoiser.schedules,
            self.scheduler,
            self.steps,
            start=rows.start,
            stop=stop,
            part=part,
            generators=generators,
            on_step=on_step,
            progress=self.progress if stop is None else iter,
        )

    def _denoise(self, rows: Prepared, noise: Tensor) -> Denoise:
        """The network with guidance, and with what is given in place."""
        layout = self.denoiser.layout
        denoise = guided(self.denoiser, layout, rows.null, self.guidance, noise)
        return denoise if rows.given is None else given(denoise, layout, *rows.given)

    @property
    def shape(self) -> tuple[int, int, int]:
        """(C, h, w) of a state."""
        return self.denoiser.layout.channels, self.side, self.side

    def _noise(self, generators: list[torch.Generator]) -> Tensor:
        """(B, C, h, w): each sample's noise from its own generator."""
        noise = [torch.randn(self.shape, generator=g, device=g.device) for g in generators]
        return torch.stack([n.to(self.prepared.context.text.device) for n in noise])
