"""Analog bits: integers written as {-1, +1} and read back as the nearest valid code word.

Chen, Zhang & Hinton 2022, "Analog Bits" (arXiv 2208.04202).
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import torch
from torch import Tensor


def bits_for(count: int) -> int:
    """Number of bits that tell `count` values apart; at least 1."""
    return max(1, (count - 1).bit_length())


@lru_cache(maxsize=64)
def code_book(count: int) -> np.ndarray:
    """(count, bits) float32 in {-1, +1}: the binary code of 0..count-1, high bit first."""
    bits = bits_for(count)
    shifts = np.arange(bits)[::-1]
    book = ((np.arange(count)[:, None] >> shifts) & 1).astype(np.float32) * 2 - 1
    book.setflags(write=False)
    return book


def to_bits(values: Tensor, count: int) -> Tensor:
    """Integers (B, H, W) in 0..count-1 -> (B, bits, H, W) float32 in {-1, +1}."""
    shifts = torch.arange(bits_for(count) - 1, -1, -1, device=values.device, dtype=torch.int32)
    bits = (values.int()[:, None] >> shifts[:, None, None]) & 1
    return bits.float().mul_(2).sub_(1)


def similarity(bits: np.ndarray, count: int) -> np.ndarray:
    """(bits, H, W) reals -> (count, H, W): the dot product with each code word.

    All code words have the same length, so the largest product is the nearest word.
    """
    channels, height, width = bits.shape
    return (code_book(count) @ bits.reshape(channels, -1)).reshape(count, height, width)


def nearest(bits: np.ndarray, count: int) -> np.ndarray:
    """(bits, H, W) reals -> (H, W) int64: the value of the nearest valid code word."""
    return similarity(bits, count).argmax(axis=0)
