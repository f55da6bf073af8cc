"""How fast a run goes, and how long it will take."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import timedelta


class Pace:
    """Rate and remaining time of a run, measured from the first report on.

    Args:
        every: seconds between two reports that are due.
        clock: seconds that only grow.
    """

    def __init__(self, every: float = 60.0, clock: Callable[[], float] = time.monotonic) -> None:
        self._every, self._clock = every, clock
        self._start = self._last = clock()
        self._first: int | None = None

    def text(self, done: int, total: int, dropped: int) -> str:
        """The state in words: "120 of 1000, 2.31 samples/s, 0:06:20 left, 31 dropped"."""
        if self._first is None:
            self._first, self._start = done, self._clock()
        rate = (done - self._first) / max(1e-9, self._clock() - self._start)
        left = timedelta(seconds=round((total - done) / rate)) if rate > 0 else "?"
        return f"{done} of {total}, {rate:.2f} samples/s, {left} left, {dropped} dropped"

    def is_due(self) -> bool:
        """Whether it is time for another report."""
        due = self._clock() - self._last >= self._every
        self._last = self._clock() if due else self._last
        return due
