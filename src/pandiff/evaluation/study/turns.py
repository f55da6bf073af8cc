"""Who is asked what, in which order and on which side: a design that balances all of it.

The questions of a kind stand in a ring, and each rater takes the next stretch of it. So any two
questions have been given to equally many raters, but for one. Sides alternate along the ring and
with each round, so that each set of a question is on the left for every other of its raters, and
for a rater about half of the time. Within a rater's stretch the order is random.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pandiff.evaluation.study.items import SCORE, Item

EVERY = 10
"""One of so many questions comes a second time, to see how a rater agrees with himself."""


@dataclass(frozen=True)
class Turn:
    """One question as one rater meets it.

    Attributes:
        item: number of the question.
        flipped: whether the second set is on the left.
        again: whether the rater had it before.
    """

    item: int
    flipped: bool = False
    again: bool = False


def turns_of(items: Sequence[Item], rater: int, length: int, seed: int) -> list[Turn]:
    """What a rater is asked: choices first, then scores, a few of each a second time.

    Args:
        items: all questions, choices first.
        rater: his number, from 0.
        length: how many different questions he is asked, fewer where there are fewer.
        seed: of the study.
    """
    rng = np.random.default_rng((seed, rater))
    chosen = [k for k, item in enumerate(items) if item.kind != SCORE]
    scored = [k for k, item in enumerate(items) if item.kind == SCORE]
    parts = _split(len(chosen), len(scored), length)
    rivals = len({items[k].sets for k in chosen})
    turns: list[Turn] = []
    for ring, part in zip((chosen, scored), parts, strict=True):
        some = _stretch(ring, rater * part, part, rivals if ring is chosen else 0)
        turns += _with_repeats([some[k] for k in rng.permutation(part)], rng, ring is chosen)
    return turns


def _split(chosen: int, scored: int, length: int) -> tuple[int, int]:
    """How many of each kind, in proportion to how many there are, and some of both."""
    length = min(length, chosen + scored)
    part = round(length * chosen / (chosen + scored))
    low, high = max(0, length - scored), min(length, chosen)
    if length > 1 and chosen and scored:
        low, high = max(low, 1), min(high, length - 1)
    part = min(max(part, low), high)
    return part, length - part


def _stretch(ring: Sequence[int], start: int, length: int, rivals: int) -> list[Turn]:
    """The next questions of a ring; choices take sides by turns, for each pair of sets."""
    places = [divmod(start + k, len(ring)) for k in range(length)]
    return [
        Turn(ring[place], bool(rivals and (place // rivals + tour) % 2)) for tour, place in places
    ]


def _with_repeats(turns: list[Turn], rng: np.random.Generator, flip: bool) -> list[Turn]:
    """Ask some of the first half again in the second, with the sides changed."""
    half, count = len(turns) // 2, -(-len(turns) // EVERY)
    if half == 0:
        return turns
    some = rng.choice(half, min(count, half), replace=False)
    again = [Turn(turns[k].item, turns[k].flipped != flip, again=True) for k in some]
    late = turns[half:] + again
    first = turns[half - 1].item
    order = rng.permutation(len(late))
    if late[order[0]].item == first:
        order = np.roll(order, -1)
    return turns[:half] + [late[k] for k in order]
