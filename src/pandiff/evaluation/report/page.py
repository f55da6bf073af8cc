"""The page of one evaluation."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from html import escape
from pathlib import Path
from typing import Any

import numpy as np

from pandiff.coco.files import atomic_text
from pandiff.evaluation.catalog import LOWER, SCORES, SECTIONS, describe, number
from pandiff.evaluation.per_sample import Scores, scores_of
from pandiff.evaluation.report.pictures import Pictures, grid
from pandiff.evaluation.report.style import CSS
from pandiff.evaluation.report.svg import Bar, histogram, intervals
from pandiff.evaluation.report.tables import category_table, interval, metrics_table
from pandiff.evaluation.rows import Rows
from pandiff.evaluation.run_names import sampling_of
from pandiff.evaluation.sample_sets import (
    IMAGE_TO_MAP,
    MAP_TO_IMAGE,
    REFERENCE,
    TEXT,
    SampleSet,
)
from pandiff.taxonomy import Taxonomy

SHOWN = 4
"""Samples in a row of examples."""
KEY = (
    '<p class="key soft"><i class="made"></i>generated <i class="real"></i>real, '
    "measured in the same way</p>"
)
Report = Mapping[str, Any]


def write_page(
    path: Path, report: Report, rows: Rows, sets: Mapping[str, SampleSet], taxonomy: Taxonomy
) -> None:
    """Write the page, complete or not at all.

    Args:
        path: the .html file.
        report: the content of metrics.json.
        rows: the measurements.
        sets: the samples.
        taxonomy: of the maps.
    """
    pictures, scores = Pictures(sets), scores_of(rows)
    parts = {
        "Summary": _summary(report),
        "Ways to fail": _signatures(report, scores, pictures),
        "Samples": _samples(scores, pictures, taxonomy),
        "Numbers": _numbers(report),
        "Categories": _categories(report),
        "Directions": _directions(sets, pictures),
        "Set-up": _setup(report["setup"]),
    }
    title = f"Evaluation of {Path(report['setup']['model']).name}"
    with atomic_text(path) as file:
        file.write(document(title, _subtitle(report["setup"]), parts, pictures.css))


def document(title: str, subtitle: str, parts: Mapping[str, str], css: str) -> str:
    """A whole page that asks for nothing else.

    Args:
        title: in words.
        subtitle: HTML below it.
        parts: the HTML of each part by its heading; empty ones are left out.
        css: of the pictures.
    """
    parts = {name: html for name, html in parts.items() if html}
    names = {name: name.lower().replace(" ", "-") for name in parts}
    links = "".join(f'<a href="#{names[n]}">{n}</a>' for n in parts)
    body = "".join(f'<section><h2 id="{names[n]}">{n}</h2>{parts[n]}</section>' for n in parts)
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta name="color-scheme" content="light dark"><link rel="icon" href="data:,">'
        f"<title>{escape(title)}</title><style>{CSS}{css}</style></head><body>"
        f"<header><h1>{escape(title)}</h1>{subtitle}<nav>{links}</nav></header>"
        f"<main>{body}</main></body></html>\n"
    )


def _subtitle(setup: Report) -> str:
    return (
        f"<p>{setup['count']} prompts of {escape(Path(setup['data']).name)}, seed {setup['seed']}, "
        f"{sampling_of(setup)}, {setup['date']}.</p>"
    )


def _summary(report: Report) -> str:
    cards = [
        f'<div class="card"><span class="grade {v["grade"]}">{v["grade"]}</span>'
        f"<h3>{escape(v['title'])}</h3><p>{escape(v['sentence'])}</p>"
        f"<small>{escape(v['rule'])}</small></div>"
        for v in report["verdicts"]
    ]
    return f'<div class="cards">{"".join(cards)}</div>{_overview(report["metrics"])}'


def _overview(metrics: Report) -> str:
    """The shares of the main sections on one scale, each with what it is compared with."""
    bars = [
        _bar(f"{describe(name).title} · {SECTIONS[section][0].lower()}", metrics, section, name)
        for section in ("pair", "truth_image", "map_to_image", "image_to_map")
        for name in ("pq_all", "miou", "boundary_f", "categories", "counts", "colors")
        if name in metrics.get(section, {})
    ]
    if not bars:
        return ""
    note = "<p class=soft>For image to map the hollow mark is the segmenter's.</p>"
    return f"<h3>At a glance</h3>{intervals(bars, 'Shares at a glance')}{KEY}{note}"


def _bar(title: str, metrics: Report, section: str, name: str) -> Bar:
    estimate = metrics[section][name]
    others = ((t, metrics.get(s, {}).get(name)) for t, s in SECTIONS[section][1].items())
    marks = tuple((t, o["value"]) for t, o in others if o and t != "strangers")
    text = number(estimate["value"], percent=True)
    return Bar(title, estimate["value"], estimate["low"], estimate["high"], text, marks)


def _signatures(report: Report, scores: Mapping[str, Scores], pictures: Pictures) -> str:
    intro = (
        "<p>The four ways to fail that the paper names. Where real images can fail too, the "
        "threshold (dashed) is where 5\N{NARROW NO-BREAK SPACE}% of them do; generated samples "
        "below it are red.</p>"
    )
    cards = [_signature(s, scores, pictures) for s in report["signatures"].values()]
    return f'{intro}{KEY}<div class="cards four">{"".join(cards)}</div>'


def _signature(one: Report, scores: Mapping[str, Scores], pictures: Pictures) -> str:
    title = f"<h3>{escape(one['title'])}</h3>"
    if one["rate"] is None:
        needs = f"Not measured; it needs {escape(one['needs'])}."
        return f'<div class="card">{title}<p class="soft">{needs}</p></div>'
    found, entry = scores[one["measure"]], SCORES[one["measure"]]
    rate = one["rate"]
    flagged = set(one["samples"])
    worst = [int(k) for k in found.order()[::-1] if int(k) in flagged][:SHOWN]
    examples = grid(
        pictures.figure(TEXT, k, f"{entry.title}: {number(found.made[k], entry.percent)}")
        for k in worst
    )
    return (
        f'<div class="card">{title}<p><span class="big">{number(rate["value"], True)}</span> of '
        f"{rate['n']} samples <small>[{interval(rate, True)}]; real images "
        f"{number(one['real_rate'], True)}</small></p>"
        f"{histogram(found.made, found.real, one['threshold'], entry.title)}"
        f"<p><small>A sample counts where {escape(one['rule'])}: threshold "
        f"{number(one['threshold'], entry.percent)}.</small></p>"
        f"{examples if worst else '<p class=soft>No sample fails so.</p>'}</div>"
    )


def _samples(scores: Mapping[str, Scores], pictures: Pictures, taxonomy: Taxonomy) -> str:
    blocks = [
        _ranked(name, one, pictures, is_open=k == 0) for k, (name, one) in enumerate(scores.items())
    ]
    return _swatches(taxonomy) + "".join(blocks)


def _swatches(taxonomy: Taxonomy) -> str:
    """The colors of the categories, where they are few enough to be told apart."""
    if len(taxonomy) > 40:
        return ""
    items = "".join(
        f'<span><i style="background:rgb{c.color}"></i>{escape(c.name)}</span>'
        for c in taxonomy.categories
    )
    return f'<p class="swatches">{items}</p>'


def _ranked(name: str, scores: Scores, pictures: Pictures, is_open: bool) -> str:
    """Best, median and worst samples of one measure."""
    entry, order = SCORES[name], scores.order()
    middle = max(0, len(order) // 2 - SHOWN // 2)
    groups = {
        "Best": order[:SHOWN],
        "Median": order[middle : middle + SHOWN],
        "Worst": order[::-1][:SHOWN],
    }
    body = "".join(
        f"<h3>{title}</h3>"
        + grid(
            pictures.figure(TEXT, int(k), f"{number(scores.made[k], entry.percent)}, sample {k}")
            for k in some
        )
        for title, some in groups.items()
    )
    plot = histogram(scores.made, scores.real, None, entry.title)
    arrow = "lower is better" if entry.better == LOWER else "higher is better"
    return (
        f"<details{' open' if is_open else ''}><summary>{escape(entry.title)}</summary>"
        f"<p><small>{escape(entry.text)}; {arrow}</small></p>{plot}{body}</details>"
    )


def _numbers(report: Report) -> str:
    metrics = report["metrics"]
    arrows = "<p class=soft>↑ higher is better, ↓ lower, →1 best at 1.</p>"
    return arrows + "".join(
        f"<h3>{escape(title)}</h3>{metrics_table(metrics, section)}"
        for section, (title, _) in SECTIONS.items()
        if section in metrics
    )


def _categories(report: Report) -> str:
    intro = "<p>Generated over real, in one map on average; PQ and IoU of image and map.</p>"
    return f"{KEY}{intro}{category_table(report['per_category'])}"


def _directions(sets: Mapping[str, SampleSet], pictures: Pictures) -> str:
    """The first samples of the other directions, beside what they were given."""
    return "".join(_direction_blocks(sets, pictures))


def _direction_blocks(sets: Mapping[str, SampleSet], pictures: Pictures) -> Iterator[str]:
    for name, title, parts in (
        (MAP_TO_IMAGE, "Map to image: the given map, the image made for it, the real image",
         ((REFERENCE, "map"), (MAP_TO_IMAGE, "image"), (REFERENCE, "image"))),
        (IMAGE_TO_MAP, "Image to map: the given image, the map found in it, the true map",
         ((REFERENCE, "image"), (IMAGE_TO_MAP, "map"), (REFERENCE, "map"))),
    ):  # fmt: skip
        if name in sets:
            figures = (
                "<figure>" + "".join(pictures.picture(s, k, what) for s, what in parts)
                + f"<figcaption><small>sample {k}</small></figcaption></figure>"
                for k in np.arange(min(SHOWN, len(sets[name]))).tolist()
            )  # fmt: skip
            yield f"<h3>{title}</h3>{grid(figures)}"


def _setup(setup: Report) -> str:
    return (
        f"<p><code>{escape(setup['command'])}</code></p>"
        f"<pre>{escape(json.dumps(dict(setup), indent=1))}</pre>"
        "<p class=soft>Intervals hold 95\N{NARROW NO-BREAK SPACE}%: bootstrap over prompts, or "
        "half-samples for what compares images with one another. Sample k is made from its own "
        "seed.</p>"
    )
