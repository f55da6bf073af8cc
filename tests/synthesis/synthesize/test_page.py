"""docs/synthesis.md: it names every option, and its examples run as printed, in one folder."""

from __future__ import annotations

import argparse
import re
import shlex
import subprocess
from pathlib import Path

import pytest

from pandiff.cli import main
from pandiff.cli.synthesize import SYNTHESIZE
from pandiff.coco import PanopticFolder
from pandiff.synthesis.synthesize.options import PROMPTS
from pandiff.synthesis.synthesize.run import HOPELESS

BLOCK = re.compile(r"(<!-- not run: [^\n]+ -->\n+)?```bash\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def page(root: Path) -> str:
    return (root / "docs/synthesis.md").read_text(encoding="utf-8")


def test_every_option_is_explained(root: Path) -> None:
    parser = argparse.ArgumentParser()
    SYNTHESIZE.add_arguments(parser)
    options = {name for action in parser._actions for name in action.option_strings}
    missing = [n for n in options - {"-h", "--help"} if f"`{n}" not in page(root)]
    assert missing == []
    assert f"after {PROMPTS} prompts" in page(root)
    assert f"first {HOPELESS} candidates" in page(root)


@pytest.mark.slow
def test_examples_run(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    blocks = [code for skip, code in BLOCK.findall(page(root)) if not skip]
    assert len(blocks) == 3
    for line in "".join(blocks).splitlines():
        if line.startswith("pandiff "):
            assert main(shlex.split(line)[1:]) == 0, line
        else:
            subprocess.run(line, shell=True, check=True)
    assert [len(PanopticFolder.open(name)) for name in ("small", "wished", "listed")] == [6, 4, 4]
