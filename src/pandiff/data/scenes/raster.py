"""From polygons to pixels with AGG (aggdraw): colors and masks from the same corners.

Corners are rounded to 1/64 pixel, so that the last bits of a machine's arithmetic do not matter.
"""

from __future__ import annotations

from collections.abc import Iterable

import aggdraw
import numpy as np
from PIL import Image

from pandiff.data.scenes.geometry import Part, Point
from pandiff.data.scenes.light import Light


def coverage(parts: Iterable[Part], size: int) -> np.ndarray:
    """(size, size) bool: the pixels of which the solid parts cover at least half."""
    canvas = aggdraw.Draw("L", (size, size), 0)
    brush = aggdraw.Brush(255)
    for part in parts:
        if part.solid:
            canvas.polygon(_corners(part.points, size), brush)
    return np.frombuffer(canvas.tobytes(), np.uint8).reshape(size, size) >= 128


def paint(
    image: np.ndarray, drawings: Iterable[tuple[Iterable[Part], float]], light: Light
) -> np.ndarray:
    """The (H, H, 3) uint8 image with drawings, each with its distance 0..1, on top of it."""
    size = image.shape[0]
    picture = Image.fromarray(image)
    canvas = aggdraw.Draw(picture)
    for parts, distance in drawings:
        for part in parts:
            color = part.color if part.glow else light.shade(part.color, distance)
            canvas.polygon(_corners(part.points, size), aggdraw.Brush(color, part.alpha))
    canvas.flush()
    return np.asarray(picture)


def _corners(points: Iterable[Point], size: int) -> list[float]:
    fine = size * 64
    return [int(v * fine + 0.5) / 64 for point in points for v in point]
