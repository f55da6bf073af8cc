"""docs/tutorial.md: its commands run as they are printed, at a small size, in one empty folder."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

BLOCK = re.compile(r"^```(python|bash)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
SIZE = re.compile(r"--(count|steps) \d+")


def blocks(root: Path) -> list[tuple[str, str]]:
    """Language and code of the examples, in order."""
    return BLOCK.findall((root / "docs/tutorial.md").read_text(encoding="utf-8"))


def small(command: str) -> str:
    """The same command with two samples and two steps."""
    return SIZE.sub(r"--\1 2", command)


def run_bash(code: str, folder: Path) -> str:
    """Run a shell example with this environment's `pandiff` first on the path."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", code],
        cwd=folder,
        env={**os.environ, "PATH": path},
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert done.returncode == 0, f"{code}\n{done.stderr}"
    return done.stdout


def test_it_has_five_commands(root: Path) -> None:
    commands = [code.split()[:2] for language, code in blocks(root) if language == "bash"]
    assert [program for program, _ in commands] == ["pandiff"] * 5
    assert commands[0][1] == "synthesize"
    assert commands[-1][1] == "downstream"


def test_small_changes_the_sizes_alone() -> None:
    assert small("x --count 128 --seed 7 --steps 10 --out a") == (
        "x --count 2 --seed 7 --steps 2 --out a"
    )


@pytest.mark.slow
def test_examples_run(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """At the end a segmenter, its scores, and a picture of image, truth and prediction."""
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {"__name__": "__docs__"}
    for language, code in blocks(root):
        if language == "bash":
            run_bash(small(code), tmp_path)
        else:
            exec(compile(code, "tutorial.md", "exec"), names)
    report = json.loads(Path("study/downstream.json").read_text(encoding="utf-8"))
    assert report["arms"]["generated"]["pairs"] == 2
    assert report["setup"]["test_pairs"] == 2
    width, height = Image.open("study/predictions.png").size
    assert width // 192 == 3
    assert height // 192 == 2
    assert names["found"].size == (64, 64)
    assert Image.open("found.png").size == (256, 256)


def test_links_lead_somewhere(root: Path) -> None:
    text = (root / "docs/tutorial.md").read_text(encoding="utf-8")
    targets = re.findall(r"\]\((?!https?://)([^)\s#]+)[^)]*\)", text)
    assert "images/tutorial.png" in targets
    assert not [t for t in targets if not (root / "docs" / t).exists()]
