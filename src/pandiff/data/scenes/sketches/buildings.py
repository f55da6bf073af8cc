"""Houses: height 1 from the ground to the ridge."""

from __future__ import annotations

import numpy as np

from pandiff.data.scenes.geometry import Part, Point, box, mark
from pandiff.data.scenes.palette import RGB, darker, lighter

_ROOFS: tuple[RGB, ...] = ((150, 66, 52), (92, 84, 96), (112, 74, 54), (70, 82, 104), (62, 58, 64))
_DOORS: tuple[RGB, ...] = ((112, 70, 44), (60, 78, 92), (84, 48, 40), (58, 84, 66))
_GLASS: RGB = (120, 166, 196)
_LAMP: RGB = (255, 222, 130)


def house(rng: np.random.Generator, color: RGB, lit: bool) -> list[Part]:
    """A cottage, a long house or a town house, by chance; its windows shine if `lit`."""
    kind = int(rng.integers(0, 5))
    roof = _ROOFS[int(rng.integers(len(_ROOFS)))]
    if sum(abs(a - b) for a, b in zip(roof, color, strict=True)) < 120:
        roof = (208, 200, 190) if sum(color) < 330 else (62, 58, 64)
    door = _DOORS[int(rng.integers(len(_DOORS)))]
    lamps = rng.random(8) < (0.8 if lit else 0.0)
    builder = (_cottage, _cottage, _long_house, _long_house, _town_house)[kind]
    return builder(color, roof, door, lamps.tolist())


def _window(x: float, y: float, w: float, h: float, on: bool, frame: RGB) -> list[Part]:
    pane = box(x, y, x + w, y + h)
    m = 0.018
    parts = [mark(box(x - m, y - m, x + w + m, y + h + m), frame)]
    parts.append(mark(pane, _LAMP if on else _GLASS, glow=on))
    if not on:
        parts.append(mark([(x, y), (x + w, y), (x, y + h)], (186, 214, 230), 150))
    parts.append(mark(box(x + w / 2 - 0.008, y, x + w / 2 + 0.008, y + h), frame))
    return parts


def _frame_of(color: RGB) -> RGB:
    return (250, 248, 240) if sum(color) < 600 else (120, 104, 96)


def _door(x: float, w: float, h: float, color: RGB) -> list[Part]:
    return [
        mark(box(x - 0.015, -h - 0.015, x + w + 0.015, 0), darker(color, 0.3)),
        mark(box(x, -h, x + w, 0), color),
        mark(box(x + w * 0.72, -h * 0.5, x + w * 0.86, -h * 0.42), (236, 206, 120)),
    ]


def _roof_lines(left: Point, right: Point, top: float, bottom: float, color: RGB) -> list[Part]:
    rows = []
    for k in (1, 2, 3):
        t = k / 4
        y = top + (bottom - top) * t
        x0, x1 = left[0] + (left[1] - left[0]) * t, right[0] + (right[1] - right[0]) * t
        rows.append(mark(box(x0, y - 0.008, x1, y + 0.008), darker(color, 0.3), 130))
    return rows


def _cottage(wall: RGB, roof: RGB, door: RGB, on: list[bool]) -> list[Part]:
    """A gable to the front and a long side to the right."""
    frame, side = _frame_of(wall), darker(wall, 0.22)
    gable = [(-0.56, 0.0), (-0.56, -0.56), (-0.24, -0.96), (0.08, -0.56), (0.08, 0.0)]
    parts = [
        Part(box(0.34, -1.02, 0.44, -0.74), darker((150, 82, 66), 0.1)),
        Part(box(0.06, -0.6, 0.62, 0.0), side),
        Part(gable, wall),
        mark(box(-0.56, -0.05, 0.08, 0.0), darker(wall, 0.3)),
        mark(box(0.06, -0.05, 0.62, 0.0), darker(side, 0.3)),
        Part([(-0.24, -0.98), (0.44, -0.98), (0.7, -0.53), (0.08, -0.53)], roof),
        *_roof_lines((-0.24, 0.08), (0.44, 0.7), -0.98, -0.53, roof),
        Part([(-0.24, -1.0), (-0.2, -0.92), (-0.58, -0.46), (-0.64, -0.52)], darker(roof, 0.15)),
        Part([(-0.26, -1.0), (-0.2, -1.0), (0.14, -0.53), (0.06, -0.48)], darker(roof, 0.3)),
    ]
    parts += _door(-0.33, 0.17, 0.36, door)
    parts += _window(-0.31, -0.68, 0.13, 0.14, on[0], frame)
    parts += _window(0.16, -0.38, 0.15, 0.17, on[1], frame)
    parts += _window(0.4, -0.38, 0.15, 0.17, on[2], frame)
    return parts


def _long_house(wall: RGB, roof: RGB, door: RGB, on: list[bool]) -> list[Part]:
    """A wide front under a hipped roof."""
    frame = _frame_of(wall)
    parts = [
        Part(box(-0.42, -1.04, -0.31, -0.7), darker((150, 82, 66), 0.1)),
        Part(box(-0.62, -0.6, 0.62, 0.0), wall),
        mark(box(0.32, -0.6, 0.62, 0.0), darker(wall, 0.3), 90),
        mark(box(-0.62, -0.6, 0.62, -0.53), darker(wall, 0.35), 150),
        mark(box(-0.62, -0.05, 0.62, 0.0), darker(wall, 0.35)),
        Part([(-0.46, -0.97), (0.46, -0.97), (0.7, -0.56), (-0.7, -0.56)], roof),
        mark([(-0.46, -0.97), (0.46, -0.97), (0.49, -0.92), (-0.49, -0.92)], lighter(roof, 0.25)),
        *_roof_lines((-0.46, -0.7), (0.46, 0.7), -0.97, -0.56, roof),
    ]
    parts += _door(-0.09, 0.18, 0.38, door)
    for k, x in enumerate((-0.52, -0.31, 0.18, 0.39)):
        parts += _window(x, -0.41, 0.14, 0.18, on[k], frame)
    return parts


def _town_house(wall: RGB, roof: RGB, door: RGB, on: list[bool]) -> list[Part]:
    """Three storeys and a stepped top."""
    frame = _frame_of(wall)
    parts = [
        Part(box(-0.32, -0.86, 0.32, 0.0), wall),
        mark(box(0.2, -0.86, 0.32, 0.0), darker(wall, 0.3), 100),
        Part([(-0.36, -0.84), (-0.22, -1.0), (0.22, -1.0), (0.36, -0.84)], roof),
        mark(box(-0.34, -0.86, 0.34, -0.82), darker(roof, 0.3)),
        mark(box(-0.32, -0.29, 0.32, -0.265), darker(wall, 0.3)),
        mark(box(-0.32, -0.04, 0.32, 0.0), darker(wall, 0.35)),
    ]
    parts += _door(-0.08, 0.16, 0.22, door)
    for k, (x, y) in enumerate(
        (
            (-0.24, -0.76),
            (-0.065, -0.76),
            (0.11, -0.76),
            (-0.24, -0.5),
            (-0.065, -0.5),
            (0.11, -0.5),
        )
    ):
        parts += _window(x, y, 0.13, 0.16, on[k], frame)
    return parts
