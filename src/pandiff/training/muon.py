"""Muon (Jordan et al. 2024): momentum whose steps are made orthogonal."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from pandiff.precision import multiplies_bf16

COEFFICIENTS = (3.4445, -4.7750, 2.0315)
"""Of the quintic Newton-Schulz iteration: steepest at zero, singular values end near 1."""
ITERATIONS = 5


class Muon(torch.optim.Optimizer):
    """The steps of `torch.optim.Muon` with its `match_rms_adamw`, for matrices only.

    torch iterates in bf16 everywhere, which takes minutes a step on a processor that has no
    instructions for it; there, this one iterates in float32.

    Args:
        groups: parameter groups of matrices, with `weight_decay`.
        lr: step size; scaled by 0.2 sqrt(longer side), so that an AdamW's serves (Liu et al. 2025,
            arXiv 2502.16982).
        momentum: decay of the averaged gradient; steps look ahead (Nesterov).
    """

    def __init__(self, groups: list[dict[str, Any]], lr: float, momentum: float) -> None:
        super().__init__(groups, {"lr": lr, "momentum": momentum, "weight_decay": 0.0})

    @torch.no_grad()
    def step(self, closure: None = None) -> None:
        for group in self.param_groups:
            for parameter in (p for p in group["params"] if p.grad is not None):
                self._step(parameter, group["lr"], group["momentum"], group["weight_decay"])

    def _step(self, parameter: Tensor, lr: float, momentum: float, decay: float) -> None:
        state = self.state[parameter]
        if "momentum_buffer" not in state:
            state["momentum_buffer"] = torch.zeros_like(parameter.grad)
        average = state["momentum_buffer"].lerp_(parameter.grad, 1 - momentum)
        fast = multiplies_bf16(parameter.device)
        update = orthogonal(
            parameter.grad.lerp(average, momentum), torch.bfloat16 if fast else torch.float32
        )
        parameter.mul_(1 - lr * decay)
        parameter.add_(update, alpha=-lr * 0.2 * max(parameter.shape) ** 0.5)


def orthogonal(matrix: Tensor, dtype: torch.dtype) -> Tensor:
    """Nearly the orthogonal matrix nearest to (A, B): singular values of 0.5 to 1.5."""
    a, b, c = COEFFICIENTS
    tall = matrix.shape[0] > matrix.shape[1]
    x = (matrix.T if tall else matrix).to(dtype)
    x = x / x.norm().clamp(min=1e-7)
    for _ in range(ITERATIONS):
        gram = x @ x.T
        x = torch.addmm(x, torch.addmm(gram, gram, gram, beta=b, alpha=c), x, beta=a)
    return x.T if tall else x
