import numpy as np
import pytest

from pandiff.codec.coloring import NUM_COLORS, REACH, color_instances


def near_pairs(category, instance):
    """The slow way: every pair of cells within REACH."""
    height, width = instance.shape
    for y, x in np.argwhere(instance > 0):
        for v in range(y, min(height, y + REACH + 1)):
            for u in range(max(0, x - REACH), min(width, x + REACH + 1)):
                if 0 < instance[v, u] != instance[y, x] and category[v, u] == category[y, x]:
                    yield (y, x), (v, u)


@pytest.mark.parametrize("seed", range(5))
def test_near_instances_of_a_category_differ(seed, taxonomy, random_map):
    from pandiff.codec import PanopticCodec

    labels = PanopticCodec(taxonomy).prepare(random_map(seed, things=9), (48, 48))
    pairs = list(near_pairs(labels.category, labels.instance))
    assert labels.color.max() < NUM_COLORS
    assert all(labels.color[a] != labels.color[b] for a, b in pairs)


def test_touching_differ_and_strangers_share():
    category = np.array([[3, 3, 3, 3, 0, 0, 0, 3], [4, 4, 0, 0, 0, 0, 0, 0]])
    instance = np.array([[1, 1, 2, 2, 0, 0, 0, 3], [4, 4, 0, 0, 0, 0, 0, 0]])
    colors = color_instances(category, instance)
    assert colors[0, 0] != colors[0, 2]
    assert colors[0, 7] == colors[1, 0] == 0
    assert (colors[instance == 0] == 0).all()


def test_a_crowd_of_neighbours_uses_every_color_and_does_not_fail():
    instance = np.arange(1, 10).reshape(3, 3)
    colors = color_instances(np.full((3, 3), 2), instance)
    assert set(colors.ravel()) == set(range(NUM_COLORS))


def test_mirrored_map_keeps_its_colors():
    rng = np.random.default_rng(0)
    instance = np.repeat(np.repeat(rng.permutation(12).reshape(4, 3) + 1, 4, 0), 5, 1)
    instance[:, 7] = 0
    category = (instance > 0) * 2
    mirrored = color_instances(category[:, ::-1], instance[:, ::-1])
    assert np.array_equal(mirrored[:, ::-1], color_instances(category, instance))
