"""Write the results table of a page from what `pandiff evaluate` measured.

    python scripts/readme_table.py --metrics src/pandiff/assets/scenes/metrics.json \
        --also src/pandiff/assets/scenes/metrics_tries.json README.md

The table takes the place of what stands between the two marks in the page. A second measurement of
the same model has a column of its own, named by how it sampled.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from pandiff.coco.files import atomic_text
from pandiff.errors import InputError
from pandiff.evaluation.run_names import sampling_of

MARKS = "<!-- results -->", "<!-- /results -->"
HEAD = ("on unseen scenes", "this model", "rendered scenes", "strangers", "aim")
SECOND = 2
"""Where the column of a second measurement stands."""


class Row(NamedTuple):
    """A line of the table: a title, and where its numbers stand (section.name), if anywhere."""

    title: str
    model: str
    real: str = ""
    floor: str = ""
    aim: str = ""


ROWS = (
    Row(
        "mentioned categories that are in the map",
        "truth_map.categories",
        "truth_map_real.categories",
        aim="0.95",
    ),
    Row(
        "prompts with every stated count exact in the map",
        "truth_map.counts",
        "truth_map_real.counts",
        aim="0.7",
    ),
    Row("colours right", "truth_map.colors", "truth_map_real.colors"),
    Row("relations right (left of, above, ...)", "truth_map.relations", "truth_map_real.relations"),
    Row("MCD to the scene's own map", "map.mcd", "map.mcd_segmenter", "map_floor.mcd"),
    Row(
        "PQ of the map against what the segmenter sees in the image",
        "pair.pq_all",
        "pair_real.pq_all",
        "pair_shuffled.pq_all",
    ),
    Row("&nbsp;&nbsp;as a share of its PQ on rendered scenes", "pair.pq_all_ratio", aim="0.8"),
    Row(
        "map -> image: PQ of what the segmenter sees against the map",
        "map_to_image.pq_all",
        "pair_real.pq_all",
    ),
    Row("image -> map: PQ against the truth", "image_to_map.pq_all"),
    Row("&nbsp;&nbsp;things", "image_to_map.pq_things"),
    Row("&nbsp;&nbsp;stuff", "image_to_map.pq_stuff"),
)


def table(metrics: Mapping[str, Any], also: Mapping[str, Any] | None = None) -> str:
    """The table as Markdown; a row without a number of the model is left out."""
    lines = [HEAD]
    for row in ROWS:
        if cell := _cell(metrics, row.model):
            lines.append(
                (row.title, cell, _cell(metrics, row.real), _cell(metrics, row.floor), row.aim)
            )
    if also is not None:
        second = [sampling_of(also["setup"])]
        second += [_cell(also, row.model) for row in ROWS if _cell(metrics, row.model)]
        lines = [
            (*line[:SECOND], cell, *line[SECOND:]) for line, cell in zip(lines, second, strict=True)
        ]
    lines.insert(1, ("---",) * len(lines[0]))
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def caption(metrics: Mapping[str, Any], also: Mapping[str, Any] | None = None) -> str:
    """How the numbers were made, in a sentence, and a line for each measurement."""
    s = metrics["setup"]
    first = (
        f"{s['count']} unseen scenes, one caption each, {sampling_of(s)}, seed {s['seed']}; "
        "95 % intervals in brackets."
    )
    runs = [metrics] if also is None else [metrics, also]
    return "\n".join([first, *(_run(one["setup"]) for one in runs)])


def _run(s: Mapping[str, Any]) -> str:
    where = f"{s['processes']} processes on {s['machine']}, {s['date']}"
    return f"`{s['command']}`, {s['seconds']} s, {where}."


def fill(page: str, metrics: Mapping[str, Any], also: Mapping[str, Any] | None = None) -> str:
    """The page with its table anew; InputError without the two marks."""
    pattern = re.compile(f"{MARKS[0]}\n.*?{MARKS[1]}", re.DOTALL)
    if not pattern.search(page):
        raise InputError(f"a page with {MARKS[0]} and {MARKS[1]}", "neither", "add them")
    body = f"{MARKS[0]}\n{caption(metrics, also)}\n\n{table(metrics, also)}\n\n{MARKS[1]}"
    return pattern.sub(lambda _: body, page)


def _cell(metrics: Mapping[str, Any], name: str) -> str:
    section, _, key = name.partition(".")
    found = metrics["metrics"].get(section, {}).get(key) if name else None
    if found is None or not found["n"]:
        return ""
    return f"{found['value']:.2f} ({found['low']:.2f} to {found['high']:.2f})"


def main() -> None:
    """Fill the tables of some pages."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--metrics", type=Path, required=True)
    parser.add_argument("--also", type=Path, help="a measurement with other settings")
    parser.add_argument("pages", type=Path, nargs="+")
    args = parser.parse_args()
    metrics, also = (
        json.loads(path.read_text(encoding="utf-8")) if path else None
        for path in (args.metrics, args.also)
    )
    for page in args.pages:
        filled = fill(page.read_text(encoding="utf-8"), metrics, also)
        with atomic_text(page) as file:
            file.write(filled)


if __name__ == "__main__":
    try:
        main()
    except InputError as error:
        sys.exit(f"readme_table: error: {error}")
