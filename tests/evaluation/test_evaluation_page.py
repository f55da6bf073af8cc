"""docs/evaluation.md: its Python runs, its options exist, its sections are those of the code."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from pandiff.cli import build_parser
from pandiff.evaluation.catalog import SECTIONS
from pandiff.evaluation.downstream.settings import ARMS


@pytest.fixture(scope="module")
def text(root: Path) -> str:
    return (root / "docs/evaluation.md").read_text(encoding="utf-8")


def test_python_runs(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    (code,) = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    exec(compile(code, "docs/evaluation.md", "exec"), {})
    assert "Manifold(precision=" in capsys.readouterr().out


def test_commands_parse(text: str) -> None:
    commands = re.findall(r"^pandiff ((?:evaluate|downstream|study) .*)$", text, re.MULTILINE)
    assert [c.split()[0] for c in commands].count("evaluate") == 2
    assert [c.split()[0] for c in commands].count("study") == 2
    for command in commands:
        build_parser().parse_args(command.split())


def test_options_exist(text: str) -> None:
    head, rest = text.split("## Does it help downstream?")
    downstream, people = rest.split("## Asking people")
    people = people.split("## In Python")[0]
    known = build_parser().parse_args(["evaluate", "--out", "x"])
    options = {o for o in re.findall(r"--([a-z][a-z-]*)", head) if o != "merged"}
    options = {o.replace("-", "_") for o in options}
    assert {"segmenter", "inception", "features", "clip", "compare"} <= options
    assert all(hasattr(known, option) for option in options)
    known = build_parser().parse_args(["downstream", "--test", "x", "--out", "y"])
    options = set(re.findall(r"--([a-z]+)", downstream))
    assert {"real", "generated", "segmenter", "labelled"} <= options - {"train"}
    assert all(hasattr(known, option) for option in options - {"train", "images", "maps"})
    known = build_parser().parse_args(["study", "--out", "x"])
    options = set(re.findall(r"--([a-z]+)", people))
    assert {"sets", "report", "pairs", "scores", "questions", "host"} <= options
    assert all(hasattr(known, option) for option in options)


def test_every_arm_is_told(text: str) -> None:
    """In the list of them, and in each table of results."""
    section = text.split("## Does it help downstream?")[1].split("## Asking people")[0]
    first, *results = section.replace("**`", "### ").split("### ")
    for part in (first, *(r for r in results if "| arm |" in r)):
        rows = re.findall(r"^\| `(\w+)` \|", part, re.MULTILINE)
        assert sorted(rows) == sorted(ARMS)


def test_sections_exist(text: str) -> None:
    for section, (_, others) in SECTIONS.items():
        assert all(
            f"`{name}`" in text or f"`{name}." in text for name in (section, *others.values())
        )
