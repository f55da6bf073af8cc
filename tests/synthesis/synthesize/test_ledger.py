"""The rounds: what is accepted does not depend on who made the candidates, or when."""

from __future__ import annotations

import random
import tracemalloc

from hypothesis import given
from hypothesis import strategies as st

from pandiff.synthesis.synthesize.duplicates import Mark
from pandiff.synthesis.synthesize.journal import Line, Place
from pandiff.synthesis.synthesize.ledger import Ledger

TRIES, SLOTS = 4, 6
Luck = dict[tuple[int, int], tuple[float, int]]


def line(slot: int, attempt: int, luck: Luck) -> Line:
    """A candidate: it passes if its shortfall is 0; a look of few kinds."""
    shortfall, look = luck[slot, attempt]
    content: Line = {
        "slot": slot,
        "attempt": attempt,
        "reason": "confidence" if shortfall else None,
        "shortfall": shortfall,
    }
    mark = Mark(look * 0x0F0F0F0F0F0F0F0F, bytes(2))
    return content if shortfall else content | {"mark": mark.to_json()}


def run(luck: Luck, rng: random.Random, near: float | None) -> Ledger:
    """Candidates in any order that the rounds allow."""
    ledger = Ledger(SLOTS, TRIES, 2, near)
    while not ledger.is_complete:
        todo = ledger.unsettled(ledger.open)
        if todo:
            slot = rng.choice(todo)
            ledger.add(line(slot, ledger.slots[slot].tried, luck), Place(0, 0))
        if not todo or rng.random() < 0.3:
            ledger.advance()
    return ledger


def expected(luck: Luck, near: float | None) -> dict[int, int]:
    """The rule, said plainly: the accepted attempt of each slot."""
    accepted: dict[int, int] = {}
    looks: set[int] = set()
    offers = {s: [k for k in range(TRIES) if luck[s, k][0] == 0] for s in range(SLOTS)}
    for t in range(TRIES):
        for slot in range(SLOTS):
            if slot in accepted or len(offers[slot]) <= t:
                continue
            look = luck[slot, offers[slot][t]][1]
            if near is None or look not in looks:
                accepted[slot] = offers[slot][t]
                looks.add(look)
    return accepted


LUCK = st.fixed_dictionaries(
    {
        (s, k): st.tuples(st.sampled_from([0, 0, 0.5, 1.5]), st.integers(0, 3))
        for s in range(SLOTS)
        for k in range(TRIES)
    }
)


@given(LUCK, st.integers(), st.sampled_from([None, 0.1]))
def test_any_order_gives_the_same(luck: Luck, seed: int, near: float | None) -> None:
    ledger = run(luck, random.Random(seed), near)
    assert {k: one.attempt for k, one in ledger.accepted.items()} == expected(luck, near)
    for k, slot in enumerate(ledger.slots):
        assert slot.tried == TRIES or k in ledger.accepted


@given(LUCK, st.integers())
def test_lines_may_be_read_in_any_order(luck: Luck, seed: int) -> None:
    """After a change of the number of processes a slot's lines lie in several parts."""
    first = run(luck, random.Random(0), 0.1)
    lines = [line(s, k, luck) for s, one in enumerate(first.slots) for k in range(one.tried)]
    random.Random(seed).shuffle(lines)
    again = Ledger(SLOTS, TRIES, 2, 0.1)
    for one in lines:
        again.add(one, Place(0, 0))
    again.advance()
    assert again.is_complete
    assert again.accepted == first.accepted
    assert [s.best for s in again.slots] == [s.best for s in first.slots]


def test_the_best_is_the_one_on_disk() -> None:
    """The last that passed; or else the first with the least shortfall, bad ones never."""
    ledger = Ledger(2, TRIES, 2, None)
    shortfalls = {0: [1.5, 0.5, 0.5, None], 1: [0.5, 0, 0, 0.2]}
    for slot, values in shortfalls.items():
        for attempt, shortfall in enumerate(values):
            reason = None if shortfall == 0 else "confidence"
            content = {"slot": slot, "attempt": attempt, "reason": reason, "shortfall": shortfall}
            ledger.add(content, Place(0, 0))
    found = [s.best.attempt if s.best else None for s in ledger.slots]
    assert found == [1, 2]


def test_what_is_held_of_a_sample() -> None:
    """Half a kilobyte, near duplicates included: two thousand samples in a megabyte."""
    count, rng = 2000, random.Random(0)
    marks = [Mark(rng.getrandbits(64), rng.randbytes(21)).to_json() for _ in range(count)]
    common = {"attempt": 0, "reason": None, "shortfall": 0.0}
    tracemalloc.start()
    try:
        ledger = Ledger(count, TRIES, 21, 0.05)
        for slot, mark in enumerate(marks):
            ledger.add({"slot": slot, "mark": mark, **common}, Place(0, slot * 700))
        ledger.advance()
        held = tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()
    assert ledger.is_complete
    assert held < 700 * count
