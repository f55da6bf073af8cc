"""Progress of long work on standard error."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Iterator, Sized
from datetime import timedelta
from typing import TypeVar

T = TypeVar("T")


def track(items: Iterable[T], what: str) -> Iterator[T]:
    """Iterate with a bar and an estimate on a terminal, and silently elsewhere."""
    from rich.console import Console
    from rich.progress import track as bar

    total = len(items) if isinstance(items, Sized) else None
    console = Console(stderr=True)
    yield from bar(items, what, total=total, console=console, disable=not sys.stderr.isatty())


class Pace:
    """Rate and remaining time of a run of `steps`, measured over its last steps.

    Args:
        start, steps: the step that it starts at, and their number in all.
    """

    def __init__(self, start: int, steps: int) -> None:
        self.steps, self.last_step, self.last_time = steps, start, time.monotonic()
        self.seconds = 0.0

    def update(self, step: int) -> None:
        """Note that `step` steps are done."""
        now = time.monotonic()
        self.seconds = (now - self.last_time) / max(1, step - self.last_step)
        self.last_step, self.last_time = step, now

    def __str__(self) -> str:
        left = timedelta(seconds=round(self.seconds * (self.steps - self.last_step)))
        return f"{self.seconds:.2f} s/step, {left} left"
