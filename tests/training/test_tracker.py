"""The log of a run: a line a step, none twice after a resume."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pandiff.training.progress import Pace
from pandiff.training.tracker import Tracker


@pytest.fixture(autouse=True)
def no_board(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)


def log(out: Path, start: int, steps: range, enabled: bool = True) -> None:
    tracker = Tracker(out, start, enabled)
    for step in steps:
        tracker.log(step, {"loss": start + step / 10}, Pace(start, 9))
    tracker.close()


def lines(out: Path) -> list[tuple[int, float]]:
    read = [json.loads(line) for line in (out / "log.jsonl").read_text().splitlines()]
    return [(line["step"], line["loss"]) for line in read]


def test_a_resumed_run_writes_no_step_twice(tmp_path: Path) -> None:
    log(tmp_path, 0, range(1, 5))
    log(tmp_path, 2, range(3, 6))
    assert lines(tmp_path) == [(1, 0.1), (2, 0.2), (3, 2.3), (4, 2.4), (5, 2.5)]
    assert [p.name for p in tmp_path.iterdir()] == ["log.jsonl"]


def test_a_run_that_begins_anew_drops_all(tmp_path: Path) -> None:
    log(tmp_path, 0, range(1, 5))
    log(tmp_path, 0, range(1, 2))
    assert lines(tmp_path) == [(1, 0.1)]


def test_a_line_that_was_cut_off_is_dropped(tmp_path: Path) -> None:
    log(tmp_path, 0, range(1, 3))
    whole = (tmp_path / "log.jsonl").read_text()
    (tmp_path / "log.jsonl").write_text(whole[:-5])
    log(tmp_path, 2, range(3, 4))
    assert lines(tmp_path) == [(1, 0.1), (3, 2.3)]


def test_only_one_process_writes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    log(tmp_path, 0, range(1, 3))
    log(tmp_path, 0, range(1, 3), enabled=False)
    assert len(lines(tmp_path)) == 2
    assert capsys.readouterr().err.count("step 1/9") == 1


def test_the_number_of_processes_is_written(tmp_path: Path) -> None:
    log(tmp_path, 0, range(1, 2))
    assert json.loads((tmp_path / "log.jsonl").read_text())["processes"] == 1
