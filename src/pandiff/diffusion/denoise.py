"""`denoise(x, t, context, known) -> z0`: the one interface of every network.

Networks differ in what they predict; these wrappers make them alike. Guidance (`guided`) and
conditioning (`given`) are closures around a denoiser, so that the sampler knows of neither.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol

import torch
from torch import Tensor

from pandiff.context import Context
from pandiff.diffusion.schedule import StreamSchedules
from pandiff.state import StateLayout

Prediction = Literal["velocity", "noise", "sample"]


class Denoise(Protocol):
    """Estimate of the clean state.

    Args:
        x: (B, C, h, w) noisy state.
        t: (B, 2) integer levels of image and map, 0 (clean) to NUM_LEVELS.
        context: text tokens and, where there is one, an image prompt; a row for each sample.
        known: (B, known_channels, h, w) mask of what x holds clean, 0 or 1; None for nothing.

    Returns:
        (B, C, h, w) estimate of the clean state; its map in [-1, 1].
    """

    def __call__(
        self, x: Tensor, t: Tensor, context: Context, known: Tensor | None = None
    ) -> Tensor: ...


def clean_from(prediction: Prediction, output: Tensor, x: Tensor, a: Tensor, s: Tensor) -> Tensor:
    """The clean state that a network's output stands for.

    velocity v = a noise - s x_0 (Salimans & Ho 2022, arXiv 2202.00512), so x_0 = a x - s v;
    noise: x_0 = (x - s noise) / a; sample: the output itself.

    Args:
        prediction: what the output is.
        output, x: of one shape. a, s: alpha and sigma, broadcastable to it.
    """
    if prediction == "velocity":
        return a * x - s * output
    if prediction == "noise":
        return (x - s * output) / a
    return output


@dataclass(frozen=True)
class NetworkDenoiser:
    """A network as a denoiser: the image by its `prediction`, the map as a squashed x_0.

    Attributes:
        network: called as network(x, t, context, known); image slice in its own prediction, map
            slice as logits, squashed here by tanh.
        layout: where the streams lie.
        schedules: their noise schedules.
        prediction: what the image slice of the output is.
    """

    network: Denoise
    layout: StateLayout
    schedules: StreamSchedules
    prediction: Prediction = "velocity"

    def __call__(
        self, x: Tensor, t: Tensor, context: Context, known: Tensor | None = None
    ) -> Tensor:
        output = self.network(x, t, context, known).float()
        image, panoptic = self.layout.split(output)
        alpha, sigma = self.schedules.image.coefficients(t[:, 0])
        a, s = alpha[:, None, None, None], sigma[:, None, None, None]
        clean = clean_from(self.prediction, image, self.layout.split(x)[0], a, s)
        return torch.cat([clean, panoptic.tanh()], dim=1)
