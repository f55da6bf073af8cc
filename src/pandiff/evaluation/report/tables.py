"""Tables of metrics and of categories."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import Any

from pandiff.evaluation.catalog import LOWER, ONE, PERCENT, SECTIONS, describe, number
from pandiff.evaluation.report.svg import share_bar

Numbers = Mapping[str, Any]
ARROWS = {LOWER: "↓", ONE: "→1"}


def metrics_table(metrics: Mapping[str, Mapping[str, Numbers]], section: str) -> str:
    """One section: each metric with its interval, and what to compare it with."""
    _, others = SECTIONS[section]
    columns = {title: metrics[name] for title, name in others.items() if name in metrics}
    columns = {t: c for t, c in columns.items() if set(c) & set(metrics[section])}
    head = "".join(f"<th>{escape(t)}</th>" for t in ("", "value [95 %]", *columns))
    rows = [_row(name, e, columns) for name, e in metrics[section].items() if e["n"]]
    return f"<table><thead><tr>{head}</tr></thead><tbody>{''.join(rows)}</tbody></table>"


def _row(name: str, estimate: Numbers, columns: Mapping[str, Mapping[str, Numbers]]) -> str:
    entry = describe(name)
    space = name.rpartition(".")[0]
    title = f"{entry.title} · {space}" if space else entry.title
    cells = [
        f"<th>{escape(title)} {ARROWS.get(entry.better, '↑')}"
        f"<br><small>{escape(entry.text)}; n {estimate['n']}</small></th>",
        f"<td><b>{number(estimate['value'], entry.percent)}</b>"
        f"<br><small>{interval(estimate, entry.percent)}</small></td>",
    ]
    for column in columns.values():
        other = column.get(name)
        cells.append(f"<td>{number(other['value'], entry.percent) if other else ''}</td>")
    return f"<tr>{''.join(cells)}</tr>"


def interval(estimate: Numbers, percent: bool) -> str:
    """An interval, percentages without their sign; a dash where it has no bounds."""
    if estimate["low"] is None or estimate["high"] is None:
        return "\N{EN DASH}"
    low, high = (number(estimate[end], percent).rstrip(PERCENT) for end in ("low", "high"))
    return f"{low} … {high}"


def category_table(categories: Mapping[str, Numbers]) -> str:
    """Areas and counts of each category, made over real, and agreement where it was judged."""
    judged = any("pq" in row for row in categories.values())
    titles = ["", "share of pixels", "a map", *(["PQ", "IoU"] if judged else [])]
    area, count = (
        max(
            (row[f"{w}_{s}"]["value"] for row in categories.values() for s in ("made", "real")),
            default=1,
        )
        for w in ("area", "count")
    )
    rows = [_category(name, row, area, count) for name, row in categories.items()]
    head = "".join(f"<th>{t}</th>" for t in titles)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{''.join(rows)}</tbody></table>"


def _category(name: str, row: Numbers, area: float, count: float) -> str:
    cells = [f"<th>{escape(name)}</th>"]
    for what, top, percent in (("area", area, True), ("count", count, False)):
        made, real = (row[f"{what}_{of}"]["value"] for of in ("made", "real"))
        words = " / ".join(f"{v:.1%}" if percent else f"{v:.2f}" for v in (made, real))
        bar = share_bar(made, real, top, f"{name}: {words}")
        cells.append(f"<td>{bar}<small>{words}</small></td>")
    if "pq" in row:
        cells += [f"<td>{_two(row[name])}</td>" for name in ("pq", "iou")]
    return f"<tr>{''.join(cells)}</tr>"


def _two(estimate: Numbers) -> str:
    """A number of 0..1 above its interval, on a phone alone; a dash where nothing was counted."""
    if not estimate["n"]:
        return "\N{EN DASH}"
    low, high = estimate["low"], estimate["high"]
    return f'{estimate["value"]:.2f}<br><small class="roomy">{low:.2f} … {high:.2f}</small>'
