"""How sharp a generated map is where its categories meet, before it is decoded."""

from __future__ import annotations

import numpy as np

from pandiff.evaluation.boundaries import border


def sharpness(bits: np.ndarray) -> float:
    """Mean clearness of the category bits on both sides of the borders, 0 blurred .. 1 crisp.

    Bits of a clean map are -1 and 1 in every cell. Where a map is blurred, a bit that changes runs
    through 0, over w cells with values of about 1 / w beside the border: so 1 / sharpness is the
    width of the transition in cells. A map of one category is as sharp as all of its cells.

    Args:
        bits: (bits, H, W) reals, as a network gives them; clipped to [-1, 1].
    """
    clear = np.abs(np.clip(bits, -1, 1)).min(axis=0)
    words = np.tensordot(1 << np.arange(len(bits)), bits > 0, axes=1)
    beside = _both_sides(words)
    return float(clear[beside].mean() if beside.any() else clear.mean())


def _both_sides(words: np.ndarray) -> np.ndarray:
    """(H, W) bool: cells with a neighbour of another category."""
    before, after = border(words), border(words[::-1, ::-1])[::-1, ::-1]
    return before | after
