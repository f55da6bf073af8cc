"""Ids as colors."""

from __future__ import annotations

import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as st_numpy
from PIL import Image

from pandiff.coco import MAX_ID, ids_to_png, png_to_ids
from pandiff.errors import InputError

SHAPES = st.tuples(st.integers(1, 9), st.integers(1, 9))


@given(ids=st_numpy.arrays(np.int32, SHAPES, elements=st.integers(0, MAX_ID)))
def test_round_trip_through_a_file(ids: np.ndarray) -> None:
    file = io.BytesIO()
    ids_to_png(ids).save(file, "PNG")
    back = png_to_ids(Image.open(file))
    assert back.dtype == np.int32
    np.testing.assert_array_equal(back, ids)


def test_red_is_the_lowest_byte() -> None:
    png = ids_to_png(np.array([[1 + 256 * 2 + 65536 * 3]]))
    assert png.getpixel((0, 0)) == (1, 2, 3)


@pytest.mark.parametrize("dtype", [np.int16, np.uint32, np.int64, ">i4"])
def test_any_integer_type_and_stride(dtype: str) -> None:
    ids = np.arange(12).reshape(3, 4).astype(dtype)[::-1, ::2]
    np.testing.assert_array_equal(png_to_ids(ids_to_png(ids)), ids)


@pytest.mark.parametrize("odd", [-1, MAX_ID + 1])
def test_ids_that_do_not_fit(odd: int) -> None:
    with pytest.raises(InputError, match=rf"0\.\.{MAX_ID}, got {odd};"):
        ids_to_png(np.array([[0, odd]]))


@pytest.mark.parametrize("mode", ["L", "P", "RGBA", "I;16"])
def test_other_modes_are_refused(mode: str) -> None:
    with pytest.raises(InputError, match=f"got mode {mode}"):
        png_to_ids(Image.new(mode, (2, 2)))
