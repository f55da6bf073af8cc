"""The processes of a run."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Crew:
    """The processes among which samples are divided: sample i is that of process i modulo world.

    Attributes:
        rank, world: this process and their number.
        timeout: seconds that it waits for the others without news of them.
    """

    rank: int = 0
    world: int = 1
    timeout: float = 1800.0

    @classmethod
    def of_environment(cls, timeout: float) -> Crew:
        """The processes that torchrun started, or this one alone."""
        rank, world = (int(os.environ.get(n, d)) for n, d in (("RANK", 0), ("WORLD_SIZE", 1)))
        return cls(rank, world, timeout)

    def has(self, slot: int) -> bool:
        """Whether a sample is this process's."""
        return slot % self.world == self.rank

    def owners(self, slots: Iterable[int]) -> list[int]:
        """The processes that some samples belong to."""
        return sorted({slot % self.world for slot in slots})
