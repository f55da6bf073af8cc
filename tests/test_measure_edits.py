"""The script that measures edits: what they are, what is seen of them, and a paste's seam."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from PIL import Image

from pandiff.data.scenes import SPLITS, make_scene
from pandiff.pipeline.blend import blend


@pytest.fixture(scope="module")
def script(load_script: Callable[[str], ModuleType]) -> Any:
    return load_script("measure_edits")


def test_every_verb_leaves_something_and_takes_something(script: Any) -> None:
    planned = [script.plans(make_scene(SPLITS["test"], k, 64), k) for k in range(8)]
    found = [p for p in planned if p]
    assert len(found) >= 4
    for one in found:
        assert tuple(one) == script.VERBS
        assert all(0.3 < plan.known.image.mean() < 1 for _, plan in one.values())


def test_a_paste_is_told_from_a_blend(script: Any) -> None:
    known = np.ones((64, 64), bool)
    known[20:44, 20:44] = False
    before, made = (Image.new("RGB", (64, 64), (100 + k, 150 + k, 200 + k)) for k in (0, 20))
    paste = Image.composite(before, made, Image.fromarray(known))
    rows = [script.Edited(v, "", known, before, paste, 0.5, v != "add") for v in script.VERBS]
    smooth = script.Edited("redo", "", known, before, blend(before, made, known), 0.5, None)
    assert rows[0].ratio == pytest.approx(20)
    assert rows[0].record()["ratio"] == rows[0].ratio
    assert smooth.ratio < 0.3 * rows[0].ratio
    assert "| redo | 100% | 20.00 (100%) | 50% |" in script.table(rows)
    assert "| add | 0% | 20.00 (100%) | 50% |" in script.table(rows)
    assert script.picture(rows, 4).width > 5 * 64


def test_what_the_segmenter_sees_of_an_edit(script: Any) -> None:
    scene = next(
        s for s in (make_scene(SPLITS["test"], k, 64) for k in range(8)) if script.plans(s, 0)
    )
    before = scene.panoptic
    for verb, (_, one) in script.plans(scene, 0).items():
        assert script.is_there(one, one.map, one.map) is {
            "remove": False, "add": True, "replace": True, "redo": None
        }[verb]  # fmt: skip
        if verb in ("add", "replace"):
            assert script.is_there(one, one.map, before) is False
