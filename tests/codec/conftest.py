"""A small taxonomy, and random maps of overlapping shapes to try codings on."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from pandiff.data.scenes import make_scene
from pandiff.panoptic import PanopticMap
from pandiff.taxonomy import Category, Taxonomy

RandomMap = Callable[..., PanopticMap]


@pytest.fixture(scope="session")
def taxonomy() -> Taxonomy:
    """Three kinds of stuff and four of things; ids with gaps; 8 class indices with void."""
    names = ("sky", "grass", "water", "sheep", "bird", "ball", "tree")
    return Taxonomy(
        tuple(Category(10 + 7 * k, name, isthing=k > 2) for k, name in enumerate(names))
    )


@pytest.fixture(scope="session")
def random_map(taxonomy: Taxonomy) -> RandomMap:
    """random_map(seed, side=128, things=6): ellipses over sky and grass, some void."""

    def make(seed: int, side: int = 128, things: int = 6) -> PanopticMap:
        rng = np.random.default_rng(seed)
        y, x = np.mgrid[:side, :side] / side
        ids = np.where(y < rng.uniform(0.2, 0.8), 901, 77)
        ids[-side // 16 :, : side // 8] = 0
        classes = {901: taxonomy.by_name("sky").id, 77: taxonomy.by_name("grass").id}
        for k in range(things):
            cx, cy = rng.uniform(0, 1, 2)
            a, b = rng.uniform(0.06, 0.16, 2)
            ids[((x - cx) / a) ** 2 + ((y - cy) / b) ** 2 < 1] = 1000 + 3 * k
            classes[1000 + 3 * k] = taxonomy.categories[3 + int(rng.integers(4))].id
        return PanopticMap.from_ids(ids, classes, taxonomy)

    return make


@pytest.fixture(scope="session")
def scenes() -> list[PanopticMap]:
    """A hundred maps of the built-in world, 128 px."""
    return [make_scene(4_711, index, 128).panoptic for index in range(100)]
