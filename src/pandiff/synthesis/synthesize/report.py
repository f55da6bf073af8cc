"""The report of a run: one HTML file with counts, examples and the class balance."""

from __future__ import annotations

from collections import defaultdict
from html import escape

from pandiff import __version__
from pandiff.synthesis.synthesize.journal import Line
from pandiff.synthesis.synthesize.judge import REASONS
from pandiff.synthesis.synthesize.summary import Facts, Summary
from pandiff.synthesis.synthesize.tally import Tally

MOST, KEPT_MOST = 8, 20
"""Examples of each reason, and of what is kept."""
KEPT = "kept"

STYLE = """
body { font: 14px/1.5 sans-serif; max-width: 66em; margin: 2em auto; padding: 0 1em; color: #222 }
table { border-collapse: collapse } td, th { padding: .2em .8em .2em 0; text-align: left }
td.n { text-align: right; font-variant-numeric: tabular-nums } h2 { margin-top: 1.6em }
figure { display: inline-block; width: 198px; margin: 0 1em 1em 0; vertical-align: top }
figcaption { font-size: 11px; line-height: 1.3; color: #555; overflow-wrap: anywhere }
img { display: block; width: 194px; margin-bottom: 3px } svg { max-width: 100%; height: auto }
"""


class Examples:
    """The first candidates of each reason, one of a sample, and of those that are kept."""

    def __init__(self) -> None:
        self._lines: defaultdict[str, list[Line]] = defaultdict(list)

    def add(self, line: Line) -> None:
        """Take up a line of the journal, if there is room and it has a picture."""
        kind = line["reason"] or KEPT
        shown = self._lines[kind]
        is_new = all(line["slot"] != other["slot"] for other in shown)
        if "thumb" in line and is_new and len(shown) < (KEPT_MOST if kind == KEPT else MOST):
            shown.append(line)

    def of(self, kind: str) -> list[Line]:
        """The examples of a reason, or of "kept"."""
        return self._lines[kind]


def report(summary: Summary, tally: Tally, examples: Examples, facts: Facts, plot: str) -> str:
    """The page; it needs no other file."""
    parts = [
        "<!doctype html>",
        '<html lang="en"><meta charset="utf-8"><title>Synthesis report</title>',
        f"<style>{STYLE}</style>",
        f"<h1>{summary.made} images with panoptic maps</h1>",
        f"<p>{escape(str(summary))}. {tally.segments} segments; {tally.void:.2%} of the pixels are "
        "void.</p>",
        "<h2>Filters</h2>",
        _filters(summary, facts),
        "<h2>Kept</h2>",
        _figures(examples.of(KEPT)),
        *(_dropped(name, summary, examples) for name in REASONS if summary.dropped.get(name)),
        "<h2>Class balance</h2>",
        plot,
        "<h2>Settings</h2>",
        _settings(facts),
        f"<p>Made by pandiff {__version__}.</p></html>",
    ]
    return "\n".join(parts) + "\n"


def _filters(summary: Summary, facts: Facts) -> str:
    rows = [
        f"<tr><td>{name}<td>{escape(_threshold(name, facts))}"
        f'<td class="n">{summary.dropped.get(name, 0)}'
        f'<td class="n">{summary.dropped.get(name, 0) / max(1, summary.tried):.1%}'
        for name in REASONS
    ]
    head = "<tr><th>filter<th>threshold<th>dropped<th>of all candidates"
    return f"<table>{head}{''.join(rows)}</table>"


def _threshold(name: str, facts: Facts) -> str:
    found = facts.settings.get(f"min_{name}")
    if found is not None:
        return f"at least {found:g}"
    near = facts.settings.get("near_duplicates")
    if name == REASONS[-1] and near is not None:
        return f"differs by more than {near:g}"
    return "always" if name == REASONS[0] else "off"


def _dropped(name: str, summary: Summary, examples: Examples) -> str:
    found = examples.of(name)
    note = "" if found else "<p>No pictures of these.</p>"
    return f"<h2>Dropped: {name} ({summary.dropped[name]})</h2>{note}{_figures(found)}"


def _figures(lines: list[Line]) -> str:
    return "".join(
        f'<figure><img alt="" src="data:image/jpeg;base64,{line["thumb"]}">'
        f"<figcaption>{line['slot'] + 1}: {escape(line['prompt'])}"
        f"{'<br><b>' + escape(line['why']) + '</b>' if line['why'] else ''}</figcaption></figure>"
        for line in lines
    )


def _settings(facts: Facts) -> str:
    known = {"model": facts.model_name, "model digest": facts.settings["model"]}
    rows = known | {k: v for k, v in facts.settings.items() if k != "model" and v is not None}
    return "<table>{}</table>".format(
        "".join(
            f"<tr><td>{escape(k.replace('_', ' '))}<td>{escape(str(v))}" for k, v in rows.items()
        )
    )
