"""Maps as pictures: category colors varied by instance, thin borders, names."""

from __future__ import annotations

from collections import Counter

import numpy as np
from PIL import Image

from pandiff.draw.names import write_names
from pandiff.errors import InputError
from pandiff.panoptic import PanopticMap
from pandiff.rgb import to_rgb

GOLDEN = 0.618034
"""Fraction of the golden ratio: its multiples modulo 1 keep far apart."""


def render(panoptic: PanopticMap) -> Image.Image:
    """The map as an RGB picture of its size, with darker borders; void is black."""
    return Image.fromarray(_with_borders(_paint(panoptic), panoptic))


def overlay(panoptic: PanopticMap, image: Image.Image, *, alpha: float = 0.55) -> Image.Image:
    """The map over its image, with borders, and names in the segments that have room for them.

    Args:
        panoptic: the map; brought to the image's size by nearest neighbour.
        image: any mode and size.
        alpha: opacity of the map, 0..1; void stays clear.

    Raises:
        InputError: if alpha is outside 0..1.
    """
    if not 0 <= alpha <= 1:
        raise InputError("alpha in 0..1", str(alpha), "choose one between")
    if panoptic.size != image.size:
        panoptic = panoptic.resize(image.size)
    weight = alpha * (panoptic.ids > 0)[..., None]
    mixed = np.asarray(to_rgb(image)) * (1 - weight) + _paint(panoptic) * weight
    picture = Image.fromarray(_with_borders(np.rint(mixed).astype(np.uint8), panoptic))
    write_names(picture, panoptic)
    return picture


def _paint(panoptic: PanopticMap) -> np.ndarray:
    """(H, W, 3) uint8: each segment in a color of its own."""
    return panoptic.lookup(segment_colors(panoptic))


def segment_colors(panoptic: PanopticMap) -> np.ndarray:
    """(n, 3) uint8: for each segment its category's color, varied among the things of one.

    The first thing of a category keeps the color; the next are lighter or darker by turns.
    """
    colors = np.zeros((len(panoptic.segments), 3), dtype=np.uint8)
    seen: Counter[int] = Counter()
    for k, segment in enumerate(panoptic.segments):
        category = panoptic.taxonomy.by_id(segment.category_id)
        colors[k] = shade(category.color, seen[category.id] if category.isthing else 0)
        seen[category.id] += 1
    return colors


def shade(color: tuple[int, int, int], k: int) -> np.ndarray:
    """(3,) uint8: variant k of a color, mixed with white or black by up to a half."""
    shift = (k * GOLDEN + 0.5) % 1 - 0.5
    target = 255.0 if shift > 0 else 0.0
    return np.rint(np.array(color) * (1 - abs(shift)) + target * abs(shift)).astype(np.uint8)


def _with_borders(rgb: np.ndarray, panoptic: PanopticMap) -> np.ndarray:
    """The picture with the last pixel before another segment darkened."""
    ids = panoptic.ids
    border = np.zeros(ids.shape, dtype=bool)
    border[:, :-1] |= ids[:, 1:] != ids[:, :-1]
    border[:-1] |= ids[1:] != ids[:-1]
    return np.where(border[..., None], rgb // 3, rgb)
