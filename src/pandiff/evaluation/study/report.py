"""The report of a study: numbers, and one page that asks for nothing else."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

from pandiff.coco import write_json
from pandiff.coco.files import atomic_text
from pandiff.evaluation.catalog import PERCENT, SCORES
from pandiff.evaluation.report.page import document
from pandiff.evaluation.report.svg import Bar, intervals
from pandiff.evaluation.study.answers import CHOICE, KINDS, Answers
from pandiff.evaluation.study.examples import Examples
from pandiff.evaluation.study.items import SCALE
from pandiff.evaluation.study.results import Report, results
from pandiff.evaluation.study.study import Study
from pandiff.evaluation.study.words import WHAT, grade, sentences

NUMBERS, PAGE = "report.json", "report.html"
MEASURES_NOTE = (
    "<p class=soft>Spearman's rank correlation of what people and what a measure say of each "
    "question, [95\N{NARROW NO-BREAK SPACE}% bootstrap interval over questions]; 1: ranked as by "
    "people, 0: no relation, below 0: the other way round. Same choice: how often a measure "
    "prefers what people prefer.</p>"
)


def write_report(path: Path) -> list[str]:
    """Write `report.json` and `report.html` into the folder of a study.

    Returns:
        What they say, in plain sentences.

    Raises:
        InputError: if there is no study.
    """
    study = Study.open(path)
    answers = Answers(study, study.ratings.all())
    report = results(answers)
    said = sentences(report)
    write_json(path / NUMBERS, report | {"sentences": said})
    with atomic_text(path / PAGE) as file:
        file.write(_page(answers, report, said))
    return said


def _page(answers: Answers, report: Report, said: Sequence[str]) -> str:
    examples = Examples(answers)
    parts = {
        "Summary": f"<ul>{''.join(f'<li>{escape(s)}</li>' for s in said)}</ul>",
        "Preferences": _preferences(report),
        "Scores": _scores(report),
        "Measures": _measures(report),
        "Agreement": _agreement(report),
        "Examples": examples.html(),
        "Raters": _raters(report),
        "Set-up": f"<pre>{escape(json.dumps(report['settings'], indent=1))}</pre>",
    }
    title = "What people say of " + " and ".join(report["sets"])
    subtitle = (
        f"<p>{len(report['raters'])} raters, {report['answers']} answers, without those to "
        "questions that came twice. Raters saw neither names nor order of the sets.</p>"
    )
    return document(title, subtitle, parts, examples.css)


def _preferences(report: Report) -> str:
    rows = [row for row in report["preference"] if row["share"]["n"]]
    bars = [
        Bar(f"{row['sets'][1]} over {row['sets'][0]}", row["share"]["value"], row["share"]["low"],
            row["share"]["high"], _share(row["share"]), (("no preference", 0.5),))
        for row in rows
    ]  # fmt: skip
    if not bars:
        return ""
    body = (
        [" and ".join(row["sets"]), *(row["answers"][k] for k in ("first", "same", "second")),
         row["share"]["n"]]
        for row in rows
    )  # fmt: skip
    note = '<p class="key soft"><i class="made"></i>share <i class="real"></i>no preference</p>'
    tables = _table(["", "first", "same", "second", "questions"], body)
    return intervals(bars, "Preferences") + note + tables + _strengths(report)


def _strengths(report: Report) -> str:
    if not report["strength"]:
        return ""
    body = ([name, _number(s)] for name, s in report["strength"].items())
    head = ["", "strength [95 %]"]
    return (
        f"<h3>Strengths (Bradley-Terry, log-odds against an average set)</h3>{_table(head, body)}"
    )


def _scores(report: Report) -> str:
    rows = {name: row for name, row in report["score"].items() if row["mean"]["n"]}
    if not rows:
        return ""
    body = (
        [name, _number(row["mean"]), *(row["answers"][str(k)] for k in SCALE), row["mean"]["n"]]
        for name, row in rows.items()
    )
    return _table(["", "mean [95 %]", *map(str, SCALE), "samples"], body)


def _measures(report: Report) -> str:
    tables = [_measures_table(kind, rows) for kind, rows in report["measures"].items() if rows]
    if not tables:
        return "<p class=soft>No measure of the samples is known: rate runs of evaluate.</p>"
    return MEASURES_NOTE + "".join(tables)


def _measures_table(kind: str, rows: Mapping[str, Any]) -> str:
    head = ["", "Spearman [95 %]", "Kendall", *(["same choice"] if kind == CHOICE else []), "n"]
    body = (
        [SCORES[name].title, _number(row["spearman"]), f"{row['kendall']['value']:.2f}",
         *([_share(row["same_choice"])] if kind == CHOICE else []), row["spearman"]["n"]]
        for name, row in rows.items()
    )  # fmt: skip
    return f"<h3>Of {WHAT[kind]}</h3>{_table(head, body)}"


def _agreement(report: Report) -> str:
    head = ["", "alpha [95 %]", "same answer", "same when asked again", "answers a question"]
    table = _table(head, _agreement_rows(report))
    left = report["left"]
    side = f"<p>Of two, the left one was chosen {_share(left)} of the time, n {left['n']}.</p>"
    note = (
        "<p class=soft>Krippendorff's alpha, ordinal: 1 where raters always agree, 0 where they "
        "agree as chance does; from .8 rely on it, from .667 conclude tentatively.</p>"
    )
    return note + table + (side if left["n"] else "")


def _agreement_rows(report: Report) -> Iterator[list[Any]]:
    for kind in KINDS:
        coverage, agreement = report["per_question"][kind], report["agreement"][kind]
        alpha, again = agreement["alpha"], report["consistency"][kind]["same"]
        if coverage["most"]:
            known = f"{_number(alpha)} {grade(alpha['value'])}" if alpha["n"] else "\N{EN DASH}"
            seen = f"{coverage['fewest']} to {coverage['most']}"
            yield [WHAT[kind], known, _share(agreement["identical"]), _share(again), seen]


def _raters(report: Report) -> str:
    body = (
        [r["rater"], f"{r['answers']} of {r['asked']}", f"{r['seconds']:.1f} s"]
        for r in report["raters"]
    )
    return _table(["rater", "answers", "median time"], body)


def _table(head: Sequence[str], rows: Iterator[list[Any]]) -> str:
    """A table that on a phone stands as a list, each cell after its heading."""
    heads = "".join(f"<th>{escape(h)}</th>" for h in head)
    body = "".join(
        f"<tr><th>{escape(str(first))}</th>"
        + "".join(
            f'<td data-run="{escape(h)}">{escape(str(c))}</td>'
            for h, c in zip(head[1:], rest, strict=True)
        )
        + "</tr>"
        for first, *rest in rows
    )
    return f'<table class="stack"><thead><tr>{heads}</tr></thead><tbody>{body}</tbody></table>'


def _number(one: Mapping[str, Any]) -> str:
    return f"{one['value']:.2f} [{one['low']:.2f} … {one['high']:.2f}]"


def _share(one: Mapping[str, Any]) -> str:
    if not one["n"]:
        return "\N{EN DASH}"
    low, high = 100 * one["low"], 100 * one["high"]
    return f"{100 * one['value']:.0f}{PERCENT} [{low:.0f} … {high:.0f}]"
