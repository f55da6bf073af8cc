"""What is known of each slot, and which candidates are in the dataset."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from pandiff.synthesis.synthesize.duplicates import DuplicateIndex, Mark
from pandiff.synthesis.synthesize.journal import Line, Place


@dataclass(frozen=True, order=True, slots=True)
class Try:
    """A candidate that was judged.

    Attributes:
        attempt: its number among those of its slot.
        place: its line in the journal.
        mark: for near duplicates; None where they are kept, and for dropped ones.
    """

    attempt: int
    place: Place = field(compare=False)
    mark: Mark | None = field(compare=False, default=None)


@dataclass(slots=True)
class Slot:
    """The candidates of a slot so far.

    Attributes:
        tried: their number.
        passed: those that pass the filters, in order.
        dropped: the others, in order.
        best: of those that are not bad, the last that passes the filters, or else the first with
            the least shortfall. It is the one whose files are on disk, if dropped ones are kept.
        rank: of the best; less is better.
    """

    tried: int = 0
    passed: tuple[Try, ...] = ()
    dropped: tuple[Try, ...] = ()
    best: Try | None = None
    rank: tuple[float, int] = (float("inf"), 0)

    def add(self, line: Line, place: Place, num_classes: int) -> None:
        """Take up a line of the journal."""
        passes = line["reason"] is None
        mark = line.get("mark")
        one = Try(line["attempt"], place, mark and Mark.from_json(mark, num_classes))
        self.tried += 1
        if passes:
            self.passed = tuple(sorted((*self.passed, one)))
        else:
            self.dropped = tuple(sorted((*self.dropped, one)))
        if self.is_better(line["shortfall"], one.attempt):
            self.best, self.rank = one, _rank(line["shortfall"], one.attempt)

    def is_better(self, shortfall: float | None, attempt: int) -> bool:
        """Whether a candidate of this shortfall takes the place of the best: see `Verdict`."""
        return shortfall is not None and _rank(shortfall, attempt) < self.rank


def _rank(shortfall: float, attempt: int) -> tuple[float, int]:
    return shortfall, attempt if shortfall > 0 else -attempt


class Ledger:
    """The slots, and the rounds in which near duplicates are dropped.

    In round t each open slot offers the t-th of its candidates that pass the filters. Then, in the
    order of the slots, each offer is accepted unless it is a near duplicate of one accepted
    before, and the slots whose offers were not try on. So what is accepted does not depend on who
    makes the candidates, or when.

    Args:
        count: number of slots.
        tries: most candidates of a slot.
        num_classes: of the maps.
        near: the largest difference of near duplicates; None keeps them.

    Attributes:
        slots: what is known of each.
        accepted: the candidate of each slot that has one.
        twins: the dropped near duplicates of each slot: candidate, the other slot, difference.
        round: the present round.
        open: the slots that take part in it.
        has_rounds: whether near duplicates are dropped at all.
        tried, passed: number of all candidates, and of those that pass the filters.
    """

    def __init__(self, count: int, tries: int, num_classes: int, near: float | None) -> None:
        self._tries, self._num_classes = tries, num_classes
        self.slots = [Slot() for _ in range(count)]
        self.accepted: dict[int, Try] = {}
        self.twins: dict[int, list[tuple[Try, int, float]]] = {}
        self.round, self.open = 0, list(range(count))
        self.has_rounds = near is not None
        self.tried = self.passed = 0
        self._index = DuplicateIndex(near)

    def add(self, line: Line, place: Place) -> None:
        """Take up a line of the journal."""
        self.slots[line["slot"]].add(line, place, self._num_classes)
        self.tried += 1
        self.passed += line["reason"] is None

    def is_settled(self, slot: int) -> bool:
        """Whether a slot needs no candidate now: it has its sample or offer, or can have none."""
        one = self.slots[slot]
        has_offer = len(one.passed) > self.round
        return has_offer or one.tried >= self._tries or slot in self.accepted

    def unsettled(self, slots: Iterable[int]) -> list[int]:
        """Those of some slots that need candidates."""
        return [slot for slot in slots if not self.is_settled(slot)]

    def advance(self) -> None:
        """Decide all rounds for which all offers are there."""
        while self.open and not self.unsettled(self.open):
            self._decide([s for s in self.open if len(self.slots[s].passed) > self.round])
            self.round += 1

    def _decide(self, offering: Sequence[int]) -> None:
        self.open = []
        for slot in offering:
            offer = self.slots[slot].passed[self.round]
            twin = self._index.find(offer.mark) if offer.mark is not None else None
            if twin is not None:
                self.twins.setdefault(slot, []).append((offer, *twin))
                self.open.append(slot)
                continue
            self.accepted[slot] = offer
            if offer.mark is not None:
                self._index.add(slot, offer.mark)

    @property
    def is_complete(self) -> bool:
        """Whether no slot is open: each has its sample, or has used up its tries."""
        return not self.open
