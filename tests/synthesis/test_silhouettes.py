"""Silhouettes that are cut from what the model draws."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from pandiff.building import from_boxes
from pandiff.panoptic import PanopticMap
from pandiff.pipeline import PanopticDiffusionPipeline
from pandiff.synthesis import silhouettes
from pandiff.synthesis.generate import Settings
from pandiff.taxonomy import Category, Taxonomy

SHEEP = Category(7, "sheep", True)
TAXONOMY = Taxonomy((Category(2, "grass", False), SHEEP))


def pasture(*boxes: tuple[int, int, int, int]) -> PanopticMap:
    names = ["grass", *["sheep"] * len(boxes)]
    return from_boxes([(0, 0, 40, 30), *boxes], names, (40, 30), TAXONOMY)


def test_the_largest_is_cut_out() -> None:
    found = silhouettes.cut(pasture((3, 4, 5, 6), (20, 4, 9, 8), (22, 6, 2, 2)), 7)
    assert found is not None
    assert found.shape == (8, 9)
    expected = np.ones((8, 9), bool)
    expected[2:4, 2:4] = False  # where another one is before it
    assert np.array_equal(found, expected)


@pytest.mark.parametrize(
    "boxes",
    [[], [(0, 4, 9, 8)], [(4, 0, 9, 8)], [(31, 4, 9, 8)], [(4, 22, 9, 8)], [(4, 4, 2, 2)]],
    ids=["none", "left", "top", "right", "bottom", "tiny"],
)
def test_none_is_cut_that_is_not_whole_or_too_small(boxes: list[tuple[int, int, int, int]]) -> None:
    assert silhouettes.cut(pasture(*boxes), 7) is None


def test_they_are_drawn_by_the_batch(tiny_model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pipe = PanopticDiffusionPipeline.from_pretrained(tiny_model)
    pipe.set_progress_bar_config(disable=True)
    box = next(c for c in pipe.taxonomy.categories if c.isthing)
    seen: list[list[PanopticMap]] = []

    def keep(panoptic: PanopticMap, category: int) -> np.ndarray | None:
        assert category == box.id
        seen[-1].append(panoptic)
        return np.ones((1, len(seen[-1])), bool) if len(seen[-1]) != 2 else None

    monkeypatch.setattr(silhouettes, "cut", keep)
    for size in (1, 3):
        seen.append([])
        found = silhouettes.draw(pipe, box, [5, 6, 7], Settings(steps=2, batch_size=size))
        assert [one.shape for one in found] == [(1, 1), (1, 3)]
    for one, other in zip(*seen, strict=True):
        assert (one.category_index == other.category_index).mean() > 0.98, "up to rounding"
