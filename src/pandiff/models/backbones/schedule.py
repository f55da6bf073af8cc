"""The noise schedules that image backbones were trained on, told level by level."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import torch
from torch import Tensor

NUM_LEVELS = 1000
"""Noise levels are the integers 0 (clean) to NUM_LEVELS (the noisiest)."""

_TERMINAL_ALPHA_BAR = 2.0**-30
"""Zero signal, as far as one can divide by it."""


class BackboneSchedule(Protocol):
    """x_t = sqrt(alpha_bar_t) x_0 + sqrt(1 - alpha_bar_t) noise."""

    @property
    def alpha_bars(self) -> Tensor:
        """(NUM_LEVELS + 1,) float64, falling from 1 at level 0."""
        ...


@dataclass(frozen=True)
class BetaSchedule:
    """Betas of DDPM (Ho et al. 2020, arXiv 2006.11239), a thousand of them.

    Attributes:
        start, end: the first beta and the last.
        power: the betas' roots of this degree are evenly spaced: 1 is called linear, 2 scaled
            linear (Stable Diffusion).
    """

    start: float
    end: float
    power: int = 1

    @cached_property
    def alpha_bars(self) -> Tensor:
        ends = (value ** (1 / self.power) for value in (self.start, self.end))
        betas = torch.linspace(*ends, NUM_LEVELS, dtype=torch.float64) ** self.power
        return torch.cat([betas.new_ones(1), torch.cumprod(1 - betas, dim=0)])


@dataclass(frozen=True)
class FlowSchedule:
    """A rectified flow, x_s = (1 - s) x_0 + s noise, scaled to unit variance.

    Divided by c = sqrt((1 - s)^2 + s^2) it is an x_t like any other, so that its samplers, its
    guidance and its losses are the same as everybody's.

    Attributes:
        shift: of s towards noise, s = shift u / (1 + (shift - 1) u) for u = t / NUM_LEVELS
            (Esser et al. 2024, arXiv 2403.03206, equation 23).
    """

    shift: float = 1.0

    @cached_property
    def sigmas(self) -> Tensor:
        """(NUM_LEVELS + 1,) float64: s of each level, from 0 to 1."""
        u = torch.arange(NUM_LEVELS + 1, dtype=torch.float64) / NUM_LEVELS
        return self.shift * u / (1 + (self.shift - 1) * u)

    @cached_property
    def alpha_bars(self) -> Tensor:
        signal, noise = (1 - self.sigmas) ** 2, self.sigmas**2
        return (signal / (signal + noise)).clamp(min=_TERMINAL_ALPHA_BAR)
