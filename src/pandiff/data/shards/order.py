"""The order in which training reads shards: a function of (seed, position), so nothing to save."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

SHARDS, SAMPLES = 0, 1
"""What a generator shuffles; a part of its seed."""


class ShardOrder:
    """Every sample once an epoch, from a few shards at a time.

    The shards are shuffled for each epoch and taken in windows of some; the samples of a window are
    shuffled together. So a disk or network reads shard after shard, and a small cache does.

    Args:
        sizes: number of samples of each shard.
        seed: of all shuffles, 0 or more.
        window: shards of a window.
    """

    def __init__(self, sizes: Sequence[int], seed: int, window: int = 4) -> None:
        self.sizes, self.seed, self.window = np.asarray(sizes, dtype=np.int64), seed, window
        self._starts = np.cumsum(self.sizes) - self.sizes
        self._epoch: tuple[int, np.ndarray, np.ndarray] = (-1, np.empty(0), np.empty(0))
        self._samples: tuple[tuple[int, int], np.ndarray] = ((-1, -1), np.empty(0))

    def __len__(self) -> int:
        """Samples of an epoch."""
        return int(self.sizes.sum())

    def __getitem__(self, k: int) -> int:
        """The sample that is read k-th, counted over all epochs from 0."""
        epoch, row = divmod(k, len(self))
        ends = self._windows(epoch)
        number = int(np.searchsorted(ends, row, side="right"))
        samples = self._window(epoch, number)
        return int(samples[row - int(ends[number]) + len(samples)])

    def _windows(self, epoch: int) -> np.ndarray:
        """Row of the epoch at which each window ends."""
        if self._epoch[0] != epoch:
            generator = np.random.default_rng([self.seed, SHARDS, epoch])
            shards = generator.permutation(len(self.sizes))
            firsts = range(0, len(shards), self.window)
            ends = np.cumsum([self.sizes[shards[f : f + self.window]].sum() for f in firsts])
            self._epoch = (epoch, shards, ends)
        return self._epoch[2]

    def _window(self, epoch: int, number: int) -> np.ndarray:
        """The samples of a window, shuffled."""
        if self._samples[0] != (epoch, number):
            shards = self._epoch[1][number * self.window :][: self.window]
            samples = np.concatenate([self._starts[s] + np.arange(self.sizes[s]) for s in shards])
            generator = np.random.default_rng([self.seed, SAMPLES, epoch, number])
            self._samples = ((epoch, number), generator.permutation(samples))
        return self._samples[1]
