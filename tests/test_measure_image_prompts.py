"""The script that measures image prompts: what it counts."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest
from PIL import Image

from pandiff.panoptic import PanopticMap
from pandiff.taxonomy import Category, Taxonomy

TAXONOMY = Taxonomy((Category(1, "sky", False), Category(2, "cow", True), Category(3, "dog", True)))


@pytest.fixture(scope="module")
def script(load_script: Callable[[str], ModuleType]) -> Any:
    return load_script("measure_image_prompts")


def scene(*things: str) -> PanopticMap:
    boxes = [(0, 0, 32, 32), *((8 * k, 8, 6, 6) for k in range(len(things)))]
    return PanopticMap.from_boxes(boxes, ["sky", *things], (32, 32), TAXONOMY)


def test_what_is_carried_over(script: Any) -> None:
    truth, made = [scene("cow", "dog"), scene("cow")], [scene("dog", "dog"), scene("dog")]
    assert script.recall(truth, made, True) == pytest.approx(1 / 3)
    assert script.recall(truth, made, False) == 1
    red, blue = Image.new("RGB", (4, 4), (255, 0, 0)), Image.new("RGB", (4, 4), (0, 0, 255))
    row = script.likeness(([red], truth[:1]), ([blue], truth[:1]))
    assert row == {"things": 1, "stuff": 1, "mean color": 170}
