"""`pandiff synthesize`, end to end: results, one-line errors, kills, several processes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from pandiff.cli import main
from pandiff.coco import PanopticFolder

Capture = pytest.CaptureFixture[str]
ENVIRONMENT = {**os.environ, "OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"}
QUICK = ("--steps", 1)


@pytest.fixture
def run(tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., int]:
    """Runs the command in an empty folder with a small model."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    (tmp_path / "model").symlink_to(tiny_model)
    (tmp_path / "prompts.txt").write_text("a red box\ntwo boxes on the ground\n")

    def call(*arguments: object) -> int:
        return main(["synthesize", "--model", "model", *map(str, arguments)])

    return call


def error_of(capsys: Capture) -> str:
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("pandiff: error: expected ")
    return line


def content(folder: Path) -> dict[str, bytes]:
    files = (p for p in folder.rglob("*") if p.is_file())
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in files}


def test_a_dataset(run: Callable[..., int], capsys: Capture) -> None:
    options = ("--count", 5, "--prompts", "prompts.txt", "--seed", 3, "--batch", 2, *QUICK)
    for _ in range(2):
        assert run(*options, "--out", "set") == 0
        assert capsys.readouterr() == (
            "set: 5 samples of 5 candidates\nreport: set/report.html\n", ""
        )  # fmt: skip
    assert main(["validate", "set"]) == 0
    folder = PanopticFolder.open("set")
    assert folder.captions(3) == ["two boxes on the ground"]
    settings = json.loads(Path("set/synthesis.json").read_text())["settings"]
    assert (settings["seed"], settings["num_inference_steps"]) == (3, 1)


def test_every_option(run: Callable[..., int], capsys: Capture, tmp_path: Path) -> None:
    """Composed prompts, all filters; the smallest thresholds let nearly everything pass."""
    (tmp_path / "wish.json").write_text('{"box": 2, "sky": 1}')
    assert run(
        "--count", 3, "--out", "set", *QUICK, "--balance", "wish.json", "--guidance", "3,2",
        "--min-confidence", 0.01, "--min-adherence", 0.01, "--no-near-duplicates", 0.01,
        "--void-below", 0.1, "--min-area", 20, "--tries", 4, "--when-exhausted", "best",
        "--image-format", "jpg", "--license", "cc0-1.0", "--timeout", 60, "--map-guidance", 1.5,
        "--redraw",
    ) == 0  # fmt: skip
    assert capsys.readouterr().out.startswith("set: 3 samples of ")
    assert len(list(Path("set/images").glob("*.jpg"))) == 3
    settings = json.loads(Path("set/synthesis.json").read_text())["settings"]
    assert (settings["min_area"], settings["guidance_scale"]) == (20.0, [3.0, 2.0])
    assert settings["map_guidance_scale"] == 1.5 and settings["redraw"] is True
    assert (settings["near_duplicates"], settings["license"]) == (0.01, "cc0-1.0")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--out", "set"], "expected --count, got none"),
        (["--count", "2"], "expected --out, got none"),
        (["--count", "0", "--out", "set"], "a positive number for --count"),
        (["--count", "2", "--out", "set", "--prompts", "no.txt"], "prompts in UTF-8, no.txt"),
        (["--count", "2", "--out", "set", "--balance", "no"], "a readable file no"),
        (["--count", "2", "--out", "set", "--min-confidence", "1.5"], "a share for --min-conf"),
        (["--count", "2", "--out", "set", "--min-agreement", "0.5"], "--segmenter with --min-ag"),
        (["--count", "2", "--out", "set", "--segmenter", "scenes-segmenter"], "a segmenter for"),
        (["--count", "2", "--out", "set", "--no-near-duplicates", "0.9"], "in 0..0.5, got 0.9"),
        (["--count", "2", "--out", "set", "--min-area", "-1"], "a least area of 0 or more"),
        (
            ["--count", "2", "--out", "set", "--when-exhausted", "cry"],
            "one of 'another', 'drop', 'best'",
        ),
        (["--count", "2", "--out", "prompts.txt"], "a folder, got the file prompts.txt"),
        (["--count", "2", "--out", "."], "a new or empty folder"),
    ],
)
def test_wrong_input(
    arguments: list[str], message: str, run: Callable[..., int], capsys: Capture
) -> None:
    assert run(*arguments, *QUICK) == 2
    assert message in error_of(capsys)
    assert not Path("set").exists()


@pytest.fixture(scope="module")
def command(tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """A command with near duplicates and rejections, but for its --out."""
    prompts = tmp_path_factory.mktemp("prompts") / "prompts.txt"
    prompts.write_text("a red box\ntwo boxes on the ground\na box below the sky\n")
    return [
        "-m", "pandiff", "synthesize", "--model", str(tiny_model), "--prompts", str(prompts),
        "--count", "60", "--steps", "2", "--min-confidence", "0.515",
        "--no-near-duplicates", "0.2", "--out",
    ]  # fmt: skip


@pytest.fixture(scope="module")
def whole(command: list[str], tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """What it writes if nothing happens."""
    out = tmp_path_factory.mktemp("whole") / "set"
    subprocess.run([sys.executable, *command, str(out)], check=True, env=ENVIRONMENT, timeout=300)
    return content(out)


def lines(out: Path) -> int:
    return sum(p.read_bytes().count(b"\n") for p in out.glob(".synthesis/part-*.jsonl"))


@pytest.mark.slow
def test_a_killed_run_goes_on(command: list[str], whole: dict[str, bytes], tmp_path: Path) -> None:
    out = tmp_path / "set"
    command = [sys.executable, *command, str(out)]
    for done in (10, 40):
        with subprocess.Popen(command, env=ENVIRONMENT) as killed:
            while lines(out) < done:
                assert killed.poll() is None
                time.sleep(0.005)
            killed.send_signal(signal.SIGKILL)
        assert not (out / "panoptic.json").exists(), "it was quicker than the kill"
    subprocess.run(command, check=True, env=ENVIRONMENT, timeout=300)
    assert content(out) == whole


@pytest.mark.slow
def test_two_processes_write_the_same(
    command: list[str], whole: dict[str, bytes], tmp_path: Path
) -> None:
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--nproc_per_node", "2"]
    command = [*torchrun, *command, str(tmp_path / "set")]
    done = subprocess.run(command, env=ENVIRONMENT, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("60 samples of ") == 1, "the first process alone speaks"
    assert content(tmp_path / "set") == whole
