"""Rate and remaining time."""

from __future__ import annotations

from pandiff.synthesis.synthesize.pace import Pace


class Clock:
    """A clock that is set by hand."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_resumed_run_starts_anew() -> None:
    clock = Clock()
    pace = Pace(every=60, clock=clock)
    clock.now = 100
    assert pace.text(40, 100, 0) == "40 of 100, 0.00 samples/s, ? left, 0 dropped"
    clock.now = 110
    assert pace.text(60, 100, 3) == "60 of 100, 2.00 samples/s, 0:00:20 left, 3 dropped"


def test_a_report_a_minute() -> None:
    clock, due = Clock(), []
    pace = Pace(every=60, clock=clock)
    for clock.now in range(20, 200, 20):
        due.append(pace.is_due())
    assert due == [False, False, True] * 3
