"""What the ratings of a study say: the content of its report.json."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from itertools import combinations
from typing import Any

import numpy as np

from pandiff.evaluation.bootstrap import Estimate, estimate
from pandiff.evaluation.study.agreement import alpha, identical
from pandiff.evaluation.study.answers import CHOICE, KINDS, Answers, kind_of, value
from pandiff.evaluation.study.correlation import kendall, same_choice, spearman
from pandiff.evaluation.study.items import LEFT, SAME, SCALE, SCORE
from pandiff.evaluation.study.preference import share, strengths

Report = Mapping[str, Any]


def results(answers: Answers) -> dict[str, Any]:
    """All numbers, each an estimate with its 95 % interval and n."""
    return {
        "sets": list(answers.study.names),
        "settings": asdict(answers.study.settings),
        "raters": _raters(answers),
        "answers": len(answers.first),
        "per_question": {kind: _coverage(answers, kind) for kind in KINDS},
        "agreement": {kind: _agreement(answers, kind) for kind in KINDS},
        "consistency": {kind: _consistency(answers, kind) for kind in KINDS},
        "left": asdict(_left(answers)),
        "preference": _preference(answers),
        "strength": _strength(answers),
        "score": _scores(answers),
        "measures": {kind: _measures(answers, kind) for kind in KINDS},
    }


def _raters(answers: Answers) -> list[dict[str, Any]]:
    """By number; their names stay in the SQLite file."""
    rows = []
    for rater in sorted({r.rater for r in answers.ratings}):
        mine = [r for r in answers.ratings if r.rater == rater]
        seconds = float(np.median([r.seconds for r in mine]))
        asked = len(answers.study.turns(rater))
        rows.append({"rater": rater, "answers": len(mine), "asked": asked, "seconds": seconds})
    return rows


def _coverage(answers: Answers, kind: str) -> dict[str, float]:
    """How many raters answered a question: fewest, on average, most."""
    found = answers.of(kind)
    numbers = [k for k, item in enumerate(answers.study.items) if kind_of(item) == kind]
    counts = [len(found.get(k, ())) for k in numbers] or [0]
    mean = float(np.mean(counts))
    return {"questions": len(numbers), "fewest": min(counts), "mean": mean, "most": max(counts)}


def _agreement(answers: Answers, kind: str) -> dict[str, Any]:
    table = answers.table(kind)
    return {"alpha": asdict(alpha(table)), "identical": asdict(identical(table))}


def _consistency(answers: Answers, kind: str) -> dict[str, Any]:
    """How often a rater gave the same answer when asked again, and how far off he was."""
    gaps = np.abs(np.diff(answers.twice(kind), axis=1)).ravel()
    return {"same": asdict(mean_of(gaps == 0)), "gap": asdict(mean_of(gaps))}


def _left(answers: Answers) -> Estimate:
    """How often the left one was chosen, where one was; a half unless the side matters."""
    given = [r.answer for some in answers.of(CHOICE).values() for r in some if r.answer != SAME]
    return mean_of(np.array([answer == LEFT for answer in given]))


def _preference(answers: Answers) -> list[dict[str, Any]]:
    """For each pair of sets how often the second was preferred."""
    names, items, rows = answers.study.names, answers.study.items, []
    for sets in combinations(range(len(names)), 2):
        found = [
            [value(r) for r in some]
            for k, some in answers.of(CHOICE).items()
            if items[k].sets == sets
        ]
        given = [v for some in found for v in some]
        row = share([sum(some) / 2 + len(some) / 2 for some in found], [len(s) for s in found])
        counts = {w: given.count(v) for w, v in (("first", -1.0), ("same", 0.0), ("second", 1.0))}
        named = [names[k] for k in sets]
        rows.append({"sets": named, "share": asdict(row), "answers": counts})
    return rows


def _strength(answers: Answers) -> dict[str, Any]:
    """With three sets or more, one number for each."""
    found, names = answers.of(CHOICE), answers.study.names
    if len(names) < 3 or not found:
        return {}
    wins = np.zeros((len(found), len(names), len(names)))
    for row, (k, ratings) in enumerate(found.items()):
        one, other = answers.study.items[k].sets
        won = sum((value(r) + 1) / 2 for r in ratings)
        wins[row, other, one], wins[row, one, other] = won, len(ratings) - won
    return {name: asdict(s) for name, s in zip(names, strengths(wins), strict=True)}


def _scores(answers: Answers) -> dict[str, Any]:
    """Mean score of each set, samples weighing alike, and how often each score was given."""
    rows = {}
    for number, name in enumerate(answers.study.names):
        found = [
            [value(r) for r in some]
            for k, some in answers.of(SCORE).items()
            if answers.study.items[k].sets == (number,)
        ]
        given = [v for some in found for v in some]
        means = mean_of(np.array([np.mean(some) for some in found]))
        counts = {str(k): given.count(float(k)) for k in SCALE}
        rows[name] = {"mean": asdict(means), "answers": counts}
    return rows


def _measures(answers: Answers, kind: str) -> dict[str, Any]:
    """How well each measure ranks samples as people do; those that say nothing are left out."""
    rows = {}
    for name in answers.measured():
        points = answers.points(kind, name)
        x, y, mirrored = points.measure, points.people, kind == CHOICE
        row = {"spearman": spearman(x, y, mirrored), "kendall": kendall(x, y, mirrored)}
        if mirrored:
            row["same_choice"] = same_choice(x, y)
        if row["spearman"].n:
            rows[name] = {key: asdict(one) for key, one in row.items()}
    return rows


def mean_of(values: np.ndarray) -> Estimate:
    """A mean with its bootstrap interval; all 0 where there is nothing."""
    if not len(values):
        return Estimate(0.0, 0.0, 0.0, 0)
    numbers = values.astype(np.float64)
    return estimate(lambda w: float(w @ numbers) / float(w.sum()), len(numbers))
