"""What maps are made of, in closed form."""

from __future__ import annotations

import numpy as np
import pytest

from pandiff.evaluation.map_shapes import (
    GRID,
    area_shares,
    border_share,
    layout_features,
    roundness,
    roundness_histogram,
    segment_counts,
    size_histogram,
)
from pandiff.panoptic import PanopticMap
from pandiff.taxonomy import Taxonomy

SHEEP, GRASS, BIRD = 7, 200, 3


@pytest.fixture
def panoptic(taxonomy: Taxonomy) -> PanopticMap:
    """64 px: grass, a square sheep of 16 px, a bird of 1 x 16 px, and a row of void."""
    ids = np.full((64, 64), 9, np.int32)
    ids[:16, :16] = 4
    ids[40, 10:26] = 5
    ids[63] = 0
    return PanopticMap.from_ids(ids, {9: GRASS, 4: SHEEP, 5: BIRD}, taxonomy)


def test_areas_and_counts(panoptic: PanopticMap) -> None:
    shares = area_shares(panoptic)
    assert shares.sum() == 1 and shares[0] == 1 / 64
    assert shares[1:4].tolist() == [1 / 16, (4096 - 256 - 16 - 64) / 4096, 1 / 256]
    assert segment_counts(panoptic).tolist() == [0, 1, 1, 1, 0, 0]


def test_sizes_in_octaves(panoptic: PanopticMap) -> None:
    assert np.flatnonzero(size_histogram(panoptic)).tolist() == [4, 8]


def test_a_square_is_round_and_a_line_is_not(panoptic: PanopticMap) -> None:
    assert roundness(panoptic) == pytest.approx([1, 16 * 16 / 34**2])
    assert roundness_histogram(panoptic).sum() == 2 and roundness_histogram(panoptic)[-1] == 1


def test_crowds_are_not_counted(taxonomy: Taxonomy) -> None:
    ids = np.ones((8, 8), np.int32)
    crowd = PanopticMap.from_ids(ids, {1: SHEEP}, taxonomy, crowds=[1])
    assert not segment_counts(crowd).any() and not size_histogram(crowd).any()
    assert area_shares(crowd)[1] == 1


def test_borders(taxonomy: Taxonomy) -> None:
    ids = np.indices((10, 10)).sum(axis=0) % 2 + 1
    chess = PanopticMap.from_ids(ids, {1: SHEEP, 2: BIRD}, taxonomy)
    plain = PanopticMap.from_ids(np.ones((10, 10), int), {1: GRASS}, taxonomy)
    assert border_share(plain) == 0 and border_share(chess) == 0.99


def test_layout_tells_where(panoptic: PanopticMap) -> None:
    found = layout_features(panoptic)
    grid = found[:-6].reshape(GRID, GRID, 6)
    assert np.allclose(grid.sum(axis=2), 1)
    assert grid[0, 0, 1] == 1 and grid[1:, :, 1].max() == 0
    assert found[-6:].tolist() == pytest.approx([0, np.log(2), 0, np.log(2), 0, 0])
    assert not np.allclose(found, layout_features(panoptic.flip()))
