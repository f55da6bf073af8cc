"""The examples of docs/your-data.md run as they are printed, in order, in one empty folder.

A block is left out only if an HTML comment `<!-- not run: reason -->` stands right before it.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pandiff.coco import PanopticFolder

BLOCK = re.compile(
    r"^(?P<skip><!-- not run: [^\n]+ -->\n+)?```(?P<language>python|bash)\n(?P<code>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)


def run_bash(code: str, folder: Path) -> None:
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


@pytest.mark.slow
def test_examples_run(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    text = (root / "docs/your-data.md").read_text(encoding="utf-8")
    names: dict[str, Any] = {"__name__": "__docs__"}
    blocks = [m for m in BLOCK.finditer(text) if not m["skip"]]
    assert len(blocks) == 7
    for block in blocks:
        if block["language"] == "bash":
            run_bash(block["code"], tmp_path)
        else:
            exec(compile(block["code"], "your-data.md", "exec"), names)
    folder = PanopticFolder.open("my-data")
    assert [folder.panoptic(k).count(3) for k in range(len(folder))] == [2, 2, 2]
    assert Path("run/model/model_index.json").is_file()
    check_masks(names["to_panoptic"], names["from_cityscapes"])


def check_masks(to_panoptic: Any, from_cityscapes: Any) -> None:
    """A thing without a number is a crowd; both ways of writing masks give one map."""
    semantic = np.array([[1, 1, 0], [3, 3, 3]], np.uint8)
    instances = np.array([[0, 7, 0], [0, 1, 2]], np.uint8)
    panoptic = to_panoptic(semantic, instances)
    assert [(s.category_id, s.is_crowd) for s in panoptic.segments] == [
        (1, False), (3, True), (3, False), (3, False),
    ]  # fmt: skip
    assert panoptic.ids[0, 2] == 0
    assert from_cityscapes(np.array([[1, 1, 0], [3, 3000, 3001]])) == panoptic


def test_links_lead_somewhere(root: Path) -> None:
    text = (root / "docs/your-data.md").read_text(encoding="utf-8")
    targets = re.findall(r"\]\((?!https?://|#)([^)\s#]+)[^)]*\)", text)
    assert not [t for t in targets if not (root / "docs" / t).exists()]
