"""Where the numbers of a run go: a line on standard error, log.jsonl, and TensorBoard."""

from __future__ import annotations

import importlib.util
import json
import os
import sys
from pathlib import Path
from typing import Any

from pandiff.collectives import world_size
from pandiff.training.progress import Pace


class Tracker:
    """Writes the scalars of a run.

    Args:
        out: the run's folder.
        start: the step that the run goes on from; what was written of later ones is dropped.
        enabled: False on all processes but one.
    """

    def __init__(self, out: Path, start: int, enabled: bool) -> None:
        self.out, self.enabled = out, enabled
        self._board: Any = None
        if enabled:
            _cut(out / "log.jsonl", start)
        if enabled and importlib.util.find_spec("tensorboard"):
            from torch.utils.tensorboard import SummaryWriter

            self._board = SummaryWriter(str(out / "tensorboard"), purge_step=start + 1)

    def log(self, step: int, values: dict[str, float], pace: Pace) -> None:
        """Write the scalars of one step."""
        if not self.enabled:
            return
        line = "  ".join(f"{k} {v:.4g}" for k, v in values.items())
        print(f"step {step}/{pace.steps}  {line}  {pace}", file=sys.stderr, flush=True)
        with (self.out / "log.jsonl").open("a") as file:
            file.write(json.dumps({"step": step, "processes": world_size(), **values}) + "\n")
        for name, value in values.items() if self._board is not None else ():
            self._board.add_scalar(name, value, step)

    def close(self) -> None:
        """Write what is still held back."""
        if self._board is not None:
            self._board.close()


def _cut(log: Path, last: int) -> None:
    """Drop the lines after a step, which will be taken again, and one that was cut off."""
    if not log.exists():
        return
    fresh = log.with_suffix(".new")
    lines = [x for x in log.read_text().splitlines(keepends=True) if x.endswith("\n")]
    fresh.write_text("".join(x for x in lines if json.loads(x)["step"] <= last))
    os.replace(fresh, log)
