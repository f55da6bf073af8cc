"""Legends and grids."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from PIL import Image

from pandiff.draw import grid, legend
from pandiff.draw.names import font
from pandiff.draw.sheet import _entries, _wrap
from pandiff.errors import InputError
from pandiff.panoptic import PanopticMap
from pandiff.taxonomy import Category, Taxonomy


def colors(picture: Image.Image) -> set[tuple[int, ...]]:
    return {tuple(c) for c in np.unique(np.array(picture).reshape(-1, 3), axis=0).tolist()}


def test_legend_of_a_map_has_what_occurs(panoptic: PanopticMap) -> None:
    only_grass = panoptic.with_ids(np.where(panoptic.ids == 20, 20, 0))
    assert {c.color for c in panoptic.taxonomy.categories} <= colors(legend(panoptic))
    assert (220, 20, 60) not in colors(legend(only_grass))
    assert legend(only_grass).height < legend(panoptic).height


def test_legend_counts_things(panoptic: PanopticMap) -> None:
    names = [name for name, _ in _entries(panoptic)]
    assert names == ["sky", "grass", "sheep (2)", "bird (1)"]


def test_legend_of_a_taxonomy_makes_columns() -> None:
    taxonomy = Taxonomy(tuple(Category(k, f"category {k}", True) for k in range(1, 51)))
    picture = legend(taxonomy)
    assert picture.width > 2 * legend(Taxonomy(taxonomy.categories[:20])).width
    assert picture.height <= legend(Taxonomy(taxonomy.categories[:20])).height


def test_legend_of_an_empty_map(panoptic: PanopticMap) -> None:
    assert legend(panoptic.with_ids(np.zeros((4, 4), int))).size == (16, 16)


def test_grid_holds_images_maps_and_prompts(panoptic: PanopticMap) -> None:
    images = [Image.new("RGB", (60, 40), c) for c in ("red", "lime", "blue")]
    bare = grid(images, columns=2, side=120)
    assert {(255, 0, 0), (0, 255, 0), (0, 0, 255)} <= colors(bare)
    with_maps = grid(images, [panoptic] * 3, columns=2, side=120)
    assert (70, 130, 180) in colors(with_maps)
    assert with_maps.width == bare.width == 2 * 120 + 3 * 6
    assert with_maps.height == bare.height + 2 * (80 + 2)
    with_prompts = grid(images, [panoptic] * 3, ["a b c"] * 3, columns=2, side=120)
    assert with_prompts.height > with_maps.height


def test_grid_is_ordered_by_rows() -> None:
    images = [Image.new("RGB", (40, 40), c) for c in ("red", "lime", "blue")]
    sheet = grid(images, columns=2, side=40)
    places = [(24, 24), (24 + 44, 24), (24, 24 + 44), (24 + 44, 24 + 44)]
    assert [sheet.getpixel(p) for p in places] == [
        (255, 0, 0),
        (0, 255, 0),
        (0, 0, 255),
        (255, 255, 255),
    ]


def test_prompts_are_wrapped() -> None:
    text = "three white sheep on green grass under a very cloudy sky at dusk " + "x" * 60
    lines = _wrap(text, 256).split("\n")
    assert len(lines) > 3
    assert all(font(16).getlength(line) <= 256 for line in lines)
    assert "".join(lines).replace(" ", "") == text.replace(" ", "")
    assert _wrap("", 256) == ""


def test_longer_prompts_make_room() -> None:
    images = [Image.new("RGB", (40, 40))] * 2
    short, long = (grid(images, prompts=["a", text], side=100) for text in ("b", "b " * 100))
    assert long.height > short.height + 50


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"images": []}, "at least one image, got none"),
        ({"images": [Image.new("RGB", (4, 4))], "maps": []}, "one map for each image, got 0 for 1"),
        (
            {"images": [Image.new("RGB", (4, 4))], "prompts": ["a", "b"]},
            "one prompt for each image, got 2 for 1",
        ),
    ],
)
def test_counts_must_fit(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        grid(**arguments)
