"""Votes: what several maps of one image agree on, and how far they do."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from pandiff.errors import InputError
from pandiff.panoptic import PanopticMap
from pandiff.synthesis.vote import vote
from pandiff.taxonomy import Category, Taxonomy

TAXONOMY = Taxonomy(
    (Category(5, "sky", False), Category(2, "grass", False), Category(9, "sheep", True),
     Category(7, "dog", True))
)  # fmt: skip
KINDS = (0, 5, 2, 9, 9, 9, 7, 7)
"""The category of each cell value that a test draws: void, two stuffs, three sheep, two dogs."""


def from_cells(cells: np.ndarray, ids: np.ndarray | None = None) -> PanopticMap:
    """The map of values below len(KINDS), by ids of their own."""
    names = np.arange(len(KINDS)) if ids is None else np.append(0, ids)
    categories = {int(names[k]): KINDS[k] for k in range(1, len(KINDS))}
    return PanopticMap.from_ids(names[cells], categories, TAXONOMY)


def cells(shape: tuple[int, ...]) -> st.SearchStrategy[np.ndarray]:
    return arrays(np.int64, shape, elements=st.integers(0, len(KINDS) - 1))


several = array_shapes(min_dims=2, max_dims=2, max_side=6).flatmap(
    lambda shape: st.lists(cells(shape), min_size=1, max_size=5)
)
naming = st.permutations(range(1, 30)).map(lambda p: np.array(p[: len(KINDS) - 1]))


def same(one: PanopticMap, other: PanopticMap) -> bool:
    """Whether two maps are equal but for their ids and scores."""
    pairs = np.unique(np.stack([one.ids.ravel(), other.ids.ravel()]), axis=1).T
    as_one = all(len(np.unique(column)) == len(pairs) for column in pairs.T)
    return as_one and np.array_equal(one.category_index, other.category_index)


@given(several.flatmap(lambda some: st.tuples(st.just(some[0]), st.lists(naming, min_size=1))))
def test_maps_that_agree_are_kept_and_certain(
    drawn: tuple[np.ndarray, list[np.ndarray]],
) -> None:
    one, names = drawn
    result = vote([from_cells(one, ids) for ids in names[:4]])
    assert same(result.panoptic, from_cells(one))
    assert not result.uncertainty.any()
    assert all(s.score == 1 for s in result.panoptic.segments)


@given(several)
def test_one_odd_of_three_is_outvoted(drawn: list[np.ndarray]) -> None:
    usual, odd = from_cells(drawn[0]), from_cells(drawn[-1])
    result = vote([usual, odd, usual])
    assert same(result.panoptic, usual)
    other = usual.category_index != odd.category_index
    assert np.allclose(result.uncertainty[other], 1 / 3)
    assert set(np.rint(3 * result.uncertainty).ravel().tolist()) <= {0, 1}


@given(several, st.data())
def test_order_and_ids_mean_nothing(drawn: list[np.ndarray], data: st.DataObject) -> None:
    shuffled = data.draw(st.permutations(drawn))
    one = vote([from_cells(c) for c in drawn])
    other = vote([from_cells(c, data.draw(naming)) for c in shuffled])
    assert one.panoptic == other.panoptic
    assert np.array_equal(one.uncertainty, other.uncertainty)


@given(several)
def test_every_pixel_is_one_that_a_map_has(drawn: list[np.ndarray]) -> None:
    maps = [from_cells(c) for c in drawn]
    result = vote(maps)
    assert result.panoptic.size == maps[0].size
    assert result.uncertainty.dtype == np.float32
    votes = np.stack([m.category_index == result.panoptic.category_index for m in maps])
    disagree = (~votes).mean(axis=0)
    assert votes.any(axis=0).all()
    assert (result.uncertainty >= disagree - 1e-6).all(), "the category alone, and the instance"
    assert result.uncertainty.max() < 1
    stuff = [s.category_id for s in result.panoptic.segments if s.category_id in (5, 2)]
    assert len(stuff) == len(set(stuff)), "one segment for each stuff category"
    for s in result.panoptic.segments:
        mean = 1 - result.uncertainty[result.panoptic.mask(s.id)].mean()
        assert s.score == pytest.approx(mean, abs=1e-6)


def boxes(*some: tuple[str, tuple[float, float, float, float]]) -> PanopticMap:
    """20 x 10: grass, and things in boxes."""
    names, places = zip(("grass", (0, 0, 20, 10)), *some, strict=True)
    return PanopticMap.from_boxes(places, names, (20, 10), TAXONOMY)


LEFT, RIGHT = (1, 1, 6, 8), (12, 1, 6, 8)


def test_instances_are_matched_by_their_overlap() -> None:
    shifted = boxes(("sheep", (2, 1, 6, 8)), ("sheep", RIGHT))
    usual = boxes(("sheep", RIGHT), ("sheep", LEFT))
    result = vote([usual, usual, shifted])
    assert same(result.panoptic, usual)
    doubt = np.zeros((10, 20))
    doubt[1:9, 1] = doubt[1:9, 7] = 1 / 3
    assert np.allclose(result.uncertainty, doubt)


def test_an_instance_that_the_medoid_lacks_is_found() -> None:
    """Each map lacks a thing of its own; each thing is in two of three."""
    middle = (8, 1, 3, 8)
    maps = [
        boxes(("sheep", LEFT), ("dog", RIGHT)),
        boxes(("sheep", LEFT), ("dog", middle)),
        boxes(("dog", RIGHT), ("dog", middle)),
    ]
    everything = boxes(("sheep", LEFT), ("dog", RIGHT), ("dog", middle))
    result = vote(maps)
    assert same(result.panoptic, everything)
    scores = {s.category_id: s.score for s in result.panoptic.segments}
    assert scores[9] == pytest.approx(2 / 3)
    assert scores[2] == pytest.approx(1)


def test_two_things_or_one_is_decided_by_most() -> None:
    """Touching halves are two sheep to two maps, and one to the third."""
    halves = boxes(("sheep", (2, 1, 8, 8)), ("sheep", (10, 1, 8, 8)))
    whole = boxes(("sheep", (2, 1, 16, 8)))
    assert same(vote([whole, halves, halves]).panoptic, halves)
    assert same(vote([whole, halves, whole]).panoptic, whole)
    doubt = vote([whole, halves, whole]).uncertainty
    assert np.allclose(doubt[1:9, 2:18], 1 / 3), "the category is agreed on, the instance is not"


def test_what_most_maps_lack_is_not_there() -> None:
    """Three of five see a dog, each another one: where most see some dog, there is still none."""
    alone = [boxes(("sheep", LEFT), ("dog", (8 + 2 * k, 4, 6, 2))) for k in (0, 1, 2)]
    result = vote([*alone, boxes(("sheep", LEFT)), boxes(("sheep", LEFT))])
    assert same(result.panoptic, boxes(("sheep", LEFT)))
    assert result.uncertainty.max() == pytest.approx(3 / 5)
    assert (result.uncertainty[:, :8] == 0).all()


@pytest.mark.parametrize(
    ("maps", "message"),
    [
        ([], "at least one map, got none"),
        ([boxes(), boxes().resize((4, 4))], "maps of one size, got 20 x 10 and 4 x 4"),
        (
            [boxes(), PanopticMap.from_ids(np.zeros((10, 20), int), {},
                                           Taxonomy((Category(1, "sky", False),)))],
            "maps of one taxonomy",
        ),
    ],
)  # fmt: skip
def test_maps_that_do_not_fit(maps: list[PanopticMap], message: str) -> None:
    with pytest.raises(InputError, match=message):
        vote(maps)
