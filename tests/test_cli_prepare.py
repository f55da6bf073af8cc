"""`pandiff prepare`, end to end: results, one-line errors, interruption, several processes."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from pandiff.cli import main
from pandiff.data.scenes import write_scenes

Capture = pytest.CaptureFixture[str]
SETTINGS = ("--preset", "scenes", "--size", "64", "--precision", "no")
ONE_THREAD = {**os.environ, "OMP_NUM_THREADS": "1"}


@pytest.fixture
def run(tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., int]:
    """Runs a command in an empty folder; `encoders` is a small model."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "encoders").symlink_to(tiny_model)

    def call(*arguments: object) -> int:
        return main([str(a) for a in arguments])

    return call


def error_of(capsys: Capture) -> str:
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("pandiff: error: expected ")
    return line


def content(folder: Path) -> dict[str, bytes]:
    return {p.name: p.read_bytes() for p in folder.iterdir()}


def test_prepare_and_verify(run: Callable[..., int], toy_data: Path, capsys: Capture) -> None:
    command = ("prepare", toy_data, *SETTINGS, "--encoders", "encoders")
    command = (*command, "--shard-size", 5, "--out", "s")
    for _ in range(2):
        assert run(*command) == 0
        assert capsys.readouterr() == ("s: 12 images, shards: 3 of 0.1 MB in all\n", "")
    assert sorted(p.name for p in Path("s").iterdir()) == [
        "shard-000000.tar", "shard-000001.tar", "shard-000002.tar", "shards.json",
    ]  # fmt: skip
    assert run("prepare", "--verify", "s") == 0
    printed = "s: as written; 12 images, shards: 3 of 0.1 MB in all\n"
    assert capsys.readouterr() == (printed, "")
    data = bytearray(Path("s/shard-000001.tar").read_bytes())
    data[2000] ^= 1
    Path("s/shard-000001.tar").write_bytes(data)
    assert run("prepare", "--verify", "s") == 2
    assert "the shard shard-000001.tar as it was written" in error_of(capsys)


def test_images_without_captions_are_counted(
    run: Callable[..., int], toy_data: Path, tmp_path: Path, capsys: Capture
) -> None:
    shutil.copytree(toy_data, tmp_path / "data")
    Path("data/captions.json").unlink()
    assert run("prepare", "data", *SETTINGS, "--encoders", "encoders", "--out", "s") == 0
    printed = "s: 12 images, shards: 1 of 0.1 MB in all, 12 without captions\n"
    assert capsys.readouterr() == (printed, "")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["data", *SETTINGS], "expected --out, got none"),
        (["--out", "s"], "expected DIR, got none"),
        (["--verify", "s", "--out", "t"], "--verify SHARDS alone"),
        (["--verify", "no"], "a folder of shards with shards.json, got no; run pandiff prepare"),
        (["no", *SETTINGS, "--out", "s"], "no such folder or .json file: no"),
        (["data", "--out", "s"], "a --preset or a task"),
        (["data", *SETTINGS, "--out", "s", "--shard-size", "0"], "a positive number for --shard"),
        (["data", *SETTINGS, "--out", "s", "--sise", "3"], "known settings"),
        (["data", "--preset", "scenes-vae", "--out", "s"], "the settings of a pdm"),
        (["data", *SETTINGS, "--out", "s", "--split", "x"], "a split of data"),
        (["data", *SETTINGS, "--out", "data"], "a new or empty folder, got captions.json in data"),
    ],
)
def test_wrong_input(
    arguments: list[str],
    message: str,
    run: Callable[..., int],
    toy_data: Path,
    tmp_path: Path,
    capsys: Capture,
) -> None:
    (tmp_path / "data").symlink_to(toy_data)
    assert run("prepare", *arguments) == 2
    assert message in error_of(capsys)
    assert not (tmp_path / "s").exists()


def test_other_settings_are_refused(
    run: Callable[..., int], toy_data: Path, capsys: Capture
) -> None:
    command = ("prepare", toy_data, *SETTINGS, "--encoders", "encoders", "--out", "s")
    assert run(*command) == 0
    before = content(Path("s"))
    capsys.readouterr()
    assert run(*command, "--size", 32) == 2
    assert "got another encoders.size: 32, there 64; repeat that command" in error_of(capsys)
    assert content(Path("s")) == before


@pytest.fixture(scope="module")
def command(tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """A command on sixty scenes in thirty shards, but for its --out."""
    data = tmp_path_factory.mktemp("scenes") / "data"
    write_scenes(data, 60, seed=1, size=64)
    settings = [*SETTINGS, "--encoders", str(tiny_model), "--shard-size", "2"]
    return ["-m", "pandiff", "prepare", str(data), *settings, "--out"]


@pytest.fixture(scope="module")
def whole(command: list[str], tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """What it writes if nothing happens."""
    out = tmp_path_factory.mktemp("whole") / "s"
    subprocess.run([sys.executable, *command, str(out)], check=True, env=ONE_THREAD, timeout=300)
    return content(out)


@pytest.mark.slow
def test_a_killed_run_goes_on(command: list[str], whole: dict[str, bytes], tmp_path: Path) -> None:
    out = tmp_path / "s"
    command = [sys.executable, *command, str(out)]
    with subprocess.Popen(command, env=ONE_THREAD) as killed:
        while not (out / "shard-000003.tar").exists():
            assert killed.poll() is None
            time.sleep(0.005)
        killed.send_signal(signal.SIGKILL)
    assert not (out / "shards.json").exists(), "it was quicker than the kill"
    subprocess.run(command, check=True, env=ONE_THREAD, timeout=300)
    assert content(out) == whole


@pytest.mark.slow
def test_two_processes_write_the_same(
    command: list[str], whole: dict[str, bytes], tmp_path: Path
) -> None:
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--nproc_per_node", "2"]
    command = [*torchrun, *command, str(tmp_path / "s")]
    done = subprocess.run(command, env=ONE_THREAD, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("60 images, shards: 30 of") == 1, "the first process alone speaks"
    assert content(tmp_path / "s") == whole
