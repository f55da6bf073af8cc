"""Several tries of a sample: the first whose map holds all that its prompt claims is kept."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from pandiff.diffusion import StepCallback
from pandiff.pipeline.checks import Checks
from pandiff.pipeline.drawing import Drawing

Try = tuple[int, int]
"""A sample, and which of its tries: 0, 1, ..."""
LOOK = 4
"""A try is looked at after this part of its steps: a quarter, when most of the layout shows."""
LEAST = 12
"""Tries of fewer steps are all finished: a quarter of these tells too little."""


@dataclass
class _Sample:
    """The tries of one sample.

    Attributes:
        begun: how many have begun.
        waiting: those that looked whole, in order, and are to be finished.
        shares: what those that did not look whole promised, by number.
        last: whether its best unfinished try has been called for, which is the end.
        best, kept, state: the highest share of the finished ones, which has it, and its state.
    """

    begun: int = 0
    waiting: list[int] = field(default_factory=list)
    shares: dict[int, float] = field(default_factory=dict)
    last: bool = False
    best: float = -1.0
    kept: int = 0
    state: Tensor | None = None


class Tries:
    """Which tries are begun, which are finished, and which are kept.

    What a map will hold shows early. So a try is finished only if it looks whole by then, and the
    first that is whole in the end is kept. Where none is, the most promising of the others is
    finished too, and the first of the best is kept. So it does not matter how the tries are
    divided into rounds, or what else is made.

    Args:
        looked_at: for each sample whether its tries are looked at early; the others are finished
            one after another.
        most: tries of a sample, 1 or more.
    """

    def __init__(self, looked_at: Sequence[bool], most: int) -> None:
        self._looked_at, self._most = looked_at, most
        self._samples = [_Sample() for _ in looked_at]

    def run(
        self,
        look: Callable[[list[Try]], list[float]],
        finish: Callable[[list[Try]], tuple[list[float], Tensor]],
    ) -> None:
        """Make all tries.

        Args:
            look: the shares, 0..1, of what their prompts claim that some tries promise to hold.
            finish: the shares that they hold, and their clean states (B, C, h, w).
        """
        while any(one.best < 1 and not one.last for one in self._samples):
            self._begin(look)
            if some := self._to_finish():
                shares, states = finish(some)
                for (k, number), share, state in zip(some, shares, states, strict=True):
                    one = self._samples[k]
                    if (share, -number) > (one.best, -one.kept):
                        one.best, one.kept, one.state = share, number, state.clone()

    @property
    def kept(self) -> list[int]:
        """Which try of each sample is kept."""
        return [one.kept for one in self._samples]

    def states(self) -> Tensor:
        """(B, C, h, w): the clean states that are kept."""
        return torch.stack([one.state for one in self._samples if one.state is not None])

    def _begin(self, look: Callable[[list[Try]], list[float]]) -> None:
        """Begin tries: as many as there are samples, or fewer.

        All samples that need one begin the next of theirs, then, where there is room, another.
        """
        room, samples = len(self._samples), self._samples
        needy = [k for k, one in enumerate(samples) if one.best < 1 and not one.waiting]
        ahead = [(k, samples[k].begun + turn) for turn in range(room) for k in needy]
        some = [(k, number) for k, number in ahead if number < self._most][:room]
        seen = [one for one in some if self._looked_at[one[0]]]
        found = dict(zip(seen, look(seen) if seen else [], strict=True))
        for k, number in some:
            sample, share = self._samples[k], found.get((k, number), 1.0)
            sample.begun = number + 1
            if share < 1:
                sample.shares[number] = share
            else:
                sample.waiting.append(number)

    def _to_finish(self) -> list[Try]:
        """The next try of each sample that waits; at its end, the most promising of the others."""
        some: list[Try] = []
        for k, one in enumerate(self._samples):
            if one.best == 1 or one.last:
                continue
            if one.waiting:
                some.append((k, one.waiting.pop(0)))
            elif one.begun >= self._most:
                one.last = True
                if one.shares:
                    some.append((k, max(one.shares, key=lambda n: (one.shares[n], -n))))
        return some


class Generators:
    """The randomness of each try: of the first as if there were no other.

    The others are drawn from a seed that the sample's own generator could give instead.

    Args:
        own: one for each sample.
        several: whether there may be more than one try; if not, each has its own generator.
        size: how many numbers the noise of a sample has.
    """

    def __init__(self, own: Sequence[torch.Generator], several: bool, size: int) -> None:
        self._own = own
        self._before: list[Tensor] = []
        self._seeds: list[int] = []
        for generator in own if several else []:
            device, before = generator.device, generator.get_state()
            seed = torch.randint(2**62, (), generator=generator, device=device)
            generator.set_state(before)
            torch.randn(size, generator=generator, device=device)  # the next call has other noise
            self._before.append(before)
            self._seeds.append(int(seed))

    def __call__(self, sample: int, number: int) -> torch.Generator:
        """The generator of a try; the same each time, if there are several."""
        own = self._own[sample]
        if not self._seeds:
            return own
        generator = torch.Generator(own.device)
        if number == 0:
            generator.set_state(self._before[sample])
            return generator
        return generator.manual_seed(self._seeds[sample] + number)


def draw_tries(
    draw: Drawing,
    generators: Generators,
    checks: Checks,
    varied: Sequence[bool],
    most: int,
    on_step: StepCallback | None,
) -> Tries:
    """Draw samples, each as often as it takes.

    Args:
        draw: draws some of them.
        generators: of their tries.
        checks: tells how much of what their prompts claim they hold.
        varied: for each sample whether it starts from an image; its tries are not looked at early,
            for they may not have started.
        most: tries of a sample.
        on_step: called after each step of those that are finished.
    """

    def make(some: list[Try], **options: Any) -> tuple[list[float], Tensor]:
        rows = [k for k, _ in some]
        z = draw(rows, [generators(*one) for one in some], **options)
        return checks(rows, z), z

    telling = draw.steps >= LEAST
    looked_at = [
        telling and claim is not None and not starts_late
        for claim, starts_late in zip(checks.claims, varied, strict=True)
    ]
    tries = Tries(looked_at, most)
    tries.run(
        lambda some: make(some, stop=draw.steps // LOOK)[0],
        lambda some: make(some, on_step=on_step),
    )
    return tries
