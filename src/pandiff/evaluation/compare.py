"""Runs side by side, on the same prompts and seeds: what differs, and is it more than chance?"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from pandiff.coco import PanopticFolder, write_json
from pandiff.coco.files import read_json
from pandiff.errors import InputError
from pandiff.evaluation.catalog import HIGHER, LOWER, describe
from pandiff.evaluation.evaluate import METRICS, ROWS, SAMPLES, SETTINGS
from pandiff.evaluation.intervals import Metric, difference
from pandiff.evaluation.rows import Rows
from pandiff.evaluation.run_names import short_names
from pandiff.evaluation.sample_sets import REFERENCE, TEXT, SampleSet
from pandiff.evaluation.sections import sections
from pandiff.taxonomy import Taxonomy

SAME = ("data", "count", "seed")
"""Settings that runs must share, so that sample k of each answers the same prompt."""
LEVEL = 0.05
"""How probable a difference may be by chance, over all metrics of a comparison."""
SKIPPED = ("_real", "_floor", "_shuffled")
"""Ends of the names of sections that do not tell of the model."""
REDUNDANT = ("_ratio", "mcd_label_noise", "mcd_segmenter")
"""Ends of the names of metrics that say nothing new about a difference."""


@dataclass(frozen=True)
class Run:
    """One finished evaluation.

    Attributes:
        path: its folder.
        name: for the page; unique among those compared.
        report: the content of its metrics.json.
        metrics: its metrics by section.
        samples: of prompts to both.
    """

    path: Path
    name: str
    report: dict[str, Any]
    metrics: dict[str, dict[str, Metric]]
    samples: SampleSet

    @classmethod
    def open(cls, path: Path, name: str) -> Run:
        """Read a run; InputError if it is not finished."""
        for file in (SETTINGS, METRICS, ROWS):
            if not (path / file).is_file():
                raise InputError(f"a finished evaluation in {path}", f"no {file}", "evaluate first")
        taxonomy: Taxonomy = PanopticFolder.open(path / SAMPLES / REFERENCE).taxonomy
        found = sections(Rows.load(path / ROWS), taxonomy)
        metrics = {
            section: {name: m for name, m in metrics.items() if not name.endswith(REDUNDANT)}
            for section, metrics in found.items()
            if not section.endswith(SKIPPED)
        }
        return cls(path, name, read_json(path / METRICS), metrics, SampleSet(path / SAMPLES / TEXT))


def compare(paths: Sequence[Path], out: Path) -> dict[str, Any]:
    """Compare runs with the first and write `out/compare.json` and `out/compare.html`.

    Args:
        paths: folders of two or more finished evaluations.
        out: where to write.

    Returns:
        What compare.json holds.

    Raises:
        InputError: if there are fewer than two, one is not finished, or they are not of the same
            prompts, seeds and judges.
    """
    from pandiff.evaluation.report.comparison import write_comparison

    if len(paths) < 2:
        raise InputError("two or more runs to compare", str(len(paths)), "name another")
    runs = [Run.open(p, n) for p, n in zip(paths, short_names(paths), strict=True)]
    for other in runs[1:]:
        check_same(runs[0], other)
    result = {
        "runs": [{"name": r.name, "path": str(r.path), "setup": r.report["setup"]} for r in runs],
        "level": LEVEL,
        "metrics": table(runs),
    }
    write_json(out / "compare.json", result)
    write_comparison(out / "compare.html", result, runs)
    return result


def check_same(one: Run, other: Run) -> None:
    """InputError unless two runs are of the same prompts, seeds and judges."""
    first, second = one.report["setup"], other.report["setup"]
    for key in (*SAME, "segmenter", "clip"):
        if first[key] != second[key]:
            got = f"{second[key]!r} in {other.path}"
            expected = f"runs of one {key}, {first[key]!r} as in {one.path}"
            raise InputError(expected, got, "evaluate both alike")
    prompts = [[r["prompt"] for r in run.samples.records] for run in (one, other)]
    if prompts[0] != prompts[1]:
        odd = next(k for k, (a, b) in enumerate(zip(*prompts, strict=True)) if a != b)
        raise InputError(f"the prompts of {one.path}", f"others from {odd} on", "evaluate both")


def table(runs: Sequence[Run]) -> list[dict[str, Any]]:
    """A row for each metric that all runs have: values, and differences from the first.

    `significant` is true where chance makes such a difference in fewer than 5 % of comparisons
    without any, over all the metrics of a run together (Holm 1979).
    """
    base, rows = runs[0], []
    for section, metrics in base.metrics.items():
        for name in metrics:
            if all(name in r.metrics.get(section, {}) for r in runs):
                rows.append(_row(runs, section, name))
    for k in range(len(runs) - 1):
        found = [row["differences"][k] for row in rows]
        for one, mark in zip(found, holm([d["p"] for d in found]), strict=True):
            one["significant"] = mark
    return rows


def _row(runs: Sequence[Run], section: str, name: str) -> dict[str, Any]:
    base = runs[0].metrics[section][name]
    differences = []
    for other in runs[1:]:
        found = difference(other.metrics[section][name], base)
        bounded = {k: v for k, v in asdict(found).items() if not math.isinf(v)}
        differences.append(
            {"low": None, "high": None, **bounded, "better": better(name, found.value)}
        )
    return {
        "section": section,
        "name": name,
        "values": [r.report["metrics"][section][name]["value"] for r in runs],
        "differences": differences,
    }


def better(name: str, change: float) -> bool | None:
    """Whether a change of a metric is for the better; None where it is not of that kind."""
    way = describe(name).better
    return None if way not in (HIGHER, LOWER) or not change else (change > 0) == (way == HIGHER)


def holm(p: Sequence[float]) -> list[bool]:
    """Which of several tests are significant together, by Holm's step-down procedure."""
    order = np.argsort(p, kind="stable")
    passed = [p[k] <= LEVEL / (len(p) - rank) for rank, k in enumerate(order.tolist())]
    count = passed.index(False) if False in passed else len(passed)
    chosen = set(order[:count].tolist())
    return [k in chosen for k in range(len(p))]
