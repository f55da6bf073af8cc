import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from pandiff.codec.bits import bits_for, code_book, nearest, to_bits


@pytest.mark.parametrize(("count", "bits"), [(1, 1), (2, 1), (3, 2), (21, 5), (134, 8), (256, 8)])
def test_bits_for(count, bits):
    assert bits_for(count) == bits


def test_code_book_is_binary_high_bit_first():
    assert code_book(6)[5].tolist() == [1, -1, 1]
    assert len(np.unique(code_book(21), axis=0)) == 21


@given(st.integers(2, 256), st.integers(0, 2**32 - 1))
def test_bits_round_trip(count, seed):
    values = np.random.default_rng(seed).integers(0, count, (1, 3, 5))
    assert np.array_equal(
        nearest(to_bits(torch.from_numpy(values), count)[0].numpy(), count), values[0]
    )


@given(st.integers(2, 40), st.integers(0, 2**32 - 1))
def test_nearest_is_the_nearest_valid_word(count, seed):
    bits = np.random.default_rng(seed).normal(0, 2, (bits_for(count), 4, 4)).astype(np.float32)
    distance = ((code_book(count)[:, :, None, None] - bits) ** 2).sum(axis=1)
    chosen = np.take_along_axis(distance, nearest(bits, count)[None], axis=0)[0]
    assert np.allclose(chosen, distance.min(axis=0), rtol=1e-4, atol=1e-4)
