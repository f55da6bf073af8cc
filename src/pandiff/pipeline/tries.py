"""Several tries of a sample: the first whose map holds all that its prompt claims is kept."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, NamedTuple, TypeVar

import numpy as np
import torch
from torch import Tensor

from pandiff.diffusion import StepCallback
from pandiff.panoptic import PanopticMap
from pandiff.pipeline.checks import Checks
from pandiff.pipeline.conditions import Given
from pandiff.pipeline.drawing import Drawing
from pandiff.prompts import pixels_to_keep

LOOK = 4
"""A try is looked at after this part of its steps: a quarter, when most of the layout shows."""
LEAST = 12
"""Tries of fewer steps are all finished: a quarter of these tells too little."""
AFRESH = 4
"""So many tries of a sample are drawn from nothing; later ones keep a part of the best map."""
T = TypeVar("T")


class Try(NamedTuple):
    """A try of a sample.

    Attributes:
        sample: whose it is.
        number: which of its tries it is: 0, 1, ...
        base: what its best try so far made, of which it keeps a part; None for a try that is
            drawn from nothing.
    """

    sample: int
    number: int
    base: Any = None


@dataclass
class _Sample:
    """The tries of one sample.

    Attributes:
        begun: how many have begun.
        waiting: those that promised enough, in order, and are to be finished.
        shares: what the others of those that are drawn from nothing promised, by number.
        settled: whether these are done, and their most promising one has been finished.
        best, kept, made: the highest share of the finished ones, which has it, and what it made.
    """

    begun: int = 0
    waiting: list[Try] = field(default_factory=list)
    shares: dict[int, float] = field(default_factory=dict)
    settled: bool = False
    best: float = -1.0
    kept: int = 0
    made: Any = None


class Tries(Generic[T]):
    """Which tries are begun, which are finished, and which are kept.

    What a map will hold shows early. Tries that are drawn from nothing are finished if they look
    whole by then; where none is whole in the end, the most promising of the others is. Each later
    try keeps a part of the best map so far, and is finished if it promises more than that. The
    first whole one is kept, or the first of the best. It does not matter how the tries are divided
    into rounds, or what else is made.

    Args:
        looked_at: for each sample whether its tries are looked at early; the others are finished
            one after another.
        afresh: for each sample how many of its tries are drawn from nothing, 1 or more.
        most: tries of a sample, 1 or more.
    """

    def __init__(self, looked_at: Sequence[bool], afresh: Sequence[int], most: int) -> None:
        self._looked_at, self._most = looked_at, most
        self._afresh = [min(number, most) for number in afresh]
        self._samples = [_Sample() for _ in looked_at]

    def run(
        self,
        look: Callable[[list[Try]], list[float]],
        finish: Callable[[list[Try]], list[tuple[float, T]]],
    ) -> None:
        """Make all tries.

        Args:
            look: the shares, 0..1, of what their prompts claim that some tries promise to hold.
            finish: the shares that they hold, and what they made.
        """
        while any(not self._is_done(k) for k in range(len(self._samples))):
            self._begin(look)
            if some := self._to_finish():
                for one, (share, made) in zip(some, finish(some), strict=True):
                    sample = self._samples[one.sample]
                    if (share, -one.number) > (sample.best, -sample.kept):
                        sample.best, sample.kept, sample.made = share, one.number, made

    @property
    def kept(self) -> list[int]:
        """Which try of each sample is kept."""
        return [one.kept for one in self._samples]

    @property
    def made(self) -> list[T]:
        """What it made."""
        return [one.made for one in self._samples]

    def _is_done(self, k: int) -> bool:
        one = self._samples[k]
        return one.best == 1 or (one.settled and not one.waiting and one.begun >= self._most)

    def _begin(self, look: Callable[[list[Try]], list[float]]) -> None:
        """Begin tries: as many as there are samples, or fewer.

        All samples that need one begin the next of theirs; then, where there is room, another of
        those that are drawn from nothing.
        """
        room, samples = len(self._samples), self._samples
        some: list[Try] = []
        for turn in range(room):
            for k, sample in enumerate(samples):
                number = sample.begun + turn
                if sample.best == 1 or sample.waiting or number >= self._most:
                    continue
                if number < self._afresh[k]:
                    some.append(Try(k, number))
                elif turn == 0 and sample.settled:
                    some.append(Try(k, number, sample.made))
        some = some[:room]
        seen = [one for one in some if self._looked_at[one.sample]]
        promised = iter(look(seen) if seen else [])
        for one in some:
            sample, share = samples[one.sample], 1.0
            if self._looked_at[one.sample]:
                share = next(promised)
            sample.begun = one.number + 1
            if share == 1 or (one.base is not None and share > sample.best):
                sample.waiting.append(one)
            elif one.base is None:
                sample.shares[one.number] = share

    def _to_finish(self) -> list[Try]:
        """The next try of each sample that waits.

        After the last one that is drawn from nothing, the most promising of those that do not.
        """
        some: list[Try] = []
        for k, one in enumerate(self._samples):
            if self._is_done(k):
                continue
            if one.waiting:
                some.append(one.waiting.pop(0))
            elif not one.settled and one.begun >= self._afresh[k]:
                one.settled = True
                number = max(one.shares, key=lambda n: (one.shares[n], -n), default=0)
                if one.shares.get(number, -1.0) > one.best:
                    some.append(Try(k, number))
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

    def choices(self, sample: int, number: int) -> np.random.Generator:
        """What a try keeps is chosen by this one; the same each time, if there are several."""
        return np.random.default_rng([self._seeds[sample], number])


@dataclass(frozen=True, eq=False)
class Made:
    """What a try made.

    Attributes:
        state: (C, h, w), clean.
        given: what it was given: what its sample is, and what it kept of another try.
        panoptic: the map; None where the prompt claims nothing.
    """

    state: Tensor
    given: Given
    panoptic: PanopticMap | None


def draw_tries(
    draw: Drawing,
    generators: Generators,
    checks: Checks,
    varied: Sequence[bool],
    most: int,
    encode: Callable[[Sequence[Given]], tuple[Tensor, Tensor] | None],
    on_step: StepCallback | None,
) -> Tries[Made]:
    """Draw samples, each as often as it takes.

    Args:
        draw: draws some of them.
        generators: of their tries.
        checks: tells how much of what their prompts claim they hold.
        varied: for each sample whether it starts from an image. Its tries are not looked at early,
            for they may not have started, and all are drawn from that start alone.
        most: tries of a sample.
        encode: the state that holds what some samples are given, and its known mask.
        on_step: called after each step of those that are finished.
    """

    def given(one: Try) -> Given:
        own, claim = checks.samples[one.sample], checks.claims[one.sample]
        if one.base is None or one.base.panoptic is None or claim is None:
            return own
        panoptic, rng = one.base.panoptic, generators.choices(one.sample, one.number)
        return own.with_kept(panoptic, pixels_to_keep(claim, panoptic, rng))

    def make(some: list[Try], **options: Any) -> list[tuple[float, Made]]:
        rows, parts = [one.sample for one in some], [given(one) for one in some]
        prepared = all(one.base is None for one in some)
        own = [generators(one.sample, one.number) for one in some]
        states = draw(rows, own, given=None if prepared else encode(parts), **options)
        each = zip(checks(rows, parts, states), states, parts, strict=True)
        return [(share, Made(z.clone(), part, found)) for (share, found), z, part in each]

    telling = draw.steps >= LEAST
    looked_at = [
        telling and claim is not None and not starts_late
        for claim, starts_late in zip(checks.claims, varied, strict=True)
    ]
    tries: Tries[Made] = Tries(looked_at, [most if late else AFRESH for late in varied], most)
    tries.run(
        lambda some: [share for share, _ in make(some, stop=draw.steps // LOOK)],
        lambda some: make(some, on_step=on_step),
    )
    return tries
