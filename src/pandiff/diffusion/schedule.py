"""Noise schedules: one for each stream, in one place, used in training and sampling alike."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import torch
from torch import Tensor

NUM_LEVELS = 1000
"""Noise levels are the integers 0 (clean) to NUM_LEVELS (pure noise)."""

_TERMINAL_ALPHA_BAR = 2.0**-30
"""Zero SNR, as far as the schedulers of diffusers can divide by it; below every inner level."""


@dataclass(frozen=True)
class NoiseSchedule:
    """A variance-preserving cosine schedule with shifted log-SNR and zero terminal SNR.

    x_t = alpha_t x_0 + sigma_t noise, with alpha_t^2 + sigma_t^2 = 1. A stream at r times the
    resolution is r^2 times as redundant, so that the same region is as legible at r times the
    noise: its signal is scaled by `shift` = 1 / r at equal level, which moves its log-SNR by
    2 log(shift) (Chen 2023, arXiv 2301.10972; Hoogeboom et al. 2023, arXiv 2301.11093). Scaling
    the bits would say the same thing twice; they stay at -1 and +1.

    Attributes:
        shift: factor on alpha / sigma at every level; 1 is the plain cosine schedule
            (Nichol & Dhariwal 2021, arXiv 2102.09672).
    """

    shift: float = 1.0

    @classmethod
    def for_map(cls, ratio: int) -> NoiseSchedule:
        """The schedule of a map with `ratio` times the side of the image's latent."""
        return cls(shift=1.0 / ratio)

    @cached_property
    def alpha_bars(self) -> Tensor:
        """(NUM_LEVELS + 1,) float64: alpha_t^2 for each level, falling from 1 to about 0."""
        s = torch.arange(NUM_LEVELS + 1, dtype=torch.float64) / NUM_LEVELS
        angle = s * (math.pi / 2)
        signal, noise = (self.shift * torch.cos(angle)) ** 2, torch.sin(angle) ** 2
        return (signal / (signal + noise)).clamp(min=_TERMINAL_ALPHA_BAR)

    def coefficients(self, levels: Tensor) -> tuple[Tensor, Tensor]:
        """Levels of any shape, 0..NUM_LEVELS -> (alpha, sigma), float32 of the same shape."""
        alpha_bar = self.alpha_bars.to(levels.device)[levels.long()]
        return alpha_bar.sqrt().float(), (1 - alpha_bar).sqrt().float()

    def scheduler_config(self) -> dict[str, Any]:
        """Arguments that make any diffusers scheduler step on this schedule, predicting x_0.

        The scheduler's timestep i is our level i + 1.
        """
        bars = self.alpha_bars
        return {
            "num_train_timesteps": NUM_LEVELS,
            "trained_betas": (1 - bars[1:] / bars[:-1]).tolist(),
            "prediction_type": "sample",
            "timestep_spacing": "trailing",
        }


@dataclass(frozen=True, eq=False)
class ToldSchedule(NoiseSchedule):
    """A schedule told level by level: that of a frozen network, which was trained on it.

    Attributes:
        told: (NUM_LEVELS + 1,) float64, what `alpha_bars` is.
    """

    told: Tensor = field(default_factory=lambda: torch.ones(NUM_LEVELS + 1, dtype=torch.float64))

    @cached_property
    def alpha_bars(self) -> Tensor:
        return self.told


@dataclass(frozen=True)
class StreamSchedules:
    """The schedules of the two streams of a state."""

    image: NoiseSchedule
    panoptic: NoiseSchedule

    @classmethod
    def for_ratio(cls, ratio: int) -> StreamSchedules:
        return cls(NoiseSchedule(), NoiseSchedule.for_map(ratio))

    @classmethod
    def of(cls, network: Any) -> StreamSchedules:
        """Those of a panoptic diffusion model: a frozen backbone fixes the image's."""
        told = getattr(network, "image_alpha_bars", None)
        image = NoiseSchedule() if told is None else ToldSchedule(told=told)
        return cls(image, NoiseSchedule.for_map(network.layout.ratio))

    def coefficients(self, levels: Tensor) -> tuple[Tensor, Tensor]:
        """Levels (B, 2) of image and map -> alpha and sigma, each (B, 2)."""
        image = self.image.coefficients(levels[:, 0])
        panoptic = self.panoptic.coefficients(levels[:, 1])
        alpha, sigma = (torch.stack(pair, dim=1) for pair in zip(image, panoptic, strict=True))
        return alpha, sigma
