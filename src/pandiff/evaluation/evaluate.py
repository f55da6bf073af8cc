"""An evaluation: sample, measure, report. Each step goes on from what is on disk."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pandiff.coco import Progress, write_json
from pandiff.coco.files import read_json
from pandiff.collectives import is_main, world_size
from pandiff.data.encoded import fingerprint
from pandiff.errors import InputError
from pandiff.evaluation.bootstrap import Estimate
from pandiff.evaluation.categories import per_category
from pandiff.evaluation.intervals import Metric
from pandiff.evaluation.machine import machine, versions
from pandiff.evaluation.measuring import Judges, Measuring
from pandiff.evaluation.per_sample import scores_of
from pandiff.evaluation.questions import SCENES, Questions
from pandiff.evaluation.report import write_page
from pandiff.evaluation.rows import Rows
from pandiff.evaluation.sample_sets import (
    DIRECTIONS,
    OTHERS,
    REFERENCE,
    TEXT,
    Make,
    Model,
    SampleSet,
    fill,
    real,
)
from pandiff.evaluation.sections import sections
from pandiff.evaluation.signatures import signatures
from pandiff.evaluation.verdicts import verdicts
from pandiff.pipeline import PanopticDiffusionPipeline
from pandiff.taxonomy import Taxonomy

SAMPLES, SETTINGS, ROWS, METRICS = "samples", "settings.json", "rows.npz", "metrics.json"
PAGE = "report.html"
LEAST = 4
"""Fewest samples that can be told apart from one another."""
LATER = {"map_guidance_scale": 1.0, "tries": 1, "redraw": False}
"""What settings.json lacks where it was written before there were these settings."""


@dataclass(frozen=True)
class Settings:
    """How samples are made; samples of other settings are never mixed in.

    Attributes:
        model: built-in name, folder or hub id.
        data: a dataset folder, or "scenes" for unseen rendered ones.
        count: number of prompts.
        seed: chooses the prompts of a folder; sample k is made from (seed, k).
        steps, guidance_scale, map_guidance_scale: of the pipeline.
        tries: most tries of a sample from text.
        redraw: whether its image is made once more, from its whole map. Of samples from text,
            map guidance then acts on that image alone.
        directions: of text, map_to_image and image_to_map; text is always there.
    """

    model: str
    data: str = SCENES
    count: int = 256
    seed: int = 0
    steps: int = 20
    guidance_scale: float = 2.0
    directions: tuple[str, ...] = DIRECTIONS
    map_guidance_scale: float = 2.0
    tries: int = 1
    redraw: bool = False

    def __post_init__(self) -> None:
        if self.count < LEAST:
            raise InputError(f"a --count of {LEAST} or more", str(self.count), "ask for more")
        odd = sorted(set(self.directions) - set(DIRECTIONS))
        if odd:
            raise InputError(f"directions of {', '.join(DIRECTIONS)}", odd[0], "choose from them")

    def seed_of(self, number: int) -> int:
        """The seed of sample `number`."""
        return (self.seed * 1_000_003 + number) % 2**63


def evaluate(
    pipe: PanopticDiffusionPipeline,
    questions: Questions,
    judges: Judges,
    out: Path,
    settings: Settings,
    *,
    batch: int = 8,
    command: str = "",
    progress: Callable[[str], Progress] = lambda what: iter,
) -> dict[str, Any]:
    """Sample, measure, and write `out/metrics.json` and `out/report.html`.

    Under torchrun each process samples and measures its part; the numbers are the same.

    Args:
        pipe: the model.
        questions: what it is asked, in its own taxonomy.
        judges: the networks that judge.
        out: a new folder, or that of the same evaluation before: what was sampled is kept.
        settings: how samples are made.
        batch: samples at a time; changes speed and memory only.
        command: that started this, for the record.
        progress: gives a bar for each kind of work.

    Returns:
        What metrics.json holds.

    Raises:
        InputError: if the taxonomies differ, or `out` holds anything else.
    """
    start = time.monotonic()
    check_taxonomies(pipe.taxonomy, questions.taxonomy)
    if is_main():
        claim(out, asdict(settings) | {"weights": fingerprint(pipe.transformer)[:16]})
    sets = draw(pipe, questions, out, settings, batch, progress)
    rows = Measuring(sets, judges).run(progress("measure"))
    setup = setup_of(settings, judges, command, round(time.monotonic() - start))
    metrics = report(rows, questions.taxonomy, setup)
    if is_main():
        rows.save(out / ROWS)
        write_json(out / METRICS, metrics)
        write_page(out / PAGE, metrics, rows, sets, questions.taxonomy)
    return metrics


def check_taxonomies(model: Taxonomy, data: Taxonomy) -> None:
    """InputError unless the model and the data have the same categories."""
    if model != data:
        theirs, ours = (", ".join(c.name for c in t.categories[:6]) for t in (data, model))
        raise InputError(f"data of the model's categories ({ours}, ...)", theirs, "choose others")


def claim(out: Path, settings: dict[str, Any]) -> None:
    """Make a folder this evaluation's; InputError if it holds anything else."""
    path, wanted = out / SETTINGS, dict(settings, directions=list(settings["directions"]))
    if not path.is_file():
        if out.exists() and (not out.is_dir() or any(out.iterdir())):
            raise InputError("a new folder or an evaluation", f"another: {out}", "choose another")
        write_json(path, wanted)
    begun = LATER | read_json(path)
    odd = [k for k in wanted if begun.get(k) != wanted[k]]
    if odd:
        expected = f"the {odd[0]} {begun.get(odd[0])!r} with which {out} was begun"
        raise InputError(expected, repr(wanted[odd[0]]), "repeat that or choose another --out")


def draw(
    pipe: PanopticDiffusionPipeline,
    questions: Questions,
    out: Path,
    settings: Settings,
    batch: int,
    progress: Callable[[str], Progress],
) -> dict[str, SampleSet]:
    """All sets of samples, made or read."""
    options = {
        "num_inference_steps": settings.steps,
        "guidance_scale": settings.guidance_scale,
        "map_guidance_scale": settings.map_guidance_scale,
        "tries": settings.tries,
    }
    model = Model(pipe, questions, options, settings.seed_of, settings.redraw)
    makers: dict[str, Make] = {REFERENCE: real(questions)}
    if questions.most is None or questions.most >= 2 * settings.count:
        makers[OTHERS] = real(questions, offset=settings.count)
    for name in DIRECTIONS:
        if name == TEXT or name in settings.directions:
            makers[name] = getattr(model, name)
    return {
        name: fill(
            out / SAMPLES / name,
            questions.taxonomy,
            settings.count,
            batch,
            make,
            progress(name.replace("_", " ")),
        )
        for name, make in makers.items()
    }


def setup_of(settings: Settings, judges: Judges, command: str, seconds: int) -> dict[str, Any]:
    """All that the numbers depend on, and the machine."""
    return {
        "command": command,
        **asdict(settings),
        "directions": list(settings.directions),
        "seeds": [settings.seed_of(0), settings.seed_of(settings.count - 1)],
        "segmenter": judges.segmenter.name if judges.segmenter else None,
        "features": [f.name for f in judges.features],
        "clip": judges.clip.name if judges.clip else None,
        "date": datetime.now(UTC).strftime("%Y-%m-%d"),
        "machine": machine(),
        "processes": world_size(),
        "versions": versions(),
        "seconds": seconds,
    }


def report(rows: Rows, taxonomy: Taxonomy, setup: dict[str, Any]) -> dict[str, Any]:
    """What metrics.json holds, of measurements."""
    found = sections(rows, taxonomy)
    content: dict[str, Any] = {
        "setup": setup,
        "metrics": estimates(found),
        "signatures": {s.name: s.to_json() for s in signatures(scores_of(rows), setup["count"])},
        "per_category": estimates(per_category(rows, taxonomy)),
    }
    return content | {"verdicts": [asdict(v) for v in verdicts(content)]}


def estimates(groups: Mapping[str, Mapping[str, Metric]]) -> dict[str, dict[str, Any]]:
    """Groups of metrics as JSON has them."""
    return {
        group: {name: plain(metric.estimate()) for name, metric in metrics.items()}
        for group, metrics in groups.items()
    }


def plain(estimate: Estimate) -> dict[str, float | int | None]:
    """An estimate as JSON has it: null where an interval has no bound."""
    values = asdict(estimate)
    return {k: None if isinstance(v, float) and math.isinf(v) else v for k, v in values.items()}
