"""Where the numbers of a run go: a line on standard error, log.jsonl, and TensorBoard."""

from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path
from typing import Any

from pandiff.training.progress import Pace


class Tracker:
    """Writes the scalars of a run.

    Args:
        out: the run's folder.
        enabled: False on all processes but one.
    """

    def __init__(self, out: Path, enabled: bool) -> None:
        self.out, self.enabled = out, enabled
        self._board: Any = None
        if enabled and importlib.util.find_spec("tensorboard"):
            from torch.utils.tensorboard import SummaryWriter

            self._board = SummaryWriter(str(out / "tensorboard"))

    def log(self, step: int, values: dict[str, float], pace: Pace) -> None:
        """Write the scalars of one step."""
        if not self.enabled:
            return
        line = "  ".join(f"{k} {v:.4g}" for k, v in values.items())
        print(f"step {step}/{pace.steps}  {line}  {pace}", file=sys.stderr, flush=True)
        with (self.out / "log.jsonl").open("a") as file:
            file.write(json.dumps({"step": step, **values}) + "\n")
        for name, value in values.items() if self._board is not None else ():
            self._board.add_scalar(name, value, step)

    def close(self) -> None:
        """Write what is still held back."""
        if self._board is not None:
            self._board.close()
