"""The ratings of a study, sorted by question and turned into numbers."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pandiff.evaluation.catalog import LOWER, SCORES
from pandiff.evaluation.study.items import LEFT, SAME, SCORE, Item
from pandiff.evaluation.study.ratings import Rating
from pandiff.evaluation.study.study import Study

CHOICE = "choice"
"""The kind of question that has two sets, whatever is shown."""
KINDS = (CHOICE, SCORE)


@dataclass(frozen=True)
class Points:
    """What a measure and what people say of some questions, where more is better.

    Attributes:
        measure: (N,) of the sample; for choices its difference, second set minus first.
        people: (N,) mean score; for choices from -1, the first, to 1, the second is preferred.
        items: their numbers.
    """

    measure: np.ndarray
    people: np.ndarray
    items: list[int]


@dataclass(frozen=True)
class Answers:
    """The ratings of a study.

    Attributes:
        study: its questions.
        ratings: all answers so far.
    """

    study: Study
    ratings: Sequence[Rating]

    @property
    def first(self) -> list[Rating]:
        """The answers to questions that a rater had not seen before."""
        return [r for r in self.ratings if not r.again]

    def of(self, kind: str) -> dict[int, list[Rating]]:
        """First answers to the questions of a kind, by question."""
        found: dict[int, list[Rating]] = defaultdict(list)
        for rating in self.first:
            if kind_of(self.study.items[rating.item]) == kind:
                found[rating.item].append(rating)
        return dict(sorted(found.items()))

    def table(self, kind: str) -> np.ndarray:
        """(raters, questions) float: first answers, NaN where there is none."""
        found = self.of(kind)
        raters = {n: k for k, n in enumerate(sorted({r.rater for r in self.first}))}
        values = np.full((len(raters), len(found)), np.nan)
        for column, ratings in enumerate(found.values()):
            for r in ratings:
                values[raters[r.rater], column] = value(r)
        return values

    def twice(self, kind: str) -> np.ndarray:
        """(N, 2) float: the answers of raters who were asked again, first and second."""
        before = {(r.rater, r.item): r for r in self.first}
        pairs = [
            (value(before[r.rater, r.item]), value(r))
            for r in self.ratings
            if r.again and kind_of(self.study.items[r.item]) == kind
        ]
        return np.array(pairs).reshape(-1, 2)

    def points(self, kind: str, measure: str) -> Points:
        """The questions that both people and a measure answer."""
        sign = -1 if SCORES[measure].better == LOWER else 1
        of_measure, of_people, numbers = [], [], []
        for k, ratings in self.of(kind).items():
            item = self.study.items[k]
            shown = [self.study.shown[s, item.key].measures for s in item.sets]
            if all(measure in known for known in shown):
                known = [sign * m[measure] for m in shown]
                of_measure.append(known[-1] - known[0] if kind == CHOICE else known[0])
                of_people.append(float(np.mean([value(r) for r in ratings])))
                numbers.append(k)
        return Points(np.array(of_measure), np.array(of_people), numbers)

    def measured(self) -> list[str]:
        """The names of the measures that any sample has."""
        known = {name for shown in self.study.shown.values() for name in shown.measures}
        return [name for name in SCORES if name in known]


def kind_of(item: Item) -> str:
    """The kind of a question, "choice" or "score"."""
    return SCORE if item.kind == SCORE else CHOICE


def value(rating: Rating) -> float:
    """A score as it is; a choice as -1 for the first set, 0 for neither, 1 for the second."""
    if rating.answer.isdecimal():
        return float(rating.answer)
    if rating.answer == SAME:
        return 0.0
    return 1.0 if (rating.answer == LEFT) == rating.flipped else -1.0
