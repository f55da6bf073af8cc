"""Named colors, and what each category may wear."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

RGB = tuple[int, int, int]

COLORS: dict[str, RGB] = {
    "red": (208, 48, 44),
    "orange": (238, 128, 34),
    "yellow": (246, 208, 56),
    "green": (66, 158, 72),
    "blue": (48, 104, 208),
    "purple": (138, 72, 180),
    "white": (244, 244, 240),
    "black": (42, 42, 48),
    "brown": (136, 88, 52),
    "gray": (146, 150, 156),
}
"""The named colors, RGB 0..255 by daylight."""

WARDROBE: dict[str, dict[str, float]] = {
    "house": {
        "red": 3, "yellow": 3, "white": 4, "blue": 2, "brown": 2,
        "orange": 1, "gray": 1.5, "green": 1, "purple": 0.5,
    },
    "tree": {"green": 8, "orange": 1.2, "yellow": 0.8, "red": 0.7},
    "car": {
        "red": 4, "blue": 3, "yellow": 2, "white": 2.5, "black": 2,
        "green": 1.5, "gray": 1.5, "orange": 1, "purple": 0.6,
    },
    "boat": {
        "red": 3, "blue": 2, "white": 3, "brown": 2.5, "yellow": 1.5,
        "green": 1.2, "black": 1, "orange": 1,
    },
    "person": {
        "red": 3, "blue": 3, "green": 2, "yellow": 2, "orange": 1.2, "purple": 1.5,
        "white": 1.5, "black": 1.5, "brown": 0.8, "gray": 0.8,
    },
    "dog": {"brown": 4, "black": 2.5, "white": 2, "gray": 1.2, "orange": 1},
    "sheep": {"white": 7, "black": 1.8, "gray": 1, "brown": 1},
    "bird": {"black": 3, "white": 3, "gray": 1, "red": 1.2, "blue": 1.5, "yellow": 1, "brown": 1},
    "ball": {
        "red": 3, "orange": 2, "yellow": 2, "blue": 2, "green": 1.5, "purple": 1.2, "white": 1.5,
    },
    "balloon": {
        "red": 3, "yellow": 2, "blue": 2, "orange": 2, "purple": 1.5, "green": 1.5, "white": 0.8,
    },
    "flower": {"red": 3, "yellow": 3, "purple": 2, "white": 1.5, "orange": 1.5, "blue": 1.2},
    "umbrella": {
        "red": 3, "yellow": 2, "blue": 2, "green": 1.5, "purple": 1.2,
        "orange": 1.2, "white": 1, "black": 1.2,
    },
}  # fmt: skip
"""For each thing category, its colors and how often it wears them (relative weights)."""


def weighted(rng: np.random.Generator, weights: Mapping[str, float]) -> str:
    """One key of `weights`, drawn in proportion to its value."""
    left = float(rng.random()) * sum(weights.values())
    for key, weight in weights.items():
        left -= weight
        if left < 0:
            return key
    return key


def mix(a: Sequence[float], b: Sequence[float], t: float) -> RGB:
    """From color a (t = 0) to color b (t = 1)."""
    r, g, b_ = (int(x + (y - x) * t + 0.5) for x, y in zip(a, b, strict=True))
    return r, g, b_


def lighter(color: RGB, t: float) -> RGB:
    """The color moved to white by t in 0..1."""
    return mix(color, (255, 255, 255), t)


def darker(color: RGB, t: float) -> RGB:
    """The color moved to a bluish black by t in 0..1."""
    return mix(color, (16, 14, 30), t)


def jitter(rng: np.random.Generator, color: RGB, amount: int = 8) -> RGB:
    """The color with each channel moved by at most `amount`, within 0..255."""
    r, g, b = (
        min(255, max(0, c + int(d)))
        for c, d in zip(color, rng.integers(-amount, amount + 1, 3), strict=True)
    )
    return r, g, b
