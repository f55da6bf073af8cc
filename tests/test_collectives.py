"""What two processes compute together is what one computes of all."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor
from torch import distributed as dist

from pandiff.collectives import batch_mean, gather_rows, is_main, mean_over_ranks, world_size

Loss = Callable[[Tensor, Tensor, Tensor], Tensor]
InTwo = Callable[[Callable[[int], None]], None]
VALUES = torch.linspace(-1, 1, 24).view(6, 4)
MASK = torch.tensor([[-0.9], [-0.9], [-0.9], [0.6], [0.6], [0.6]]) < VALUES
WEIGHT = torch.linspace(-0.5, 0.7, 12).view(4, 3)


def masked(weight: Tensor, values: Tensor, mask: Tensor) -> Tensor:
    """The mean of some of the squares, of which the two processes have not as many."""
    squares = (values @ weight).square()
    return batch_mean((squares * mask[:, :3]).sum(), mask[:, :3].sum())


def contrast(weight: Tensor, values: Tensor, mask: Tensor) -> Tensor:
    """A loss that compares all rows with all."""
    rows = gather_rows((values @ weight).sin())
    return (rows @ rows.T).logsumexp(1).mean()


LOSSES = (masked, contrast)


def gradient(loss: Loss) -> tuple[Tensor, Tensor]:
    """The loss and its gradient, averaged over the processes."""
    weight = WEIGHT.clone().requires_grad_()
    rank = dist.get_rank() if world_size() > 1 else 0
    part = slice(rank * 6 // world_size(), (rank + 1) * 6 // world_size())
    value = loss(weight, VALUES[part], MASK[part])
    value.backward()
    assert weight.grad is not None
    return mean_over_ranks(value), mean_over_ranks(weight.grad)


@pytest.mark.parametrize("loss", LOSSES)
def test_two_processes_are_as_one(loss: Loss, in_two_processes: InTwo) -> None:
    expected = gradient(loss)

    def work(rank: int) -> None:
        assert world_size() == 2 and is_main() == (rank == 0)
        torch.testing.assert_close(gradient(loss), expected)

    in_two_processes(work)


@pytest.mark.parametrize("loss", LOSSES)
def test_they_would_not_be_alone(loss: Loss) -> None:
    """The mean of the halves' own losses is another one."""
    whole, weight = gradient(loss)[0], WEIGHT
    halves = [loss(weight, VALUES[part], MASK[part]) for part in (slice(3), slice(3, 6))]
    assert float(sum(halves)) / 2 != pytest.approx(float(whole), rel=1e-2)


def test_nothing_to_average() -> None:
    assert batch_mean(torch.zeros(()), torch.zeros(())) == 0


def test_one_process_changes_nothing() -> None:
    assert world_size() == 1 and is_main()
    assert gather_rows(VALUES) is VALUES
    assert torch.equal(mean_over_ranks(VALUES), VALUES)
