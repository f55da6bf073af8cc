"""The examples of docs/directions.md run as they are printed, with fewer steps."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image


@pytest.mark.slow
def test_examples_run(run_page: Callable[..., dict[str, Any]]) -> None:
    names = run_page("directions.md", lambda code: code.replace("--steps 10", "--steps 2"))
    assert len(names["layouts"]) == 10
    assert [i.size for i in names["mixed"].images] == [(128, 128)] * 3
    for folder in ("from-map", "found", "added", "like", "near", "watched"):
        assert list(Path(folder, "dataset/images").iterdir())
    assert len(list(Path("found/uncertainty").iterdir())) == 4
    assert Image.open("watched/animation.gif").n_frames == 2  # type: ignore[attr-defined]


def test_links_lead_somewhere(root: Path) -> None:
    text = (root / "docs/directions.md").read_text(encoding="utf-8")
    targets = re.findall(r"\]\((?!https?://|#)([^)\s#]+)[^)]*\)", text)
    assert not [t for t in targets if not (root / "docs" / t).exists()]
