"""The optimisers: AdamW for everything, or Muon for the matrices of the blocks."""

from __future__ import annotations

import re
from typing import Any

import torch
from torch import nn
from torch.distributed.tensor import DTensor

from pandiff.training.config import Optim
from pandiff.training.muon import Muon

HIDDEN = re.compile(r"(^|\.)(\w*blocks?|mixers|layers)\.")
"""Names of the parameters inside a network's blocks."""

Groups = list[dict[str, Any]]


class MuonAdamW(torch.optim.Optimizer):
    """Muon for some parameters and AdamW for others, as one optimiser with one state.

    Args:
        muon: groups of matrices.
        adamw: groups of the other parameters.
        optim: rate and decays; Muon's steps are scaled to the size of AdamW's, so that one rate
            and one weight decay serve both (Liu et al. 2025, arXiv 2502.16982).
    """

    def __init__(self, muon: Groups, adamw: Groups, optim: Optim) -> None:
        self.parts = (
            Muon(muon, optim.lr, optim.momentum),
            _adamw(adamw, optim),
        )
        super().__init__([g for p in self.parts for g in p.param_groups], {})
        self._share()

    def _share(self) -> None:
        """Let both parts step this optimiser's own groups and state."""
        first = len(self.parts[0].param_groups)
        self.parts[0].param_groups = self.param_groups[:first]
        self.parts[1].param_groups = self.param_groups[first:]
        for part in self.parts:
            part.state = self.state

    @torch.no_grad()
    def step(self, closure: None = None) -> None:
        for part in self.parts:
            part.step()

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        super().load_state_dict(state_dict)
        self._share()


def make_optimizer(optim: Optim, network: nn.Module) -> torch.optim.Optimizer:
    """The optimiser of a network's trainable parameters; weights decay, biases and norms do not.

    Args:
        optim: its settings. "muon" (Jordan et al. 2024) takes the matrices of the blocks, where
            its orthogonal steps learn more of a sample; the first and last layers stay AdamW's.
        network: the network.
    """
    named = [(n, p) for n, p in network.named_parameters() if p.requires_grad]
    hidden = [p for n, p in named if optim.name == "muon" and p.ndim == 2 and HIDDEN.search(n)]
    taken = {id(p) for p in hidden}
    rest = [p for _, p in named if id(p) not in taken]
    groups: Groups = [
        {"params": [p for p in rest if p.ndim > 1], "weight_decay": optim.weight_decay},
        {"params": [p for p in rest if p.ndim <= 1], "weight_decay": 0.0},
    ]
    if not hidden:
        return _adamw(groups, optim)
    return MuonAdamW([{"params": hidden, "weight_decay": optim.weight_decay}], groups, optim)


def _adamw(groups: Groups, optim: Optim) -> torch.optim.AdamW:
    """AdamW, which takes all parameters at once where all of them are sharded or none is."""
    alike = len({isinstance(p, DTensor) for group in groups for p in group["params"]}) <= 1
    return torch.optim.AdamW(groups, lr=optim.lr, betas=optim.betas, foreach=alike)
