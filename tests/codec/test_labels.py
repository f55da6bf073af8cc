import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pandiff.codec import PanopticCodec, TooManyInstances
from pandiff.codec.labels import majority
from pandiff.errors import InputError
from pandiff.panoptic import PanopticMap


def test_majority_by_hand():
    dense = np.array([[0, 0, 1, 2], [0, 1, 2, 1]])
    assert majority(dense, 3, (2, 1)).tolist() == [[0, 1]]


@given(
    st.integers(1, 9), st.integers(1, 9), st.integers(1, 9), st.integers(1, 9), st.integers(0, 99)
)
def test_majority_never_invents_a_label(height, width, new_height, new_width, seed):
    dense = np.random.default_rng(seed).choice([1, 4, 6], (height, width))
    resized = majority(dense, 7, (new_width, new_height))
    assert resized.shape == (new_height, new_width)
    assert set(np.unique(resized)) <= set(np.unique(dense))


def test_majority_takes_the_most_frequent_of_each_cell():
    dense = np.random.default_rng(0).integers(0, 3, (12, 20))
    resized = majority(dense, 3, (5, 3))
    for y in range(3):
        for x in range(5):
            counts = np.bincount(dense[4 * y : 4 * y + 4, 4 * x : 4 * x + 4].ravel(), minlength=3)
            assert resized[y, x] == counts.argmax()


def test_enlarging_is_nearest():
    dense = np.array([[0, 1], [2, 3]])
    assert np.array_equal(majority(dense, 4, (6, 4)), dense.repeat(2, 0).repeat(3, 1))


def test_prepare_numbers_things_and_nothing_else(taxonomy, random_map):
    panoptic = random_map(1)
    labels = PanopticCodec(taxonomy).prepare(panoptic, (64, 64))
    assert all(a.dtype == np.uint8 and a.shape == (64, 64) for a in labels)
    numbers = np.unique(labels.instance)
    assert numbers.tolist() == list(range(len(numbers)))
    assert np.array_equal(labels.instance > 0, taxonomy.isthing[labels.category])


@pytest.mark.parametrize("size", [(64, 64), (37, 50), (16, 8), (128, 128), (200, 130)])
def test_resized_categories_are_a_subset(size, taxonomy, random_map):
    for seed in range(5):
        panoptic = random_map(seed)
        labels = PanopticCodec(taxonomy).prepare(panoptic, size)
        assert set(np.unique(labels.category)) <= set(np.unique(panoptic.category_index))
        assert labels.category.shape == (size[1], size[0])


def test_too_many_instances_keeps_the_largest_and_warns(taxonomy):
    ids = np.full((40, 40), 1)
    for k in range(5):
        ids[8 * k : 8 * k + 2 + k, :6] = 10 + k
    sheep = taxonomy.by_name("sheep").id
    classes = {1: taxonomy.by_name("sky").id} | {10 + k: sheep for k in range(5)}
    panoptic = PanopticMap.from_ids(ids, classes, taxonomy)
    with pytest.warns(TooManyInstances, match="at most 3 instances in a map, got 5"):
        labels = PanopticCodec(taxonomy, max_instances=3).prepare(panoptic, panoptic.size)
    assert labels.instance.max() == 3
    assert np.array_equal(labels.category == 0, np.isin(ids, (10, 11)))


def test_crowds_have_a_category_and_no_number(taxonomy):
    ids = np.full((8, 8), 1)
    ids[:, 4:] = 2
    bird = taxonomy.by_name("bird")
    classes = {1: taxonomy.by_name("sky").id, 2: bird.id}
    panoptic = PanopticMap.from_ids(ids, classes, taxonomy, crowds=[2])
    labels = PanopticCodec(taxonomy).prepare(panoptic, (8, 8))
    assert (labels.instance == 0).all()
    assert (labels.category[:, 4:] == taxonomy.index(bird.id)).all()


def test_prepare_rejects_an_empty_size_and_another_taxonomy(taxonomy, random_map):
    codec = PanopticCodec(taxonomy)
    with pytest.raises(InputError, match="at least 1x1"):
        codec.prepare(random_map(0), (0, 4))
    other = type(taxonomy)(taxonomy.categories[:6])
    with pytest.raises(InputError, match="codec's taxonomy"):
        PanopticCodec(other).prepare(random_map(0), (4, 4))
