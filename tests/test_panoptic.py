"""The panoptic map and its taxonomy: what they refuse, what they measure, what they keep."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as st_numpy

from pandiff.errors import InputError
from pandiff.panoptic import PanopticMap, Segment, measure, unique_ids
from pandiff.taxonomy import Category, Taxonomy, default_palette

TAXONOMY = Taxonomy(
    (
        Category(7, "sheep", True, (250, 240, 230), "animal"),
        Category(200, "grass", False, (0, 160, 0)),
        Category(3, "bird", True),
    )
)
IDS = st_numpy.arrays(
    np.int64,
    st.tuples(st.integers(1, 8), st.integers(1, 8)),
    elements=st.sampled_from([0, 1, 2, 70_000, 2**24 - 1]),
)


def make(ids: np.ndarray, **settings: Any) -> PanopticMap:
    classes = {1: 7, 2: 200, 70_000: 7, 2**24 - 1: 3}
    return PanopticMap.from_ids(ids, classes, TAXONOMY, **settings)


# Taxonomy


def test_index_zero_is_void() -> None:
    assert (len(TAXONOMY), TAXONOMY.num_classes) == (3, 4)
    assert TAXONOMY.category_ids.tolist() == [0, 7, 200, 3]
    assert TAXONOMY.isthing.tolist() == [False, True, False, True]
    assert TAXONOMY.colors[0].tolist() == [0, 0, 0]
    assert TAXONOMY.colors[2].tolist() == [0, 160, 0]
    assert [TAXONOMY.index(i) for i in (7, 200, 3)] == [1, 2, 3]
    assert TAXONOMY.by_id(200) == TAXONOMY.by_name("grass") == TAXONOMY.categories[1]
    assert 200 in TAXONOMY and 0 not in TAXONOMY


def test_unknown_categories_list_the_known() -> None:
    with pytest.raises(InputError, match=r"\(7, 200, 3\), got 8"):
        TAXONOMY.index(8)
    with pytest.raises(InputError, match=r"\(sheep, grass, bird\), got 'goat'"):
        TAXONOMY.by_name("goat")


@pytest.mark.parametrize(
    ("categories", "message"),
    [
        ((), "at least one category"),
        ((Category(0, "a", True),), "ids of 1 or more, got 0"),
        ((Category(1, "a", True), Category(1, "b", True)), "unique category ids, got 1 twice"),
        ((Category(1, "a", True), Category(2, "a", True)), "unique category names, got 'a' twice"),
    ],
)
def test_wrong_taxonomies(categories: tuple[Category, ...], message: str) -> None:
    with pytest.raises(InputError, match=message):
        Taxonomy(categories)


def test_coco_round_trip() -> None:
    assert Taxonomy.from_coco(TAXONOMY.to_coco()) == TAXONOMY


def test_color_is_optional_in_coco() -> None:
    entries = [{"id": k, "name": str(k), "isthing": 1} for k in range(1, 30)]
    colors = Taxonomy.from_coco(entries).colors
    assert len(np.unique(colors, axis=0)) == 30


@pytest.mark.parametrize(
    "change", [{"id": "x"}, {"color": [1, 2]}, {"color": 5}, {"id": None}, {"isthing": ...}]
)
def test_odd_coco_categories(change: dict[str, Any]) -> None:
    entry = {"id": 1, "name": "a", "isthing": 1} | change
    entry = {k: v for k, v in entry.items() if v is not ...}
    with pytest.raises(InputError, match="expected a category with id, name, isthing"):
        Taxonomy.from_coco([entry])


def test_palette_is_well_separated() -> None:
    colors = default_palette(20).astype(int)
    distance = np.abs(colors[:, None] - colors).max(axis=-1)
    assert distance[~np.eye(20, dtype=bool)].min() > 10


# PanopticMap


@given(ids=IDS)
def test_areas_and_boxes_are_measured(ids: np.ndarray) -> None:
    panoptic = make(ids)
    assert {s.id for s in panoptic.segments} == set(np.unique(ids).tolist()) - {0}
    for segment in panoptic.segments:
        rows, columns = np.nonzero(ids == segment.id)
        x, y, width, height = segment.bbox
        assert segment.area == len(rows)
        assert (x, y) == (columns.min(), rows.min())
        assert (x + width, y + height) == (columns.max() + 1, rows.max() + 1)


@given(ids=IDS)
def test_values_are_looked_up(ids: np.ndarray) -> None:
    panoptic = make(ids)
    by_id = {0: 0} | {s.id: TAXONOMY.index(s.category_id) for s in panoptic.segments}
    index = panoptic.category_index
    assert index.dtype == np.int64 and index.shape == ids.shape
    assert index.tolist() == [[by_id[i] for i in row] for row in ids.tolist()]
    colors = np.arange(3 * len(panoptic.segments), dtype=np.uint8).reshape(-1, 3) + 1
    rgb = panoptic.lookup(colors)
    assert rgb.dtype == np.uint8 and rgb.shape == (*ids.shape, 3)
    for k, segment in enumerate(panoptic.segments):
        assert (rgb[panoptic.mask(segment.id)] == colors[k]).all()
        assert (panoptic.position(np.array([segment.id, 0])) == [k + 1, 0]).all()


def test_segments_may_stand_in_any_order() -> None:
    panoptic = make(np.array([[1, 2], [70_000, 0]]))
    turned = PanopticMap(panoptic.ids, panoptic.segments[::-1], TAXONOMY)
    assert turned == panoptic
    assert turned.category_index.tolist() == panoptic.category_index.tolist() == [[1, 2], [1, 0]]


def test_names_and_sizes() -> None:
    panoptic = make(np.array([[1, 2, 2], [70_000, 0, 2]]), scores={1: 0.5}, crowds=[70_000])
    assert (panoptic.width, panoptic.height, panoptic.size) == (3, 2, (3, 2))
    assert panoptic[1] == Segment(1, 7, 1, (0, 0, 1, 1), 0.5)
    assert panoptic[70_000].is_crowd
    assert (panoptic.count(7), panoptic.count(200), panoptic.count(3)) == (1, 1, 0)
    assert panoptic.mask(2).sum() == 3


def test_the_map_owns_its_pixels() -> None:
    ids = np.array([[1, 2]])
    panoptic = make(ids)
    ids[0, 0] = 2
    assert panoptic.ids.tolist() == [[1, 2]]
    assert panoptic.ids.dtype == np.int32
    with pytest.raises(ValueError, match="read-only"):
        panoptic.ids[0, 0] = 5


def test_an_empty_map_is_a_map() -> None:
    panoptic = make(np.zeros((2, 3), int))
    assert panoptic.segments == ()
    assert panoptic.category_index.dtype == np.int64
    assert panoptic.resize((6, 4)).size == (6, 4)


@pytest.mark.parametrize(
    ("ids", "message"),
    [
        (np.zeros((2, 2, 1), int), r"shape \(H, W\)"),
        (np.zeros((2, 2)), "an integer type, got"),
        (np.zeros((0, 2), int), "got no pixel"),
        (np.array([[-1, 1]]), r"ids of 0 or more that fit 32 bits, got -1\.\.1"),
        (np.array([[1 << 40]]), "fit 32 bits"),
    ],
)
def test_wrong_pixels(ids: np.ndarray, message: str) -> None:
    with pytest.raises(InputError, match=message):
        PanopticMap(ids, (), TAXONOMY)


A, B = Segment(1, 7, 1, (0, 0, 1, 1)), Segment(2, 200, 1, (1, 0, 1, 1))


@pytest.mark.parametrize(
    ("segments", "message"),
    [
        ((A,), "id 2 in ids but not in segments"),
        ((A, B, Segment(5, 7, 1, (0, 0, 1, 1))), "id 5 in segments but not in ids"),
        ((A, A, B), "unique positive segment ids"),
        ((A, B, Segment(0, 7, 1, (0, 0, 1, 1))), "unique positive segment ids"),
        ((A, Segment(2, 8, 1, (1, 0, 1, 1))), "got 8"),
    ],
)
def test_wrong_segments(segments: tuple[Segment, ...], message: str) -> None:
    with pytest.raises(InputError, match=message):
        PanopticMap(np.array([[1, 2]]), segments, TAXONOMY)


def test_an_id_without_a_category() -> None:
    with pytest.raises(InputError, match="none for id 5"):
        make(np.array([[1, 5]]))


@given(ids=IDS, times=st.integers(1, 4))
def test_resize_up_and_down_is_exact(ids: np.ndarray, times: int) -> None:
    panoptic = make(ids)
    larger = panoptic.resize((panoptic.width * times, panoptic.height * times))
    assert np.array_equal(larger.ids, ids.repeat(times, 0).repeat(times, 1))
    assert larger.resize(panoptic.size) == panoptic


@given(ids=IDS, size=st.tuples(st.integers(1, 20), st.integers(1, 20)))
def test_resize_invents_no_id(ids: np.ndarray, size: tuple[int, int]) -> None:
    resized = make(ids).resize(size)
    assert resized.size == size
    assert set(np.unique(resized.ids).tolist()) <= set(np.unique(ids).tolist())


@given(ids=IDS)
def test_flip_twice_is_nothing(ids: np.ndarray) -> None:
    panoptic = make(ids, scores={1: 0.5}, crowds=[2])
    assert panoptic.flip().flip() == panoptic
    assert np.array_equal(panoptic.flip().ids, ids[:, ::-1])


def test_with_ids_keeps_what_is_known() -> None:
    panoptic = make(np.array([[1, 2, 70_000]]), scores={1: 0.5}, crowds=[70_000])
    fewer = panoptic.with_ids(np.array([[1, 70_000, 0]]))
    assert [s.id for s in fewer.segments] == [1, 70_000]
    assert fewer[1].score == 0.5
    assert fewer[70_000].is_crowd


def test_equality_sees_everything() -> None:
    panoptic = make(np.array([[1, 2]]))
    assert panoptic == pickle.loads(pickle.dumps(panoptic))
    assert panoptic != make(np.array([[2, 1]]))
    assert panoptic != make(np.array([[1, 2]]), scores={1: 0.9})
    assert panoptic != "a map"


# Helpers


@given(ids=IDS)
def test_unique_ids_equals_numpy(ids: np.ndarray) -> None:
    assert unique_ids(ids).tolist() == np.unique(ids).tolist()
    assert unique_ids(-ids).tolist() == np.unique(-ids).tolist()


def test_measure_of_nothing() -> None:
    assert measure(np.zeros((0, 3), int)) == ([], [], [])
    assert measure(np.zeros((2, 3), int)) == ([], [], [])
