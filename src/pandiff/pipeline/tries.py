"""Several tries of a sample: the first whose map holds all that its prompt claims is kept."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

Try = tuple[int, int]
"""A sample, and which of its tries: 0, 1, ..."""


class Tries:
    """Which tries are to be made, and which are kept.

    A sample keeps its first try of the highest share, and has no more once that is 1; so that it
    does not matter how the tries are divided into rounds, or what else is made.

    Args:
        count: number of samples.
        most: tries of a sample, 1 or more.

    Attributes:
        kept: for each sample which try it keeps, so far.
    """

    def __init__(self, count: int, most: int) -> None:
        self._most, self._made = most, [0] * count
        self._best, self.kept = [-1.0] * count, [0] * count
        self._states: list[Tensor | None] = [None] * count

    def next_round(self) -> list[Try]:
        """The tries to make now: as many as there are samples, or fewer; none at the end.

        All samples that need one have the next of theirs, then, where there is room, the one after.
        """
        some = [k for k, share in enumerate(self._best) if share < 1]
        room, tries = len(self._best), [(k, self._made[k]) for k in some]
        while some and len(tries) < room:
            tries += [(k, number + 1) for k, number in tries[-len(some) :]]
        return [(k, number) for k, number in tries[:room] if number < self._most]

    def note(self, tries: Sequence[Try], shares: Sequence[float], states: Tensor) -> None:
        """What became of a round.

        Args:
            tries: of `next_round`.
            shares: how much of what its prompt claims each one holds, 0..1.
            states: (B, C, h, w) their clean states.
        """
        for (k, number), share, state in zip(tries, shares, states, strict=True):
            self._made[k] = number + 1
            if share > self._best[k]:
                self._best[k], self.kept[k], self._states[k] = share, number, state

    def states(self) -> Tensor:
        """(B, C, h, w): the clean states that are kept, one for each sample."""
        return torch.stack([state for state in self._states if state is not None])


class Generators:
    """The randomness of each try: of the first the sample's own generator, as if it were alone.

    The others are drawn from a seed which that generator would give next.

    Args:
        own: one for each sample.
    """

    def __init__(self, own: Sequence[torch.Generator]) -> None:
        self._own = own
        self._seeds = [_peek(generator) for generator in own]

    def __call__(self, sample: int, number: int) -> torch.Generator:
        """The generator of a try."""
        own = self._own[sample]
        if number == 0:
            return own
        return torch.Generator(own.device).manual_seed(self._seeds[sample] + number)


def _peek(generator: torch.Generator) -> int:
    """A number that a generator would give next, without taking it."""
    copy = torch.Generator(generator.device)
    copy.set_state(generator.get_state())
    return int(torch.randint(2**62, (), generator=copy, device=copy.device))
