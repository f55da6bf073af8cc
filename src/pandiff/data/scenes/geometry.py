"""Drawings as lists of polygons: one geometry for the image and for the ids.

Coordinates are local: a thing stands with its foot at (0, 0), y points down as in a picture, and
one unit is its height or length. `place` moves a drawing into the unit square of the scene.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import NamedTuple

from pandiff.data.scenes.palette import RGB

Point = tuple[float, float]


class Part(NamedTuple):
    """One filled polygon.

    Attributes:
        points: its corners.
        color: RGB by daylight, or as it is where `glow`.
        alpha: opacity 1..255.
        solid: whether it belongs to the silhouette, and so to the ids.
        glow: whether it shines by itself, so that light and haze leave it alone.
    """

    points: Sequence[Point]
    color: RGB
    alpha: int = 255
    solid: bool = True
    glow: bool = False


@lru_cache(maxsize=64)
def _circle(n: int) -> tuple[Point, ...]:
    turns = (2 * math.pi * k / n for k in range(n))
    return tuple((math.cos(a), math.sin(a)) for a in turns)


def ellipse(cx: float, cy: float, rx: float, ry: float, n: int = 24) -> list[Point]:
    """Corners of an ellipse with n vertices."""
    return [(cx + rx * c, cy + ry * s) for c, s in _circle(n)]


def dome(cx: float, cy: float, rx: float, ry: float, n: int = 24) -> list[Point]:
    """The upper half of an ellipse; its flat side lies at cy."""
    return [(cx + rx * c, cy - ry * s) for c, s in _circle(n)[: n // 2 + 1]]


def smooth(points: Sequence[Point], rounds: int = 2) -> list[Point]:
    """A closed polygon with its corners cut (Chaikin 1974)."""
    out = list(points)
    for _ in range(rounds):
        pairs = zip(out, out[1:] + out[:1], strict=True)
        out = [
            q
            for (ax, ay), (bx, by) in pairs
            for q in (
                (0.75 * ax + 0.25 * bx, 0.75 * ay + 0.25 * by),
                (0.25 * ax + 0.75 * bx, 0.25 * ay + 0.75 * by),
            )
        ]
    return out


def limb(a: Point, b: Point, wa: float, wb: float | None = None) -> list[Point]:
    """A bar from a to b with widths wa and wb and slightly rounded ends."""
    wb = wa if wb is None else wb
    dx, dy = b[0] - a[0], b[1] - a[1]
    length = math.hypot(dx, dy) or 1e-9
    ux, uy = dx / length, dy / length
    ha, hb, ea, eb = wa / 2, wb / 2, wa * 0.3, wb * 0.3
    return [
        (a[0] - uy * ha, a[1] + ux * ha),
        (a[0] - ux * ea - uy * ha * 0.5, a[1] - uy * ea + ux * ha * 0.5),
        (a[0] - ux * ea + uy * ha * 0.5, a[1] - uy * ea - ux * ha * 0.5),
        (a[0] + uy * ha, a[1] - ux * ha),
        (b[0] + uy * hb, b[1] - ux * hb),
        (b[0] + ux * eb + uy * hb * 0.5, b[1] + uy * eb - ux * hb * 0.5),
        (b[0] + ux * eb - uy * hb * 0.5, b[1] + uy * eb + ux * hb * 0.5),
        (b[0] - uy * hb, b[1] + ux * hb),
    ]


def box(x0: float, y0: float, x1: float, y1: float) -> list[Point]:
    """Corners of an upright rectangle."""
    return [(x0, y0), (x1, y0), (x1, y1), (x0, y1)]


def mark(points: Sequence[Point], color: RGB, alpha: int = 255, glow: bool = False) -> Part:
    """A detail or a shade that does not belong to the silhouette."""
    return Part(points, color, alpha, False, glow)


def place(parts: Iterable[Part], x: float, y: float, scale: float, flip: bool) -> list[Part]:
    """The parts with their foot at (x, y), `scale` large, mirrored if `flip`."""
    sx = -scale if flip else scale
    return [
        p._replace(points=[(x + sx * px, y + scale * py) for px, py in p.points]) for p in parts
    ]
