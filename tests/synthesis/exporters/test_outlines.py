"""Outlines: by hand, and given back by rasterisers for any mask."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image, ImageDraw

from pandiff.synthesis.exporters.outlines import drawn_in, joined, rings

MASKS = arrays(bool, st.tuples(st.integers(1, 9), st.integers(1, 9))).filter(np.any)


def centers_inside(polygon: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """(H, W) bool by the even-odd rule: which pixel centers are inside."""
    y, x = np.mgrid[: shape[0], : shape[1]] + 0.5
    inside = np.zeros(shape, bool)
    for ends in zip(polygon.tolist(), np.roll(polygon, -1, axis=0).tolist(), strict=True):
        (x0, y0), (x1, y1) = sorted(ends)  # a bridge is rounded alike there and back
        if y0 != y1:
            crosses = (y0 <= y) != (y1 <= y)
            inside ^= crosses & (x < x0 + (y - y0) * (x1 - x0) / (y1 - y0))
    return inside


def test_a_ring_has_two_borders() -> None:
    mask = np.ones((3, 4), bool)
    mask[1, 1:3] = False
    outer, hole = sorted(rings(mask), key=len_of_way, reverse=True)
    assert sorted(map(tuple, outer.tolist())) == [(0, 0), (0, 3), (4, 0), (4, 3)]
    assert sorted(map(tuple, hole.tolist())) == [(1, 1), (1, 2), (3, 1), (3, 2)]
    assert signed_area(outer) == 12
    assert signed_area(hole) == -2


def len_of_way(ring: np.ndarray) -> int:
    return int(np.abs(np.roll(ring, -1, axis=0) - ring).sum())


def signed_area(ring: np.ndarray) -> float:
    x, y = ring.T
    return float((x * np.roll(y, -1) - np.roll(x, -1) * y).sum() / 2)


def test_pixels_that_touch_at_a_corner_are_two_parts() -> None:
    for mask in (np.eye(2, dtype=bool), np.eye(2, dtype=bool)[::-1]):
        assert [len(ring) for ring in rings(mask)] == [4, 4]


@given(MASKS)
def test_areas_add_up(mask: np.ndarray) -> None:
    assert sum(signed_area(ring) for ring in rings(mask)) == mask.sum()


@given(MASKS)
def test_the_joined_polygon_covers_the_mask(mask: np.ndarray) -> None:
    polygon = joined(rings(mask))
    assert np.array_equal(centers_inside(polygon, mask.shape), mask)
    assert signed_area(polygon) == mask.sum()
    polygon = joined([drawn_in(ring, 0.01) for ring in rings(mask)])
    assert np.array_equal(centers_inside(polygon, mask.shape), mask)


@pytest.mark.parametrize("radius", [1, 3, 8.5, 20])
def test_pillow_gives_back_simple_shapes(radius: float) -> None:
    """A rasteriser that truncates coordinates and fills the border too."""
    y, x = np.mgrid[:48, :48]
    mask = (x - 23) ** 2 + (y - 24) ** 2 < radius**2
    (ring,) = rings(mask)
    image = Image.new("1", (48, 48))
    ImageDraw.Draw(image).polygon([tuple(p) for p in drawn_in(ring, 0.01).tolist()], fill=1)
    assert np.array_equal(np.asarray(image), mask)
