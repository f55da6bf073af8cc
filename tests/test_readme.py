"""The README's examples run as they are printed, in order, in one empty folder.

A block is left out only if an HTML comment `<!-- not run: reason -->` stands right before it.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

BLOCK = re.compile(
    r"^(?:<!-- not run: (?P<reason>\S[^\n]*?) -->\n+)?"
    r"```(?P<language>python|bash)\n(?P<code>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)
LINK = re.compile(r"\]\((?!https?://|#)([^)\s#]+)[^)]*\)|src=\"(?!https?://)([^\"]+)\"")

COMMAND = re.compile(r"^(?:\| `)?(?:\.venv/bin/)?pandiff ([a-z]+)", re.MULTILINE)


@dataclass(frozen=True)
class Block:
    """One fenced example: its first line in the README, its language, its code."""

    line: int
    language: str
    code: str
    reason: str | None


def blocks(text: str) -> list[Block]:
    """All python and bash examples, in order; `reason` is set where one is not to be run."""
    return [
        Block(text.count("\n", 0, m.start("code")) + 1, m["language"], m["code"], m["reason"])
        for m in BLOCK.finditer(text)
    ]


def run_bash(block: Block, folder: Path) -> None:
    """Run a shell example with this environment's `pandiff` and `python` first on the path."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    command = ["bash", "-euo", "pipefail", "-c", block.code]
    done = subprocess.run(
        command,
        cwd=folder,
        env={**os.environ, "PATH": path},
        capture_output=True,
        text=True,
        timeout=900,
    )
    assert done.returncode == 0, f"README.md:{block.line}\n{block.code}\n{done.stderr}"


def run_python(block: Block, names: dict[str, Any]) -> None:
    """Run a Python example in the names that earlier ones left; its lines are the README's."""
    code = "\n" * (block.line - 1) + block.code
    exec(compile(code, "README.md", "exec"), names)


@pytest.mark.slow
def test_examples_run(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {"__name__": "__readme__"}
    for block in blocks((root / "README.md").read_text(encoding="utf-8")):
        if block.reason:
            continue
        if block.language == "bash":
            run_bash(block, tmp_path)
        else:
            run_python(block, names)


def test_readme_has_examples(root: Path) -> None:
    found = blocks((root / "README.md").read_text(encoding="utf-8"))
    assert {b.language for b in found if not b.reason} == {"python", "bash"}


def test_commands_exist(root: Path) -> None:
    named = set(COMMAND.findall((root / "README.md").read_text(encoding="utf-8")))
    listed = subprocess.run(
        [sys.executable, "-m", "pandiff", "--help"], capture_output=True, text=True, check=True
    )
    assert named
    assert named <= set(re.findall(r"[a-z]+", listed.stdout))


def test_links_lead_somewhere(root: Path) -> None:
    text = (root / "README.md").read_text(encoding="utf-8")
    targets = {a or b for a, b in LINK.findall(text)}
    assert not {t for t in targets if not (root / t).exists()}


def test_blocks_are_found() -> None:
    text = (
        "a\n```python\nx = 1\n```\n<!-- not run: hours -->\n```bash\nsleep 1\n```\n```\nno\n```\n"
    )
    first, second = blocks(text)
    assert (first.line, first.language, first.code, first.reason) == (3, "python", "x = 1\n", None)
    assert (second.line, second.reason) == (7, "hours")


def test_a_failing_example_is_found(tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match=r"README\.md:7"):
        run_bash(Block(7, "bash", "false\ntrue\n", None), tmp_path)
    with pytest.raises(ZeroDivisionError):
        run_python(Block(7, "python", "1 / 0\n", None), {})
