"""Whether a run may start, or go on, with some settings."""

from __future__ import annotations

import json
from pathlib import Path

from pandiff.coco import read_json
from pandiff.errors import InputError
from pandiff.training.config import TrainConfig


def check_batch(config: TrainConfig, processes: int) -> None:
    """InputError unless the batch can be cut for the processes and their micro-batches."""
    share = processes * config.accumulate
    if config.batch_size % share:
        raise InputError(
            f"a batch_size that {share} parts divide", str(config.batch_size), "change one"
        )


FREE = {"steps", "parallel", "workers", "log_every", "save_every", "preview_every"}
"""Settings that may change when a run is resumed."""


def check_same(config: TrainConfig, out: Path) -> None:
    """InputError if there is a run with other settings in `out`."""
    file = out / "config.json"
    if not file.exists():
        return
    mine = json.loads(json.dumps(config.to_dict()))
    theirs = {**TrainConfig(config.task).to_dict(), **read_json(file)}
    odd = [k for k in mine if k not in FREE and mine[k] != json.loads(json.dumps(theirs[k]))]
    if odd:
        raise InputError(
            f"the settings of the run in {out}",
            f"another {odd[0]}: {mine[odd[0]]!r}, there {theirs[odd[0]]!r}",
            "use another --out",
        )
