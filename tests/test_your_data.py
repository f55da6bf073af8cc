"""The examples of docs/your-data.md run as they are printed, in order, in one empty folder."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pandiff.coco import PanopticFolder


@pytest.mark.slow
def test_examples_run(run_page: Callable[..., dict[str, Any]]) -> None:
    names = run_page("your-data.md")
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
