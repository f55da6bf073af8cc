"""Which samples a step reads: a function of (seed, step), so that a resume needs no memory."""

from __future__ import annotations

from collections.abc import Iterator

import torch


class StepSampler:
    """Batches of indices for the steps start..stop-1, this rank's share of each.

    The samples are shuffled anew for each pass over the data; a batch may span two passes.

    Args:
        samples: number of samples in the dataset.
        batch_size: samples per step over all ranks.
        seed: seed of the shuffles.
        start, stop: the steps.
        rank, world: this process and their number; batch_size must divide by world.
    """

    def __init__(
        self,
        samples: int,
        batch_size: int,
        seed: int,
        start: int,
        stop: int,
        rank: int = 0,
        world: int = 1,
    ) -> None:
        self.samples, self.batch_size, self.seed = samples, batch_size, seed
        self.start, self.stop, self.rank, self.world = start, stop, rank, world
        self._order: tuple[int, torch.Tensor] = (-1, torch.empty(0))

    def __len__(self) -> int:
        return max(0, self.stop - self.start)

    def __iter__(self) -> Iterator[list[int]]:
        share = self.batch_size // self.world
        for step in range(self.start, self.stop):
            first = step * self.batch_size + self.rank * share
            yield [self._index(k) for k in range(first, first + share)]

    def _index(self, k: int) -> int:
        epoch, row = divmod(k, self.samples)
        if self._order[0] != epoch:
            generator = torch.Generator().manual_seed(self.seed * 7919 + epoch)
            self._order = (epoch, torch.randperm(self.samples, generator=generator))
        return int(self._order[1][row])
