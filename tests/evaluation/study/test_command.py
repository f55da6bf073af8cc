"""`pandiff study` end to end: serve, answer, end, go on, report."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import urllib.request
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from pandiff.cli import main
from pandiff.evaluation.study.study import Study

Capture = pytest.CaptureFixture[str]


def serve(*arguments: str) -> tuple[subprocess.Popen[str], str]:
    """The command, and its address. It hears SIGINT even where the tests run in the background."""
    command = [sys.executable, "-m", "pandiff", "study", "--port", "0", *arguments]
    hear = partial(signal.signal, signal.SIGINT, signal.SIG_DFL)
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, preexec_fn=hear)
    assert process.stdout is not None
    line = process.stdout.readline()
    return process, re.findall(r"open (http://\S+/);", line)[0]


def post(address: str, values: dict[str, Any]) -> Any:
    data, headers = json.dumps(values).encode(), {"Content-Type": "application/json"}
    with urllib.request.urlopen(urllib.request.Request(address, data, headers), timeout=60) as f:
        return json.loads(f.read())


def test_end_to_end(sets: dict[str, Path], tmp_path: Path, capsys: Capture) -> None:
    out = tmp_path / "study"
    both = [str(sets["right"]), str(sets["worse"])]
    process, address = serve("--sets", *both, "--out", str(out), "--pairs", "2", "--scores", "2")
    joined = post(f"{address}join", {"name": "Ann"})
    answer = {**joined, "slot": 0, "answer": "left", "seconds": 1}
    before = post(f"{address}answer", answer)
    process.kill()  # a crash
    process.wait(60)
    process, address = serve("--out", str(out))
    state = post(f"{address}question", joined)
    assert state == before and state["done"] == 1
    while (asked := state["question"]) is not None:
        answer = {**joined, "slot": asked["slot"], "answer": asked["answers"][0], "seconds": 1}
        state = post(f"{address}answer", answer)
    process.send_signal(signal.SIGINT)
    said, _ = process.communicate(timeout=60)
    assert process.returncode == 0 and f"{state['total']} answers so far" in said
    assert main(["study", "--report", str(out)]) == 0
    assert "1 rater gave 4 answers." in capsys.readouterr().out
    assert json.loads((out / "report.json").read_text())["answers"] == 4
    assert (out / "report.html").read_text().startswith("<!doctype html>")
    assert not any(p.name.endswith(".tmp") for p in out.rglob("*"))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "expected --out STUDY or --report STUDY, got neither or both"),
        (["--out", "x", "--report", "x"], "got neither or both"),
        (["--out", "{new}"], "expected a study in {new}, got no study.json"),
        (["--report", "{new}"], "expected a study in {new}, got no study.json"),
        (["--out", "{study}", "--port", "99999"], "expected an address that is free"),
        (["--out", "{new}", "--sets", "{new}"], "expected a dataset folder with panoptic.json"),
        (["--out", "{study}", "--sets", "{new}"], "expected the sets ("),
        (["--out", "{new}", "--sets", "{right}", "--scores", "0"], "at least one question"),
    ],
)
def test_one_line_for_wrong_input(
    study: Study, sets: dict[str, Path], tmp_path: Path, capsys: Capture,
    arguments: list[str], message: str,
) -> None:  # fmt: skip
    new = str(tmp_path / "new")
    names = {"new": new, "study": str(study.path), "right": str(sets["right"])}
    assert main(["study", *(a.format(**names) for a in arguments)]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("pandiff: error: ") and message.format(**names) in line
    assert not os.path.exists(new)
