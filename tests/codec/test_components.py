import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from pandiff.codec.components import absorb_specks, components


def test_components_touch_at_corners():
    parts = components(np.array([[1, 0, 1], [0, 1, 0], [2, 0, 0]]))
    assert parts[0, 0] == parts[1, 1] == parts[0, 2]
    assert len(np.unique(parts)) == 3


def test_speck_prefers_its_own_category():
    labels = np.zeros((6, 6), dtype=int)
    labels[3:, :] = 1
    labels[2, 2] = 2
    assert absorb_specks(labels, np.array([5, 6, 6]), 4)[2, 2] == 1
    assert absorb_specks(labels, np.array([5, 6, 7]), 4)[2, 2] == 0
    assert absorb_specks(labels, np.array([5, 6, 7]), 1)[2, 2] == 2


def test_specks_in_specks_follow_outwards():
    labels = np.zeros((7, 7), dtype=int)
    labels[2:5, 2:5] = 1
    labels[3, 3] = 2
    assert (absorb_specks(labels, np.array([1, 2, 3]), 12) == 0).all()


def test_of_specks_alone_the_largest_takes_all():
    labels = np.array([[0, 1, 2], [3, 1, 4], [5, 6, 7]])
    assert (absorb_specks(labels, np.arange(8), 100) == 1).all()


@given(st.integers(0, 2**32 - 1), st.integers(0, 12))
def test_no_speck_is_left_and_no_label_invented(seed, min_area):
    labels = np.random.default_rng(seed).integers(0, 4, (12, 12))
    labels[:5] = 0
    cleaned = absorb_specks(labels, np.array([0, 1, 1, 2]), min_area)
    assert np.bincount(components(cleaned).ravel()).min() >= min_area
    assert set(np.unique(cleaned)) <= set(np.unique(labels))
