"""The exponential moving average of a network's weights."""

from __future__ import annotations

import copy

import torch
from torch import nn

from pandiff.training.dtensors import local


class Ema:
    """Keeps `model`, an averaged copy of a network.

    Args:
        network: the network that is trained; parameters are averaged, buffers copied. Frozen
            parameters are neither: the copy shares them.
    """

    def __init__(self, network: nn.Module) -> None:
        shared = {id(p): p for p in network.parameters() if not p.requires_grad}
        self.model = copy.deepcopy(network, shared).eval().requires_grad_(False)

    @torch.no_grad()
    def update(self, network: nn.Module, decay: float) -> None:
        """average += (1 - decay) (weights - average)."""
        pairs = zip(self.model.parameters(), network.parameters(), strict=True)
        trained = [(local(mine), local(other)) for mine, other in pairs if other.requires_grad]
        ours, theirs = (list(side) for side in zip(*trained, strict=True))
        torch._foreach_lerp_(ours, theirs, 1 - decay)
        for mine, other in zip(self.model.buffers(), network.buffers(), strict=True):
            mine.copy_(other)
