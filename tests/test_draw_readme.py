"""The script that draws the README's pictures: what is given in each, and which scenes are."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest
from PIL import Image

from pandiff.data.scenes import SPLITS, TAXONOMY, make_scene
from pandiff.panoptic import PanopticMap

SIDE, STEP = 32, 36
"""Of a cell, and from one to the next."""
RED = (255, 0, 0)


class Echo:
    """A pipeline that makes red images of water, and remembers what it was given."""

    image_size, taxonomy = SIDE, TAXONOMY

    def __init__(self) -> None:
        self.calls: list[dict[str, Any]] = []

    def __call__(self, prompt: str = "", **given: Any) -> SimpleNamespace:
        self.calls.append({"prompt": prompt, **given})
        water = PanopticMap.from_boxes([(0, 0, SIDE, SIDE)], ["water"], (SIDE, SIDE), TAXONOMY)
        return SimpleNamespace(images=[Image.new("RGB", (SIDE, SIDE), RED)], maps=[water])


@pytest.fixture(scope="module")
def script(load_script: Callable[[str], ModuleType]) -> Any:
    return load_script("draw_readme")


def cell(sheet: Image.Image, row: int, column: int) -> np.ndarray:
    """The pixels of a cell of a sheet whose upper rows have no words."""
    x, y = 4 + STEP * column, 4 + STEP * row
    return np.asarray(sheet.convert("RGB").crop((x, y, x + SIDE, y + SIDE)))


def is_red(pixels: np.ndarray) -> bool:
    return bool((pixels == RED).all())


def test_directions_take_the_first_scenes_in_order(script: Any) -> None:
    pipe, scenes = Echo(), [make_scene(SPLITS["test"], k, SIDE) for k in range(6)]
    painted = script.paint_maps(pipe)
    assert [c["map"] for c in pipe.calls] == [s.panoptic for s in scenes]
    assert [is_red(cell(painted, 1, k)) for k in range(6)] == [True] * 6
    pipe.calls.clear()
    found = script.find_maps(pipe)
    assert [np.asarray(c["image"]).tolist() for c in pipe.calls] == [
        s.image.tolist() for s in scenes
    ]
    blue = [np.ptp(cell(found, 1, k), axis=(0, 1)).max() == 0 for k in range(6)]
    assert blue == [True] * 6, "one segment of water"


def test_layouts_are_void_where_nothing_is_given(script: Any) -> None:
    pipe = Echo()
    drawn = script.fill_layouts(pipe)
    known = [c["known"] for c in pipe.calls]
    assert [k.mean() for k in known[:3]] == [0.5] * 3
    assert all(0 < k.mean() < 1 for k in known[3:])
    for k, mask in enumerate(known):
        assert (cell(drawn, 0, k)[~mask] == 0).all()
        assert is_red(cell(drawn, 2, k))


def test_boxes_of_small_things_lie_on_top(script: Any) -> None:
    masks = [np.zeros((8, 8), bool) for _ in range(2)]
    masks[0][2:4, 2:4] = True
    masks[1][:, 7], masks[1][7] = True, True
    panoptic = PanopticMap.from_masks(masks, ["dog", "house"], TAXONOMY)
    boxes = script.boxes(panoptic)
    assert boxes.labelled.all() and boxes.count(TAXONOMY.by_name("dog").id) == 1


def test_rows_of_variations_and_edits(
    script: Any, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pipe = Echo()
    varied = script.vary_scenes(pipe)
    assert [c.get("strength") for c in pipe.calls[:5]] == [0.3, 0.6, 0.9, None, None]
    assert len(pipe.calls) == 20 and varied.width == 4 + 6 * STEP
    assert is_red(cell(varied, 0, 1)) and not is_red(cell(varied, 0, 0))
    monkeypatch.syspath_prepend(str(root / "scripts"))
    planned: list[Any] = []

    def run(pipe: Any, image: Any, plan: Any, settings: Any, tries: int) -> list[Any]:
        planned.append(plan)
        return [SimpleNamespace(image=Image.new("RGB", (SIDE, SIDE), RED))]

    monkeypatch.setattr(script.editing, "run", run)
    edited = script.edit_scenes(pipe)
    assert len(planned) == 16 and edited.width == 4 + 5 * STEP
    assert [is_red(cell(edited, 0, k)) for k in range(5)] == [False] + [True] * 4
