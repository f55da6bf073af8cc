"""Pictures of any size in a square, and back."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from pandiff.data.frame import Frame
from pandiff.panoptic import PanopticMap
from pandiff.taxonomy import Category, Taxonomy

TAXONOMY = Taxonomy((Category(1, "sky", False), Category(2, "box", True)))
sides = st.integers(1, 60)


def halves(width: int, height: int) -> PanopticMap:
    ids = np.ones((height, width), np.int32)
    ids[:, width // 2 :] = 2
    return PanopticMap.from_ids(ids, {1: 1, 2: 2}, TAXONOMY)


@given(width=sides, height=sides, side=st.integers(1, 40))
def test_sizes(width: int, height: int, side: int) -> None:
    frame = Frame((width, height), side)
    left, top, right, bottom = frame.box
    assert 0 <= left < right <= side
    assert 0 <= top < bottom <= side
    assert max(right - left, bottom - top) == side
    assert frame.place(Image.new("RGB", (width, height))).size == (side, side)
    assert frame.cut(Image.new("RGB", (side, side))).size == (width, height)
    assert frame.place_map(halves(width, height)).size == (side, side)
    assert frame.cut_map(halves(side, side)).size == (width, height)


@given(width=sides, height=sides)
def test_back_and_forth_without_scaling_is_exact(width: int, height: int) -> None:
    frame, panoptic = Frame((width, height), max(width, height)), halves(width, height)
    noise = np.random.default_rng(0).integers(0, 255, (height, width, 3)).astype(np.uint8)
    assert np.array_equal(np.asarray(frame.cut(frame.place(Image.fromarray(noise)))), noise)
    assert frame.cut_map(frame.place_map(panoptic)) == panoptic


def test_edges_are_repeated() -> None:
    image = Image.new("RGB", (4, 2), (9, 9, 9))
    image.putpixel((0, 0), (200, 0, 0))
    square = np.asarray(Frame((4, 2), 4).place(image))
    assert (square[:2, 0] == (200, 0, 0)).all()
    assert (square[2:] == 9).all()
    assert not (Frame((4, 2), 4).place_map(halves(4, 2)).ids == 0).any()


def test_image_and_map_lie_alike() -> None:
    panoptic = halves(60, 20)
    image = Image.fromarray((panoptic.ids == 2).astype(np.uint8) * 255)
    frame = Frame((60, 20), 32)
    white = np.asarray(frame.place(image))[..., 0] > 127
    assert np.array_equal(white, frame.place_map(panoptic).ids == 2)
