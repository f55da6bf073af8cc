"""Pictures of any kind as 8-bit RGB."""

from __future__ import annotations

import numpy as np
from PIL import Image

LEVELS = 257
"""Levels of 16 bits for one of 8."""


def to_rgb(image: Image.Image, *, behind: str = "white") -> Image.Image:
    """An image of any mode as RGB; what is transparent shows what lies behind it.

    16-bit levels are scaled to 8 bits. Of the modes I and F, which do not tell their range, values
    over 255 mean 16 bits.

    Args:
        image: any mode.
        behind: a color that PIL knows.
    """
    if image.mode in ("I", "F") or image.mode.startswith("I;16"):
        return _from_gray(image).convert("RGB")
    if not image.has_transparency_data:
        return image.convert("RGB")
    ground = Image.new("RGBA", image.size, behind)
    return Image.alpha_composite(ground, image.convert("RGBA")).convert("RGB")


def _from_gray(image: Image.Image) -> Image.Image:
    """Levels of more than 8 bits as mode L."""
    levels = np.nan_to_num(np.asarray(image, dtype=np.float64))
    if image.mode not in ("I", "F") or levels.max(initial=0) > 255:
        levels = levels / LEVELS
    return Image.fromarray(np.rint(levels).clip(0, 255).astype(np.uint8))
