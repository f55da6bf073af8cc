"""The results of a study in plain sentences."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pandiff.evaluation.catalog import PERCENT, SCORES
from pandiff.evaluation.study.answers import CHOICE, KINDS
from pandiff.evaluation.study.results import Report

GRADES = ((0.8, "good"), (0.667, "fair"), (-1.0, "poor"))
"""Krippendorff's rule of thumb (2004): from .8 rely on it, from .667 conclude tentatively."""
WHAT = {CHOICE: "which of two fits better", "score": "how good a map is"}


def sentences(report: Report) -> list[str]:
    """What the numbers say, the most important first."""
    if not report["answers"]:
        return ["Nobody has answered yet."]
    return [*_people(report), *_preferences(report), *_scores(report),
            *_agreement(report), *_measures(report)]  # fmt: skip


def grade(alpha: float) -> str:
    """Whether agreement is good, fair or poor."""
    return next(word for least, word in GRADES if alpha >= least)


def _people(report: Report) -> Iterator[str]:
    count = len(report["raters"])
    yield f"{_count(count, 'rater')} gave {_count(report['answers'], 'answer')}."


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


def _preferences(report: Report) -> Iterator[str]:
    for row in report["preference"]:
        share, (first, second) = row["share"], row["sets"]
        if not share["n"]:
            continue
        better, worse = (second, first) if share["value"] > 0.5 else (first, second)
        low, value, high = (
            share[k] if better == second else 1 - share[k] for k in ("low", "value", "high")
        )
        sure = share["low"] > 0.5 or share["high"] < 0.5
        verb = "People prefer" if sure else "It is not decided whether people prefer"
        yield f"{verb} {better} to {worse}: {_share(value, *sorted((low, high)))} of choices."


def _scores(report: Report) -> Iterator[str]:
    rows = {n: row["mean"] for n, row in report["score"].items() if row["mean"]["n"]}
    if rows:
        each = (f"{n} {m['value']:.2f} [{m['low']:.2f} … {m['high']:.2f}]" for n, m in rows.items())
        yield f"Scores from 1 to 5: {', '.join(each)}."


def _agreement(report: Report) -> Iterator[str]:
    for kind in KINDS:
        alpha = report["agreement"][kind]["alpha"]
        if alpha["n"]:
            yield (
                f"Raters agree on {WHAT[kind]}: alpha {alpha['value']:.2f} "
                f"[{alpha['low']:.2f} … {alpha['high']:.2f}], {grade(alpha['value'])}, "
                f"over {_count(alpha['n'], 'question')} that several answered."
            )


def _measures(report: Report) -> Iterator[str]:
    for kind in KINDS:
        rows: dict[str, Any] = {n: r["spearman"] for n, r in report["measures"][kind].items()}
        if rows:
            best = max(rows, key=lambda name: rows[name]["value"])
            one = rows[best]
            yield (
                f"Of the measures, {SCORES[best].title} goes best with people on {WHAT[kind]}: "
                f"Spearman {one['value']:.2f} [{one['low']:.2f} … {one['high']:.2f}], n {one['n']}."
            )


def _share(value: float, low: float, high: float) -> str:
    return f"{100 * value:.0f}{PERCENT} [{100 * low:.0f} … {100 * high:.0f}]"
