"""docs/formats.md: its examples run as printed, in order, in one empty folder.

A block is left out only if an HTML comment `<!-- not run: reason -->` stands right before it.
"""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any

import pytest

from pandiff.cli import main
from pandiff.coco import PanopticFolder
from pandiff.synthesis.exporters import EXPORTERS
from pandiff.synthesis.importers import IMPORTERS

BLOCK = re.compile(
    r"^(?P<skip><!-- not run: [^\n]+ -->\n+)?```(?P<language>python|bash)\n(?P<code>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)


@pytest.mark.slow
def test_examples_run(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {"__name__": "__docs__"}
    blocks = [m for m in BLOCK.finditer(page(root)) if not m["skip"]]
    assert len(blocks) == 13
    for block in blocks:
        if block["language"] == "python":
            exec(compile(block["code"], "formats.md", "exec"), names)
        else:
            for line in block["code"].splitlines():
                assert main(shlex.split(line)[1:]) == 0, line
    assert names["inputs"]["labels"][0]["masks"].shape[0] > 1
    assert names["mask"].any()
    assert PanopticFolder.open("from-masks").panoptic(0).count(2) == 2
    assert len(PanopticFolder.open("from-coco")) == 8


def page(root: Path) -> str:
    return (root / "docs/formats.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("table", [EXPORTERS, IMPORTERS], ids=["export", "import"])
def test_every_format_has_its_part(table: dict[str, object], root: Path) -> None:
    for name in table:
        assert f"\n### {name}\n" in page(root)
        assert f"\n| `{name}` |" in page(root)
