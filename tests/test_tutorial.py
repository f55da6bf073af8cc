"""docs/tutorial.md: its commands run as they are printed, at a small size, in one empty folder."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
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
def test_examples_run(run_page: Callable[..., dict[str, Any]]) -> None:
    """At the end a segmenter, its scores, and a picture of image, truth and prediction."""
    names = run_page("tutorial.md", small)
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
