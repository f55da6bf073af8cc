"""The study, end to end at a tiny size, by the command: results, resume, one-line errors."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from pandiff.cli import main
from pandiff.evaluation.downstream import study
from pandiff.evaluation.segmenters import find_segmenter
from pandiff.taxonomy import Category

Make = Callable[..., Path]
Capture = pytest.CaptureFixture[str]


@pytest.fixture
def command(make: Make, tmp_path: Path) -> list[str]:
    """A study of a few steps, on three folders."""
    folders = [f"--{n}={make(n, 6, k)}" for k, n in enumerate(("real", "generated", "test"))]
    tiny = {"segmenter": "segformer", "steps": 2, "batch": 4, "size": 32, "labelled": 3}
    sizes = [f"--{name}={value}" for name, value in tiny.items()]
    return ["downstream", *folders, f"--out={tmp_path / 'out'}", *sizes]


def error_of(capsys: Capture, arguments: list[str]) -> str:
    """The error line of a command that must fail with code 2."""
    assert main(arguments) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("pandiff: error: expected ")
    return line


def test_all_arms(command: list[str], tmp_path: Path, capsys: Capture) -> None:
    assert main([*command, "--seeds", "0,1"]) == 0
    out = tmp_path / "out"
    report = json.loads((out / "downstream.json").read_text())
    assert list(report["arms"]) == ["real", "generated", "both", "labelled", "rival"]
    pairs = {arm: entry["pairs"] for arm, entry in report["arms"].items()}
    assert pairs == {"real": 6, "generated": 6, "both": 12, "labelled": 3, "rival": 6}
    for entry in report["arms"].values():
        assert entry["seeds"] == [0, 1]
        assert entry["scores"].keys() == {"miou"}
        assert 0 <= entry["scores"]["miou"]["mean"] <= 1
    assert report["setup"]["steps"] == 2
    assert report["setup"]["test_pairs"] == 6
    assert len(report["runs"]) == 10
    columns = Image.open(out / "predictions.png").width // 192
    assert columns == 7
    page = (out / "report.html").read_text()
    assert page.count("data:image/png") == 1
    assert all(f"<th>{arm}<br>" in page for arm in report["arms"])
    printed = capsys.readouterr().out
    assert report["verdict"] in printed
    assert f"numbers: {out / 'downstream.json'}\n" in printed


@pytest.mark.parametrize("name", ["maskformer", "built-in"])
def test_a_panoptic_segmenter(name: str, command: list[str], tmp_path: Path) -> None:
    assert main([*command, "--segmenter", name, "--arms", "real", "--seeds", "3"]) == 0
    report = json.loads((tmp_path / "out/downstream.json").read_text())
    assert report["arms"]["real"]["scores"].keys() == {"pq_all", "pq_things", "pq_stuff", "miou"}
    taxonomy = study.FolderExamples(tmp_path / "test", 32).taxonomy
    segmenter = find_segmenter(tmp_path / "out/models/real-3", taxonomy)
    (panoptic,) = segmenter([Image.new("RGB", (32, 32))])
    assert panoptic.taxonomy == taxonomy


def test_it_goes_on(
    command: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    """Interrupted in its third training; the rest is done later, and nothing twice."""
    trained: list[int] = []
    fit = study.fit

    def interrupted(*args: object, **named: object) -> object:
        if len(trained) == 2:
            raise KeyboardInterrupt
        return counted(*args, **named)

    def counted(*args: object, **named: object) -> object:
        trained.append(1)
        return fit(*args, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(study, "fit", interrupted)
    assert main([*command, "--arms", "real,rival", "--seeds", "0"]) == 130
    monkeypatch.setattr(study, "fit", counted)
    assert main([*command, "--arms", "real,rival", "--seeds", "0"]) == 0
    assert len(trained) == 3
    first = json.loads((tmp_path / "out/downstream.json").read_text())
    assert main([*command, "--arms", "generated", "--seeds", "0"]) == 0
    assert len(trained) == 4
    both = json.loads((tmp_path / "out/downstream.json").read_text())
    assert list(both["arms"]) == ["real", "generated", "labelled", "rival"]
    assert both["arms"]["rival"] == first["arms"]["rival"]
    capsys.readouterr()
    line = error_of(capsys, [*command, "--steps", "3"])
    assert "expected the steps 2 with which" in line
    assert len(trained) == 4


def test_other_data_is_another_study(
    command: list[str], make: Make, tmp_path: Path, capsys: Capture
) -> None:
    assert main([*command, "--arms", "real", "--seeds", "0"]) == 0
    other = make("other", 6, 9)
    capsys.readouterr()
    line = error_of(capsys, [*command, "--real", str(other), "--arms", "real", "--seeds", "0"])
    assert "the real_data" in line


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["--arms", "real,fake"], "arms of real, generated, both, labelled, rival, got 'fake'"),
        (["--segmenter", "yolo"], "a segmenter of mask2former, maskformer, segformer, built-in"),
        (["--size", "50"], "a --size that 32 divides, got 50"),
        (["--batch", "1"], "a --batch of 2 or more"),
        (["--seeds", "a"], "a seeds for --seeds, got 'a'"),
        (["--lr", "-1"], "a learning rate of 0 or more, got -1"),
        (["--test", "nowhere"], "nowhere"),
    ],
)
def test_wrong_arguments(
    command: list[str], arguments: list[str], expected: str, tmp_path: Path, capsys: Capture
) -> None:
    line = error_of(capsys, [*command, *arguments])
    assert expected in line
    assert not (tmp_path / "out").exists()


def test_a_missing_folder_is_named(command: list[str], tmp_path: Path, capsys: Capture) -> None:
    without = [a for a in command if not a.startswith("--generated")]
    line = error_of(capsys, without)
    assert "expected --generated DIR for the arm generated, got none; add it" in line
    assert not (tmp_path / "out").exists()


def test_other_categories_are_named(
    command: list[str], make: Make, tmp_path: Path, capsys: Capture
) -> None:
    odd = make("odd", categories=(Category(7, "grass", False), Category(3, "ball", True),
                                  Category(4, "moon", True)))  # fmt: skip
    line = error_of(capsys, [*command, "--real", str(odd)])
    assert "got moon (4) in one only; use one list for all" in line
    assert not (tmp_path / "out").exists()
