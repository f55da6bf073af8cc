"""The page of a comparison: verdict, differences, numbers, samples of one prompt side by side."""

from __future__ import annotations

import json
from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from pandiff.coco.files import atomic_text
from pandiff.evaluation.catalog import SCORES, SECTIONS, describe, number
from pandiff.evaluation.per_sample import Scores, scores_of
from pandiff.evaluation.report.page import document
from pandiff.evaluation.report.pictures import Pictures, grid
from pandiff.evaluation.rows import Rows

if TYPE_CHECKING:
    from pandiff.evaluation.compare import Run

SHOWN = 4
"""Prompts of each kind."""
EXAMPLES = ("agreement", "clip", "claims_image", "sharpness")
"""The measures by which prompts are chosen, the first that the runs have."""


def write_comparison(path: Path, result: dict[str, Any], runs: Sequence[Run]) -> None:
    """Write the page, complete or not at all.

    Args:
        path: the .html file.
        result: the content of compare.json.
        runs: what was compared.
    """
    pictures = Pictures({str(k): run.samples for k, run in enumerate(runs)})
    setup = runs[0].report["setup"]
    subtitle = (
        f"<p>{setup['count']} prompts of {escape(Path(setup['data']).name)}, seed {setup['seed']}; "
        f"differences are from <b>{escape(runs[0].name)}</b>.</p>"
    )
    parts = {
        "Summary": _summary(result),
        "Differences": _differences(result),
        "Samples": _samples(runs, pictures),
        "Set-up": _setup(result),
    }
    title = "Comparison of " + " and ".join(run.name for run in runs)
    with atomic_text(path) as file:
        file.write(document(title, subtitle, parts, pictures.css))


def _summary(result: dict[str, Any]) -> str:
    cards = [
        _card(run["name"], [row["differences"][k] | row for row in result["metrics"]])
        for k, run in enumerate(result["runs"][1:])
    ]
    return f'<div class="cards">{"".join(cards)}</div>'


def _card(name: str, rows: Sequence[dict[str, Any]]) -> str:
    """What is significantly better and worse in one run."""
    lines = []
    for word, wanted in (("better", True), ("worse", False)):
        some = [r for r in rows if r["significant"] and r["better"] is wanted]
        lines.append(f'<p><span class="{word}">{len(some)} {word}</span></p>{_by_section(some)}')
    same = sum(not r["significant"] for r in rows)
    return (
        f'<div class="card"><h3>{escape(name)}</h3>{"".join(lines)}'
        f"<p class=soft>{same} of {len(rows)} do not differ by more than chance.</p></div>"
    )


def _by_section(rows: Sequence[dict[str, Any]]) -> str:
    items = [
        f"<li>{escape(title)}: {escape(', '.join(_title(r) for r in some))}</li>"
        for section, (title, _) in SECTIONS.items()
        if (some := [r for r in rows if r["section"] == section])
    ]
    return f"<ul>{''.join(items)}</ul>" if items else ""


def _title(row: dict[str, Any]) -> str:
    """Its name in words, with the feature space where it has one."""
    space, title = row["name"].rpartition(".")[0], describe(row["name"]).title
    return f"{title} · {space}" if space else title


def _differences(result: dict[str, Any]) -> str:
    heads = ["", *(escape(run["name"]) for run in result["runs"])]
    head = "".join(f"<th>{h}</th>" for h in heads)
    tables = []
    for section, (title, _) in SECTIONS.items():
        rows = [r for r in result["metrics"] if r["section"] == section]
        if rows:
            body = "".join(_row(row, heads[1:]) for row in rows)
            tables.append(
                f'<h3>{escape(title)}</h3><table class="stack"><thead><tr>{head}</tr></thead>'
                f"<tbody>{body}</tbody></table>"
            )
    note = (
        "<p class=soft>Under each value its difference with the 95\N{NARROW NO-BREAK SPACE}% "
        "interval of a paired bootstrap over prompts. Coloured: significant, over all numbers of "
        "the run together (Holm, 5\N{NARROW NO-BREAK SPACE}%).</p>"
    )
    return note + "".join(tables)


def _row(row: dict[str, Any], runs: Sequence[str]) -> str:
    entry = describe(row["name"])
    values = [f"<b>{number(v, entry.percent)}</b>" for v in row["values"]]
    changes = ["", *(_difference(found, entry.percent) for found in row["differences"])]
    cells = (
        f'<td data-run="{run}">{value} {change}</td>'
        for run, value, change in zip(runs, values, changes, strict=True)
    )
    title = f"<th>{escape(_title(row))}<br><small>{entry.better}</small></th>"
    return f"<tr>{title}{''.join(cells)}</tr>"


def _difference(found: dict[str, Any], percent: bool) -> str:
    kind = {True: "better", False: "worse", None: ""}[found["better"]]
    value, low, high = (
        "\N{EN DASH}" if v is None else _signed(v, percent)
        for v in (found["value"], found["low"], found["high"])
    )
    style = f' class="{kind}"' if found["significant"] and kind else ""
    return f"<small><span{style}>{value}</span> [{low} … {high}]</small>"


def _signed(value: float, percent: bool) -> str:
    return ("+" if value >= 0 else "\N{MINUS SIGN}") + number(abs(value), percent)


def _samples(runs: Sequence[Run], pictures: Pictures) -> str:
    """Prompts on which the last run gains most and loses most."""
    scores = [scores_of(Rows.load(run.path / "rows.npz")) for run in runs]
    names = [n for n in EXAMPLES if all(n in s for s in scores)]
    if not names:
        return ""
    name = names[0]
    of_runs = [s[name] for s in scores]
    change = np.nan_to_num(of_runs[-1].made - of_runs[0].made)
    order = np.argsort(change, kind="stable")
    entry = SCORES[name]
    parts = [f"<p>By {escape(entry.title.lower())}: {escape(entry.text)}.</p>"]
    for title, some in (("gains", order[::-1]), ("loses", order)):
        parts.append(f"<h3>Where {escape(runs[-1].name)} {title} most</h3>")
        parts += [_prompt(int(k), runs, of_runs, pictures, entry.percent) for k in some[:SHOWN]]
    return "".join(parts)


def _prompt(
    k: int, runs: Sequence[Run], scores: Sequence[Scores], pictures: Pictures, percent: bool
) -> str:
    figures = (
        pictures.figure(str(j), k, f"{run.name}: {number(scores[j].made[k], percent)}")
        for j, run in enumerate(runs)
    )
    return grid(figures)


def _setup(result: dict[str, Any]) -> str:
    return f"<pre>{escape(json.dumps(result['runs'], indent=1))}</pre>"
