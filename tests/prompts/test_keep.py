"""What of a map stays when it is drawn again: named things, and all but what must change."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pandiff.data.scenes import Caption
from pandiff.panoptic import PanopticMap
from pandiff.prompts import pixels_to_keep
from pandiff.taxonomy import Category, Taxonomy

TAXONOMY = Taxonomy(
    (
        Category(1, "ground", False),
        Category(2, "sky", False),
        Category(7, "box", True),
        Category(8, "tree", True),
    )
)
SEEDS = st.integers(0, 2**62)


def panoptic() -> PanopticMap:
    """Sky over ground; a large box, a small one, and a tree, apart from one another."""
    ids = np.ones((32, 48), np.int32)
    ids[:12] = 2
    ids[16:26, 2:12] = 10
    ids[18:22, 20:24] = 11
    ids[4:20, 36:42] = 12
    return PanopticMap.from_ids(ids, {1: 1, 2: 2, 10: 7, 11: 7, 12: 8}, TAXONOMY)


def claim(categories: str, **counts: int) -> Caption:
    return Caption("", tuple(categories.split()), tuple(counts.items()), (), ())


def stays(caption: Caption, seed: int) -> np.ndarray:
    mask = pixels_to_keep(caption, panoptic(), np.random.default_rng(seed))
    assert mask.shape == (32, 48) and mask.dtype == bool
    assert not mask.all(), "something must change"
    return mask


@given(SEEDS)
def test_where_something_is_missing_named_things_stay(seed: int) -> None:
    mask, ids = stays(claim("box tree sky", box=3), seed), panoptic().ids
    assert mask[ids >= 10].all()
    assert not mask[ids < 10].all()


@given(SEEDS)
def test_a_surplus_goes_with_a_rim_and_the_larger_ones_stay(seed: int) -> None:
    mask, ids = stays(claim("box tree", box=1), seed), panoptic().ids
    assert not mask[17:23, 20:24].any() and not mask[18:22, 19:25].any()
    assert mask[ids == 12].all(), "what is right stays in both ways"
    large = mask[ids == 10]
    assert large.all() if mask[ids < 10].any() else not large.any()


@given(SEEDS)
def test_things_that_are_not_named_may_go(seed: int) -> None:
    mask, ids = stays(claim("box sky", box=3), seed), panoptic().ids
    assert mask[ids == 12].sum() < (ids == 12).sum() or mask[ids < 10].any()


def test_things_that_must_not_be_there_are_no_reason_to_free_anything_else() -> None:
    masks = [stays(claim("tree", box=0), seed) for seed in range(20)]
    rest = panoptic().ids < 10
    assert min(m[rest].mean() for m in masks if m[rest].any()) > 0.7
    assert not any(m[panoptic().ids == 10].any() for m in masks)


def test_both_ways_come_and_rooms_differ() -> None:
    masks = [stays(claim("box tree sky", box=3), seed) for seed in range(40)]
    alone = [m for m in masks if not m[panoptic().ids < 10].any()]
    assert 8 <= len(alone) <= 32
    rooms = {m.tobytes() for m in masks} - {m.tobytes() for m in alone}
    assert len(rooms) > 8
    free = [1 - m.mean() for m in masks if m[panoptic().ids < 10].any()]
    assert min(free) > 0.15 and max(free) <= 0.81


def test_nothing_stays_where_nothing_is_right() -> None:
    ids = np.ones((32, 48), np.int32)
    empty = PanopticMap.from_ids(ids, {1: 1}, TAXONOMY)
    masks = [pixels_to_keep(claim("box"), empty, np.random.default_rng(k)) for k in range(20)]
    assert {bool(m.any()) for m in masks} == {True, False}


@pytest.mark.parametrize("shape", [(1, 1), (1, 40), (40, 3)])
def test_maps_of_any_shape(shape: tuple[int, int]) -> None:
    small = PanopticMap.from_ids(np.ones(shape, np.int32), {1: 1}, TAXONOMY)
    for k in range(20):
        assert not pixels_to_keep(claim("box sky", box=2), small, np.random.default_rng(k)).all()
