"""The demo: eight prompts of the built-in world."""

from __future__ import annotations

import json
import time
from pathlib import Path

from pandiff.coco import Progress, write_json
from pandiff.errors import InputError
from pandiff.pipeline import PanopticDiffusionPipeline
from pandiff.synthesis.folders import check_apart, new_folder
from pandiff.synthesis.generate import Settings, pairs, write

PROMPTS = (
    "two red cars on a road under a blue sky",
    "three white sheep in a field with mountains behind",
    "a white boat on the lake at sunset",
    "a house and two trees in the snow",
    "a person under a yellow umbrella and a brown dog on a beach",
    "three balloons over a meadow on a sunny day",
    "four trees in the snow under a starry sky",
    "two orange flowers and a blue ball on the grass",
)
SETTINGS = Settings(
    steps=20,
    seed=0,
    batch_size=8,
    tries=16,
    redraw=True,
)
MARK = "demo.json"
"""Says that a folder was made by the demo, which may then replace it."""


def demo(pipe: PanopticDiffusionPipeline, out: Path, progress: Progress = iter) -> float:
    """Write `out/dataset`, `out/grid.png` and `out/demo.json`, in the place of an earlier demo.

    Returns:
        How many seconds it took.

    Raises:
        InputError: if `out` holds anything but an earlier demo.
    """
    check_replaceable(out)
    start = time.monotonic()
    with new_folder(out) as fresh:
        write(fresh, pairs(pipe, PROMPTS, SETTINGS, progress=progress), pipe, SETTINGS)
        seconds = time.monotonic() - start
        write_json(fresh / MARK, {"made_by": "pandiff demo", "seconds": round(seconds, 1)})
    return seconds


def check_replaceable(out: Path) -> None:
    """InputError unless `out` is missing, empty, or an earlier demo and nothing else."""
    check_apart(out)
    if not out.exists() or (out.is_dir() and not any(out.iterdir())) or _is_demo(out):
        return
    raise InputError("a new folder or an earlier demo", f"another: {out}", "choose another --out")


def _is_demo(out: Path) -> bool:
    try:
        mark = json.loads((out / MARK).read_text())
        names = {path.name for path in out.iterdir()}
        return bool(mark["made_by"] == "pandiff demo") and names <= {MARK, "dataset", "grid.png"}
    except (OSError, ValueError, KeyError, TypeError):
        return False
