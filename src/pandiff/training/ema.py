"""The exponential moving average of a network's weights."""

from __future__ import annotations

import copy

import torch
from torch import nn


class Ema:
    """Keeps `model`, an averaged copy of a network.

    Args:
        network: the network that is trained; parameters are averaged, buffers copied.
    """

    def __init__(self, network: nn.Module) -> None:
        self.model = copy.deepcopy(network).eval().requires_grad_(False)

    @torch.no_grad()
    def update(self, network: nn.Module, decay: float) -> None:
        """average += (1 - decay) (weights - average)."""
        ours, theirs = list(self.model.parameters()), list(network.parameters())
        torch._foreach_lerp_(ours, theirs, 1 - decay)
        for mine, other in zip(self.model.buffers(), network.buffers(), strict=True):
            mine.copy_(other)
