"""What the processes of a run compute together, so that N of them do as one would.

Gradients are averaged over the processes. So a loss that is a plain mean over samples is right as
it is; one that divides by a count, or compares samples, needs the functions below. In one process
they change nothing.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch import distributed as dist


def world_size() -> int:
    """Number of processes."""
    return dist.get_world_size() if dist.is_available() and dist.is_initialized() else 1


def is_main() -> bool:
    """Whether this is the process that writes and prints."""
    return world_size() == 1 or dist.get_rank() == 0


def leave() -> None:
    """End this process's part in a run of several."""
    if world_size() > 1:
        dist.destroy_process_group()


def sum_over_ranks(values: Tensor) -> Tensor:
    """The sum over all processes, without a gradient."""
    values = values.detach().clone()
    if world_size() > 1:
        dist.all_reduce(values)
    return values


def mean_over_ranks(values: Tensor) -> Tensor:
    """The mean over all processes, without a gradient."""
    return sum_over_ranks(values) / world_size()


def batch_mean(total: Tensor, count: Tensor) -> Tensor:
    """This process's part of a mean over the batch of all processes.

    Args:
        total: scalar, the sum over this process's elements; has the gradient.
        count: scalar, the number of these elements, 0 or more.

    Returns:
        Scalar; its mean over the processes is the sum of all totals over that of all counts.
    """
    return total * world_size() / sum_over_ranks(count).clamp(min=1)


def gather_rows(rows: Tensor) -> Tensor:
    """The rows (B, ...) of all processes (world B, ...), in their order; gradients flow back."""
    gathered: Tensor = _GatherRows.apply(rows) if world_size() > 1 else rows
    return gathered


class _GatherRows(torch.autograd.Function):
    """All-gather; its adjoint sums what the processes ask of a row."""

    @staticmethod
    def forward(ctx: Any, rows: Tensor) -> Tensor:
        parts = [torch.empty_like(rows) for _ in range(world_size())]
        dist.all_gather(parts, rows.contiguous())
        return torch.cat(parts)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        return sum_over_ranks(gradient).chunk(world_size())[dist.get_rank()]
