"""Finished runs on disk: OUT/runs/ARM-SEED.json and, of each, the segmenter in OUT/models."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from torch import nn

from pandiff.coco import CocoLayout, write_json
from pandiff.coco.files import read_json
from pandiff.errors import InputError

RUNS, MODELS = "runs", "models"
SCORES = ("pq_all", "pq_things", "pq_stuff", "miou")


@dataclass(frozen=True)
class Run:
    """One segmenter, trained and scored.

    Attributes:
        arm, seed: what it learned from.
        setup: all that its numbers depend on beside them: settings, and the data by role.
        pairs: how many pairs it could learn from.
        scores: those of SCORES, 0..1; a semantic segmenter has mIoU alone.
        loss: at the end of the training.
        seconds: of training and scoring.
        seconds_per_step: of training.
        machine: where.
    """

    arm: str
    seed: int
    setup: dict[str, Any]
    pairs: int
    scores: dict[str, float]
    loss: float
    seconds: float
    seconds_per_step: float
    machine: str

    @property
    def name(self) -> str:
        return name(self.arm, self.seed)


def name(arm: str, seed: int) -> str:
    """Of a run's files."""
    return f"{arm}-{seed}"


def read_runs(out: Path, setup: Mapping[str, Any]) -> dict[tuple[str, int], Run]:
    """The finished runs of a folder by arm and seed.

    Raises:
        InputError: if one of them was made with other settings or other data.
    """
    found = {}
    for path in sorted((out / RUNS).glob("*.json")):
        run = _read(path)
        _check(run.setup, setup, out)
        found[run.arm, run.seed] = run
    return found


def _read(path: Path) -> Run:
    content = read_json(path)
    try:
        return Run(**content)
    except TypeError:
        raise InputError(f"a finished run in {path}", "something else", "delete it") from None


def _check(begun: Mapping[str, Any], wanted: Mapping[str, Any], out: Path) -> None:
    """What both name must agree: a call without generated pairs says nothing of them."""
    for key in begun.keys() & wanted.keys():
        if begun[key] != wanted[key]:
            expected = f"the {key} {begun[key]} with which {out} was begun"
            remedy = "repeat that or choose another --out"
            raise InputError(expected, str(wanted[key]), remedy)


def write_run(out: Path, run: Run) -> None:
    """Write a run, its file complete or not at all."""
    write_json(out / RUNS / f"{run.name}.json", asdict(run))


def save_model(out: Path, run: str, network: nn.Module, processor: Any) -> Path:
    """Write a segmenter as transformers, or the library, reads it; the folder appears whole."""
    folder = out / MODELS / run
    fresh = folder.with_name(f".{run}.new")
    shutil.rmtree(fresh, ignore_errors=True)
    network.save_pretrained(fresh)
    if processor is not None:
        processor.save_pretrained(fresh)
    shutil.rmtree(folder, ignore_errors=True)
    os.replace(fresh, folder)
    return folder


def fingerprint(path: Path) -> str:
    """Of a dataset's maps and categories, by the bytes of its panoptic .json."""
    content = CocoLayout.find(path).panoptic_json.read_bytes()
    return hashlib.sha256(content).hexdigest()[:16]
