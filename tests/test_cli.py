"""The command line, end to end: results, one-line errors, exit codes."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pandiff import __version__, cli
from pandiff.cli import COMMANDS, main
from pandiff.coco import FolderWriter
from pandiff.panoptic import PanopticMap
from pandiff.taxonomy import Category, Taxonomy

Capture = pytest.CaptureFixture[str]
TAXONOMY = Taxonomy((Category(1, "sheep", True), Category(2, "sky", False)))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    panoptic = PanopticMap.from_ids(np.array([[1, 1], [2, 3]]), {1: 2, 2: 1, 3: 1}, TAXONOMY)
    with FolderWriter(tmp_path / "data", TAXONOMY) as writer:
        writer.add(Image.new("RGB", (2, 2)), panoptic, ["two sheep"])
    return tmp_path / "data"


def error_of(capsys: Capture, *arguments: object) -> str:
    """The error line of a command that must fail with code 2."""
    assert main([str(a) for a in arguments]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("pandiff: error: expected ")
    assert ", got " in line and "; " in line
    return line


def test_validate_a_correct_dataset(folder: Path, capsys: Capture) -> None:
    assert main(["validate", str(folder)]) == 0
    out, err = capsys.readouterr()
    assert out == f"{folder} is a correct COCO panoptic dataset: 1 images\n"
    assert err == ""


def test_validate_lists_every_problem(folder: Path, capsys: Capture) -> None:
    (folder / "images/000000000001.png").unlink()
    (folder / "panoptic/x.png").touch()
    assert main(["validate", str(folder)]) == 2
    out, err = capsys.readouterr()
    assert len(out.splitlines()) == 2
    assert err == (
        "pandiff: error: expected a correct COCO panoptic dataset, got 2 problems in "
        f"{folder}; mend what is listed\n"
    )


def test_validate_a_split(shared: Path, tmp_path: Path, capsys: Capture) -> None:
    sample = shared / "coco_sample"
    (tmp_path / "annotations").mkdir()
    (tmp_path / "val2017").symlink_to(sample / "images")
    for name in ("train2017", "val2017"):
        (tmp_path / f"annotations/panoptic_{name}.json").symlink_to(sample / "panoptic.json")
        (tmp_path / f"annotations/panoptic_{name}").symlink_to(sample / "panoptic")
    assert main(["validate", str(tmp_path), "--split", "val2017"]) == 0
    assert "(train2017, val2017), got no split" in error_of(capsys, "validate", tmp_path)


def test_score_prints_the_metrics(folder: Path, capsys: Capture) -> None:
    assert main(["score", "--reference", str(folder), "--predicted", str(folder)]) == 0
    metrics = json.loads(capsys.readouterr().out)
    assert metrics["pq"]["all"] == {"pq": 1, "sq": 1, "rq": 1, "n": 2}


def test_score_writes_the_metrics(shared: Path, tmp_path: Path, capsys: Capture) -> None:
    sample, out = shared / "coco_sample", tmp_path / "new/metrics.json"
    files = [
        "--reference",
        sample / "panoptic.json",
        "--predicted",
        sample / "panoptic_predicted.json",
    ]
    assert main(["score", *map(str, files), "--out", str(out)]) == 0
    metrics = json.loads(out.read_text())
    assert metrics["pq"]["all"]["pq"] == pytest.approx(0.30193520680476066, abs=1e-9)
    assert capsys.readouterr().out.startswith("PQ all 0.3019, ")


def test_score_that_fails_writes_nothing(folder: Path, tmp_path: Path, capsys: Capture) -> None:
    out = tmp_path / "metrics.json"
    line = error_of(
        capsys, "score", "--reference", folder, "--predicted", tmp_path / "no", "--out", out
    )
    assert "no such folder or .json file" in line
    assert not out.exists()


def test_scenes_are_a_correct_dataset(tmp_path: Path, capsys: Capture) -> None:
    out = str(tmp_path / "scenes")
    assert main(["scenes", "--count", "2", "--seed", "3", "--size", "64", "--out", out]) == 0
    assert capsys.readouterr() == (f"2 scenes of 64 px in {out}\n", "")
    assert main(["validate", out]) == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "expected {" + ",".join(COMMANDS) + "}, got none; see pandiff --help"),
        (["sing"], "got 'sing'; see pandiff --help"),
        (["score"], "expected --reference, --predicted, got none; see pandiff score --help"),
        (["validate", "a", "b"], "expected known arguments only, got b"),
        (["validate", "a", "--spl", "b"], "got --spl b"),
        (["scenes", "--count"], "expected one argument for --count, got none"),
        (["scenes", "--count", "x"], "expected a positive number for --count, got 'x'"),
        (["scenes", "--count", "0"], "expected a positive number for --count, got '0'"),
        (["scenes", "--seed", "-1"], "expected a whole number for --seed, got '-1'"),
        (["validate", "/no/such/folder"], "got no such folder or .json file: /no/such/folder"),
    ],
)
def test_wrong_arguments(arguments: list[str], message: str, capsys: Capture) -> None:
    assert message in error_of(capsys, *arguments)


def test_unknown_commands_list_the_known(capsys: Capture) -> None:
    line = error_of(capsys, "sing")
    assert all(name in line for name in COMMANDS)


def test_a_path_that_cannot_be_written(folder: Path, capsys: Capture) -> None:
    out = folder / "panoptic.json" / "metrics.json"
    files = ("--reference", folder, "--predicted", folder)
    assert f"{folder}/panoptic.json" in error_of(capsys, "score", *files, "--out", out)


@pytest.mark.parametrize("arguments", [["--help"], ["score", "--help"], ["--version"]])
def test_help_and_version(arguments: list[str], capsys: Capture) -> None:
    assert main(arguments) == 0
    out, err = capsys.readouterr()
    assert err == ""
    assert out.strip() == f"pandiff {__version__}" or "usage: pandiff" in out


def raising(error: BaseException) -> cli.Command:
    def run(args: argparse.Namespace) -> None:
        raise error

    return cli.Command("fails", lambda parser: None, run)


def test_interruption(monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> None:
    monkeypatch.setitem(COMMANDS, "wait", raising(KeyboardInterrupt()))
    assert main(["wait"]) == 130
    assert capsys.readouterr().err == "pandiff: interrupted\n"


def test_our_own_faults_are_not_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    for error in (ValueError("bug"), OSError("disk")):
        monkeypatch.setitem(COMMANDS, "wait", raising(error))
        with pytest.raises(type(error)):
            main(["wait"])


def test_as_a_module(folder: Path) -> None:
    command = [sys.executable, "-X", "importtime", "-m", "pandiff", "validate", str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0
    assert done.stdout.endswith("1 images\n")
    imported = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}
    assert "pandiff.evaluation.validate" in imported
    assert not imported & {"torch", "diffusers", "transformers"}
