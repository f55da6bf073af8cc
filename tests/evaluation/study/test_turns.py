"""The design: whatever the numbers, questions, sides and repeats are balanced."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from pandiff.evaluation.study.items import MAPS, SCORE, Item
from pandiff.evaluation.study.turns import turns_of

RIVALS = {1: [], 2: [(0, 1)], 3: [(0, 1), (0, 2), (1, 2)]}


def make_items(sets: int, pairs: int, scores: int) -> list[Item]:
    rivals = RIVALS[sets]
    chosen = [Item(MAPS, str(k // len(rivals)), rivals[k % len(rivals)]) for k in range(pairs)]
    return chosen + [Item(SCORE, str(k), (k % sets,)) for k in range(scores)]


@st.composite
def designs(draw: st.DrawFn) -> tuple[list[Item], int, int, int]:
    """Questions, raters, questions of each rater, seed."""
    sets = draw(st.integers(1, 3))
    pairs = draw(st.integers(0, 40)) if sets > 1 else 0
    scores = draw(st.integers(0 if pairs else 1, 40))
    items = make_items(sets, pairs, scores)
    return items, draw(st.integers(1, 12)), draw(st.integers(1, 90)), draw(st.integers(0, 99))


@settings(max_examples=40)
@given(designs())
def test_questions_are_given_to_equally_many(design: tuple[list[Item], int, int, int]) -> None:
    items, raters, length, seed = design
    seen = Counter(t.item for r in range(raters) for t in turns_of(items, r, length, seed)
                   if not t.again)  # fmt: skip
    for kinds in ((MAPS,), (SCORE,)):
        counts = [seen[k] for k, item in enumerate(items) if item.kind in kinds]
        assert not counts or max(counts) - min(counts) <= 1


@settings(max_examples=40)
@given(designs())
def test_a_rater_meets_each_question_once_and_some_twice(
    design: tuple[list[Item], int, int, int],
) -> None:
    items, raters, length, seed = design
    for rater in range(raters):
        turns = turns_of(items, rater, length, seed)
        first = [t.item for t in turns if not t.again]
        assert len(first) == len(set(first)) == min(length, len(items))
        kinds = [items[t.item].kind for t in turns]
        assert kinds == sorted(kinds)  # "maps" come before "score"
        again = [k for k, t in enumerate(turns) if t.again]
        assert len(again) <= 2 + len(first) // 10
        if len(first) >= 4:
            assert again
        for k in again:
            before = next(j for j, t in enumerate(turns) if t.item == turns[k].item)
            assert before < k and not turns[before].again
            is_choice = items[turns[k].item].kind == MAPS
            assert (turns[before].flipped != turns[k].flipped) == is_choice


@settings(max_examples=40)
@given(designs())
def test_sides_are_balanced(design: tuple[list[Item], int, int, int]) -> None:
    items, raters, length, seed = design
    turns = [[t for t in turns_of(items, r, length, seed) if not t.again] for r in range(raters)]
    for k, item in enumerate(items):
        sides = [t.flipped for some in turns for t in some if t.item == k]
        if item.kind == SCORE:
            assert not any(sides)
        else:  # each question has each set on the left for every other rater
            assert abs(2 * sum(sides) - len(sides)) <= 1
    for some in turns:  # and each rater each set of two for half of his questions
        for rivals in {items[t.item].sets for t in some if items[t.item].kind == MAPS}:
            sides = [t.flipped for t in some if items[t.item].sets == rivals]
            assert abs(2 * sum(sides) - len(sides)) <= 2


def test_a_question_never_follows_itself() -> None:
    items = make_items(2, 4, 4)
    for seed in range(200):
        turns = turns_of(items, 0, 8, seed)
        assert all(a.item != b.item for a, b in pairwise(turns))


def test_the_same_each_time_and_another_for_others() -> None:
    items = make_items(2, 20, 20)
    assert turns_of(items, 3, 20, 5) == turns_of(items, 3, 20, 5)
    assert turns_of(items, 3, 20, 5) != turns_of(items, 3, 20, 6)
    assert len({tuple(turns_of(items, r, 40, 5)) for r in range(10)}) == 10
