"""The names of segments, written where there is room for them."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from pandiff.panoptic import PanopticMap, Segment

SCALES = (1.0, 0.8, 0.64)
"""Sizes to try, largest first."""

SMALLEST = 9
"""Font size in pixels below which nothing is written."""

COVER = 0.95
"""Part of a name's box that must lie in its segment."""


@lru_cache(maxsize=64)
def font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    """Pillow's own font at a size in pixels."""
    return ImageFont.load_default(size)


def write_names(picture: Image.Image, panoptic: PanopticMap) -> None:
    """Write each segment's category into it, at the largest size that fits; small ones get none.

    Args:
        picture: of the map's size; written on.
        panoptic: the map.
    """
    draw = ImageDraw.Draw(picture)
    taken = np.zeros(panoptic.ids.shape, dtype=bool)
    for segment in sorted(panoptic.segments, key=lambda s: (-s.area, s.id)):
        _write_name(draw, panoptic, segment, taken)


def _write_name(
    draw: ImageDraw.ImageDraw, panoptic: PanopticMap, segment: Segment, taken: np.ndarray
) -> None:
    name = panoptic.taxonomy.by_id(segment.category_id).name
    x, y, width, height = segment.bbox
    window = slice(y, y + height), slice(x, x + width)
    mask = panoptic.ids[window] == segment.id
    for scale in SCALES:
        size = round(max(11, min(panoptic.size) / 20) * scale)
        stroke = max(1, size // 10)
        left, top, right, bottom = draw.textbbox((0, 0), name, font(size), stroke_width=stroke)
        box = int(right - left), int(bottom - top)
        place = _place(mask, taken[window], box) if size >= SMALLEST else None
        if place is not None:
            column, row = x + place[0], y + place[1]
            taken[row : row + box[1], column : column + box[0]] = True
            draw.text(
                (column - left, row - top),
                name,
                "white",
                font(size),
                stroke_width=stroke,
                stroke_fill=(20, 20, 20),
            )
            return


def _place(mask: np.ndarray, taken: np.ndarray, box: tuple[int, int]) -> tuple[int, int] | None:
    """Upper left corner (x, y) of a box (width, height) inside a mask, near its centroid."""
    width, height = box
    if width > mask.shape[1] or height > mask.shape[0]:
        return None
    inside = _box_sums(mask, box) >= COVER * width * height
    rows, columns = np.nonzero(inside & (_box_sums(taken, box) == 0))
    if not len(rows):
        return None
    ys, xs = np.nonzero(mask)
    distance = (rows + height / 2 - ys.mean()) ** 2 + (columns + width / 2 - xs.mean()) ** 2
    best = int(distance.argmin())
    return int(columns[best]), int(rows[best])


def _box_sums(mask: np.ndarray, box: tuple[int, int]) -> np.ndarray:
    """Number of True in the box at each upper left corner, from an integral image."""
    width, height = box
    integral = np.pad(mask.cumsum(axis=0).cumsum(axis=1), ((1, 0), (1, 0)))
    rows = integral[height:] - integral[:-height]
    return rows[:, width:] - rows[:, :-width]
