"""Stuff: hills, water, roads, mountains and forests as drawings across the whole picture."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from pandiff.data.scenes.geometry import Part, Point, dome, ellipse, mark, smooth
from pandiff.data.scenes.palette import RGB, darker, jitter, lighter, mix

GROUND_COLORS: dict[str, RGB] = {
    "grass": (122, 176, 84),
    "water": (58, 138, 198),
    "sand": (234, 208, 148),
    "road": (108, 108, 116),
    "mountain": (128, 122, 140),
    "snow": (236, 243, 250),
    "forest": (46, 106, 64),
}
"""Daylight colors of the stuff below the sky."""


@dataclass(frozen=True)
class Layer:
    """One piece of stuff.

    Attributes:
        category: name of the stuff category.
        parts: its drawing, in unit coordinates of the scene.
        distance: 0 (near) .. 1 (at the horizon), for the haze.
    """

    category: str
    parts: list[Part]
    distance: float = 0.0


def ridge(rng: np.random.Generator, y: float, amplitude: float, waves: float = 1.5) -> list[Point]:
    """A wavy line from the left border to the right one, around height y."""
    p, q = (float(v) for v in rng.uniform(0, 2 * math.pi, 2))
    tilt = float(rng.uniform(-0.5, 0.5)) * amplitude
    xs = [k / 24 for k in range(-1, 26)]
    return [
        (x, y + tilt * (x - 0.5) + amplitude * 0.6 * math.sin(2 * math.pi * waves * x + p)
         + amplitude * 0.3 * math.sin(2 * math.pi * waves * 2.3 * x + q))
        for x in xs
    ]  # fmt: skip


def below(line: list[Point]) -> list[Point]:
    """Everything under a line that runs from left to right."""
    return [*line, (line[-1][0], 1.05), (line[0][0], 1.05)]


def meadow(rng: np.random.Generator, line: list[Point]) -> Layer:
    """Grass below a line, with tufts."""
    color = jitter(rng, GROUND_COLORS["grass"], 12)
    parts = [Part(below(line), color)]
    floor = max(y for _, y in line) + 0.03
    for _ in range(22):
        x, t = (float(v) for v in rng.random(2))
        y = floor + (1.02 - floor) * t
        s = 0.012 + 0.022 * t
        tone = darker(color, 0.2) if rng.random() < 0.6 else lighter(color, 0.25)
        blades = [(x - s, y - s * 0.9), (x - s * 0.3, y - s * 0.4), (x, y - s * 1.3),
                  (x + s * 0.3, y - s * 0.4), (x + s, y - s * 0.8), (x, y)]  # fmt: skip
        parts.append(mark(blades, tone, 170))
    return Layer("grass", parts)


def plain(rng: np.random.Generator, line: list[Point], category: str) -> Layer:
    """Sand or snow below a line, with soft dunes or drifts and a few pebbles."""
    color = jitter(rng, GROUND_COLORS[category], 6)
    parts = [Part(below(line), color)]
    floor = max(y for _, y in line) + 0.05
    for _ in range(5):
        x, t = (float(v) for v in rng.random(2))
        y, w = floor + (1.0 - floor) * t, 0.12 + 0.25 * t
        tone = darker(color, 0.12) if category == "sand" else mix(color, (150, 178, 220), 0.35)
        dune = [(x - w, y), (x - w * 0.3, y - 0.02 - 0.02 * t), (x + w, y), (x, y + 0.008)]
        parts.append(mark(smooth(dune), tone, 110))
    for _ in range(8 if category == "sand" else 0):
        x, t = (float(v) for v in rng.random(2))
        y, s = floor + (1.0 - floor) * t, 0.004 + 0.006 * t
        parts.append(mark(ellipse(x, y, s * 1.4, s, 8), darker(color, 0.3), 150))
    return Layer(category, parts)


def sea(rng: np.random.Generator, top: float, bottom: float, mirrored: RGB) -> Layer:
    """Water between two heights; `mirrored` is the color of the sky, seen in it."""
    color = mix(jitter(rng, GROUND_COLORS["water"], 10), mirrored, 0.38)
    parts = [Part([(-0.05, top), (1.05, top), (1.05, 1.05), (-0.05, 1.05)], color)]
    steps = 5
    for k in range(1, steps):
        y = top + (bottom - top) * (k / steps) ** 1.3
        parts.append(
            mark([(-0.05, y), (1.05, y), (1.05, 1.05), (-0.05, 1.05)], darker(color, 0.3), 26)
        )
    for _ in range(16):
        x, t = (float(v) for v in rng.random(2))
        y, w = top + 0.01 + (bottom - top) * t, 0.02 + 0.05 * t
        tone = lighter(color, 0.45) if rng.random() < 0.7 else darker(color, 0.25)
        parts.append(mark(ellipse(x, y, w, 0.0035 + 0.004 * t, 10), tone, 130))
    return Layer("water", parts)


def shore(rng: np.random.Generator, line: list[Point], category: str) -> list[Part]:
    """Foam along a line, to be drawn over the water beside it."""
    wide = 0.016 if category == "sand" else 0.008
    band = [(x, y - wide) for x, y in line] + [(x, y + 0.01) for x, y in reversed(line)]
    return [mark(band, (246, 250, 252), 190)]


def street(rng: np.random.Generator, top: float, bottom: float) -> Layer:
    """A road from the left border to the right one, with kerbs and dashes."""
    color = jitter(rng, GROUND_COLORS["road"], 6)
    h = bottom - top
    parts = [
        Part([(-0.05, top), (1.05, top), (1.05, bottom), (-0.05, bottom)], color),
        mark(
            [(-0.05, top), (1.05, top), (1.05, top + 0.02), (-0.05, top + 0.02)],
            lighter(color, 0.4),
        ),
        mark(
            [(-0.05, bottom - 0.03), (1.05, bottom - 0.03), (1.05, bottom), (-0.05, bottom)],
            lighter(color, 0.45),
        ),
    ]
    middle, shift = top + h * 0.47, float(rng.random()) * 0.2
    for k in range(-1, 6):
        x = shift + 0.2 * k
        dash = [
            (x, middle),
            (x + 0.1, middle),
            (x + 0.097, middle + 0.018),
            (x - 0.004, middle + 0.018),
        ]
        parts.append(mark(dash, (240, 236, 220)))
    return Layer("road", parts)


@dataclass(frozen=True)
class Lane:
    """A road that runs to the horizon: its centre and half width at the far and the near end."""

    top: float
    far: tuple[float, float]
    near: tuple[float, float]

    def at(self, y: float) -> tuple[float, float]:
        """Centre and half width at height y."""
        t = (y - self.top) / (1.0 - self.top)
        return (
            self.far[0] + (self.near[0] - self.far[0]) * t,
            self.far[1] + (self.near[1] - self.far[1]) * t,
        )


def highway(rng: np.random.Generator, lane: Lane) -> Layer:
    """The drawing of a lane, with border lines and dashes."""
    color = jitter(rng, GROUND_COLORS["road"], 6)
    parts = [Part(_strip(lane, lane.top, 1.05, -1, 1), color)]
    for side in (-1, 1):
        parts.append(
            mark(_strip(lane, lane.top, 1.05, side * 0.9, side * 0.83), (236, 232, 218), 220)
        )
    t = 0.05
    while t < 1.0:
        y0, y1 = (lane.top + (1.0 - lane.top) * v for v in (t, min(1.05, t * 1.35 + 0.02)))
        parts.append(mark(_strip(lane, y0, y1, -0.035, 0.035), (244, 224, 130)))
        t = t * 1.8 + 0.05
    return Layer("road", parts)


def _strip(lane: Lane, y0: float, y1: float, a: float, b: float) -> list[Point]:
    (c0, w0), (c1, w1) = lane.at(y0), lane.at(y1)
    return [(c0 + a * w0, y0), (c0 + b * w0, y0), (c1 + b * w1, y1), (c1 + a * w1, y1)]


def mountains(rng: np.random.Generator, foot: float, height: float, capped: bool) -> Layer:
    """Two to four peaks with a sunny and a shady side, some with snow on top."""
    color = jitter(rng, GROUND_COLORS["mountain"], 14)
    n = int(rng.integers(2, 5))
    foothills = [(-0.05, foot - height * 0.3), (1.05, foot - height * 0.25)]
    parts = [Part(below(foothills), darker(color, 0.1))]
    order = rng.permutation(n).tolist()
    for k in order:
        x = (k + float(rng.uniform(0.25, 0.75))) / n
        h = height * float(rng.uniform(0.7, 1.0))
        w = h * float(rng.uniform(0.9, 1.3)) + 0.1
        parts += _peak(rng, x, foot + 0.03, w, h, jitter(rng, color, 8), capped)
    return Layer("mountain", parts, 0.75)


def _peak(
    rng: np.random.Generator, x: float, y: float, w: float, h: float, color: RGB, capped: bool
) -> list[Part]:
    bend = float(rng.uniform(-0.06, 0.06))
    left = [(x - w, y), (x - w * 0.55, y - h * 0.48), (x - w * 0.3, y - h * 0.68), (x, y - h)]
    right = [(x + w * 0.24, y - h * 0.72), (x + w * 0.6, y - h * 0.42), (x + w, y)]
    spine = [(x + bend, y - h * 0.7), (x - bend * 0.6 + 0.03, y - h * 0.4), (x + 0.05, y)]
    parts = [
        Part([*left, *right], lighter(color, 0.12)),
        mark([(x, y - h), *right, *reversed(spine)], darker(color, 0.25)),
    ]
    if capped:
        a = [(x - w * 0.2, y - h * 0.78), (x - w * 0.1, y - h * 0.72), (x - w * 0.02, y - h * 0.8)]
        b = [(x + w * 0.08, y - h * 0.7), (x + w * 0.18, y - h * 0.79)]
        cap = [(x, y - h), *a, (x + bend * 0.4, y - h * 0.74), *b]
        parts.append(mark(cap, (246, 249, 253)))
        parts.append(mark([(x, y - h), (x + bend * 0.4, y - h * 0.74), *b], (196, 208, 228)))
    return parts


def forest(rng: np.random.Generator, foot: float, height: float, kind: str) -> Layer:
    """A wall of trees, "leafy" or "pine", in two rows."""
    color = jitter(rng, GROUND_COLORS["forest"], 8)
    if kind == "leafy":
        color = mix(color, (76, 134, 62), 0.4)
    undergrowth = [(-0.05, foot - height * 0.55), (1.05, foot - height * 0.55)]
    parts = [Part(below(undergrowth), darker(color, 0.42))]
    for row, count in ((0, 9), (1, 8)):
        for k in rng.permutation(count).tolist():
            x = (k + float(rng.uniform(0.2, 0.8))) / count
            top = height * float(rng.uniform(0.82, 1.05)) * (1.0, 0.72)[row]
            tone = jitter(rng, darker(color, (0.3, 0.08)[row]), 8)
            parts += _leafy(x, foot, top, tone) if kind == "leafy" else _needles(x, foot, top, tone)
    return Layer("forest", parts, 0.45)


def _leafy(x: float, y: float, h: float, color: RGB) -> list[Part]:
    w = 0.055 + h * 0.16
    return [
        Part(
            [*dome(x, y - h * 0.35, w, h * 0.65, 20), (x - w, y + 0.02), (x + w, y + 0.02)], color
        ),
        mark(ellipse(x - w * 0.25, y - h * 0.72, w * 0.5, h * 0.17, 12), lighter(color, 0.16), 160),
    ]


def _needles(x: float, y: float, h: float, color: RGB) -> list[Part]:
    w = 0.03 + h * 0.13
    spire = [(x, y - h), (x + w * 0.55, y - h * 0.55), (x + w * 0.35, y - h * 0.55),
             (x + w, y + 0.02), (x - w, y + 0.02), (x - w * 0.35, y - h * 0.55),
             (x - w * 0.55, y - h * 0.55)]  # fmt: skip
    return [
        Part(spire, color),
        mark(
            [(x, y - h), (x - w * 0.1, y), (x - w, y + 0.02), (x - w * 0.5, y - h * 0.55)],
            lighter(color, 0.1),
            150,
        ),
    ]
