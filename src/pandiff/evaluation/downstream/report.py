"""The report of a study: downstream.json, a picture of predictions, and a page with both."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PIL import Image

from pandiff.coco import atomic_text, write_json
from pandiff.draw import grid, render
from pandiff.evaluation.downstream.runs import SCORES
from pandiff.evaluation.downstream.settings import ARMS
from pandiff.evaluation.downstream.summary import AIM, LABELS, main_score, summarise, verdict, words
from pandiff.evaluation.machine import machine, versions
from pandiff.evaluation.report.page import document
from pandiff.evaluation.report.svg import Bar, intervals
from pandiff.panoptic import PanopticMap

if TYPE_CHECKING:
    from pandiff.evaluation.downstream.study import Study

NUMBERS, PICTURE, PAGE = "downstream.json", "predictions.png", "report.html"
SHOWN, SIDE = 4, 192
"""Test images in the picture, and their side there."""


def write_report(study: Study, command: str = "") -> dict[str, Any]:
    """Write the report of all runs that are finished; returns the content of downstream.json."""
    runs = list(study.finished.values())
    arms = summarise(runs)
    report = {
        "verdict": verdict(arms),
        "arms": arms,
        "setup": study.setup | {"test_pairs": len(study.test), "aim": AIM},
        "runs": [
            {k: v for k, v in vars(run).items() if k != "setup"}
            for run in sorted(runs, key=lambda r: (r.seed, list(ARMS).index(r.arm)))
        ],
        "command": command,
        "date": datetime.now(UTC).strftime("%Y-%m-%d"),
        "machine": machine(),
        "versions": versions(),
    }
    write_json(study.out / NUMBERS, report)
    predictions(study).save(study.out / PICTURE)
    with atomic_text(study.out / PAGE) as file:
        file.write(page(report, study.out / PICTURE))
    return report


def predictions(study: Study) -> Image.Image:
    """Test images in rows: the image, the truth, and what the first seed of each arm finds."""
    numbers = range(min(SHOWN, len(study.test)))
    images = [study.test.image(k) for k in numbers]
    columns = {
        "image": [image.resize((SIDE, SIDE), Image.Resampling.LANCZOS) for image in images],
        "truth": [_drawn(study.test.panoptic(k)) for k in numbers],
    }
    for arm in ARMS:
        seeds = sorted(seed for a, seed in study.finished if a == arm)
        if seeds:
            columns[arm] = [_drawn(one) for one in study.segmenter(arm, seeds[0])(images)]
    cells = [column[k] for k in numbers for column in columns.values()]
    titles = [""] * (len(cells) - len(columns)) + list(columns)
    return grid(cells, prompts=titles, columns=len(columns), side=SIDE)


def _drawn(panoptic: PanopticMap) -> Image.Image:
    return render(panoptic.resize((SIDE, SIDE)))


def page(report: Mapping[str, Any], picture: Path) -> str:
    """The page; it asks for nothing else."""
    content = base64.b64encode(picture.read_bytes()).decode()
    parts = {
        "Scores": _plot(report["arms"]) + _table(report["arms"]),
        "Predictions": f'<img class="all" alt="Test images, truth, predictions of each arm" '
        f'src="data:image/png;base64,{content}">',
        "Runs": _runs(report["runs"]),
        "Set-up": f"<p><code>{escape(report['command'])}</code></p>"
        f"<pre>{escape(json.dumps(report['setup'], indent=1))}</pre>"
        f"<p class=soft>{escape(report['machine'])}; {report['date']}.</p>",
    }
    title = "Does generated data help downstream?"
    return document(title, f"<p>{escape(report['verdict'])}</p>", parts, "img.all{width:100%}")


def _plot(arms: Mapping[str, Any]) -> str:
    """The main score of each arm, from its lowest to its highest seed."""
    score = main_score(arms)
    bars = []
    for arm, entry in arms.items():
        found = entry["scores"][score]
        low, high = min(found["values"]), max(found["values"])
        bars.append(Bar(arm, found["mean"], low, high, words(found)))
    return intervals(bars, f"{LABELS[score]} of each arm")


def _table(arms: Mapping[str, Any]) -> str:
    """Mean and spread of each score, and its share of that of real pairs."""
    scores = [s for s in SCORES if s in next(iter(arms.values()))["scores"]]
    head = "".join(f"<th>{t}</th>" for t in ("", "pairs", *(LABELS[s] for s in scores)))
    rows = "".join(
        f"<tr><th>{arm}<br><small>{escape(entry['title'])}</small></th><td>{entry['pairs']}</td>"
        + "".join(f"<td>{_cell(entry['scores'][s])}</td>" for s in scores)
        + "</tr>"
        for arm, entry in arms.items()
    )
    note = (
        "<p class=soft>Mean over seeds \N{PLUS-MINUS SIGN} deviation; below it the share of what "
        "the real arm reaches with the same seed.</p>"
    )
    return f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>{note}"


def _cell(found: Mapping[str, Any]) -> str:
    ratio = f"<br><small>{words(found['ratio'])}</small>" if found["ratio"] else ""
    return f"<b>{words(found)}</b>{ratio}"


def _runs(runs: Sequence[Mapping[str, Any]]) -> str:
    scores = [s for s in SCORES if s in runs[0]["scores"]]
    titles = ("", "loss", "seconds", *(LABELS[s] for s in scores))
    head = "".join(f"<th>{t}</th>" for t in titles)
    rows = "".join(
        f"<tr><th>{r['arm']}, seed {r['seed']}</th>"
        f"<td>{r['loss']:.3g}</td><td>{r['seconds']:.0f}</td>"
        + "".join(f"<td>{r['scores'][s]:.3f}</td>" for s in scores)
        + "</tr>"
        for r in runs
    )
    return f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"
