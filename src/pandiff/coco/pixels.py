"""Segment ids as the colors of a PNG: id = R + 256 G + 65536 B."""

from __future__ import annotations

import numpy as np
from PIL import Image

from pandiff.errors import InputError

MAX_ID = (1 << 24) - 1
"""Largest segment id that a PNG can hold."""


def ids_to_png(ids: np.ndarray) -> Image.Image:
    """(H, W) integer ids 0..MAX_ID -> RGB image with id = R + 256 G + 65536 B.

    Raises:
        InputError: if an id is outside 0..MAX_ID.
    """
    low, high = (int(ids.min()), int(ids.max())) if ids.size else (0, 0)
    if low < 0 or high > MAX_ID:
        odd = low if low < 0 else high
        raise InputError(f"segment ids in 0..{MAX_ID}", str(odd), "renumber the segments")
    height, width = ids.shape
    codes = np.ascontiguousarray(ids, dtype="<u4").tobytes()
    return Image.frombytes("RGB", (width, height), codes, "raw", "RGBX")


def png_to_ids(png: Image.Image) -> np.ndarray:
    """RGB image -> (H, W) int32 ids, R + 256 G + 65536 B: the inverse of `ids_to_png`.

    Raises:
        InputError: if the image is not RGB.
    """
    if png.mode != "RGB":
        raise InputError("a panoptic PNG of mode RGB", f"mode {png.mode}", "write it as RGB")
    codes = np.frombuffer(png.tobytes("raw", "RGBX"), dtype="<i4")
    return (codes & MAX_ID).astype(np.int32, copy=False).reshape(png.height, png.width)
