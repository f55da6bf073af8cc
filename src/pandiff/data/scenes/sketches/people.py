"""People (height 1) and what they carry: umbrellas (height 1) and balls (diameter 1)."""

from __future__ import annotations

import numpy as np

from pandiff.data.scenes.geometry import Part, Point, box, dome, ellipse, limb, mark, smooth
from pandiff.data.scenes.palette import RGB, darker, lighter

_SKIN: tuple[RGB, ...] = (
    (246, 206, 176), (234, 184, 146), (204, 148, 108), (160, 108, 76), (116, 76, 54)
)  # fmt: skip
_HAIR: tuple[RGB, ...] = (
    (56, 38, 30),
    (34, 28, 30),
    (120, 78, 42),
    (206, 166, 92),
    (168, 162, 158),
)
_LEGS: tuple[RGB, ...] = ((58, 64, 88), (82, 74, 66), (70, 70, 78), (112, 98, 82))

HAND: Point = (0.2, -0.6)
"""Where a person who carries an umbrella holds it."""


def person(rng: np.random.Generator, color: RGB, carries: bool) -> list[Part]:
    """A person in clothes of one color; one arm is raised to `HAND` if `carries`."""
    skin = _SKIN[int(rng.integers(len(_SKIN)))]
    hair = _HAIR[int(rng.integers(len(_HAIR)))]
    legs = _LEGS[int(rng.integers(len(_LEGS)))]
    dress, stride = bool(rng.random() < 0.4), float(rng.uniform(0.02, 0.11))
    parts = _legs(stride, skin if dress else legs)
    parts += _arm((0.15, -0.72), HAND if carries else (0.23, -0.43), darker(color, 0.2), skin)
    parts += _dress(color) if dress else _coat(color)
    raised = not carries and rng.random() < 0.15
    parts += _arm((-0.15, -0.72), (-0.3, -0.98) if raised else (-0.24, -0.43), color, skin)
    return parts + _head(skin, hair, long=dress)


def _legs(stride: float, color: RGB) -> list[Part]:
    shoe = (52, 42, 42)
    return [
        Part(limb((0.06, -0.42), (0.06 + stride, -0.03), 0.12, 0.095), darker(color, 0.22)),
        Part(limb((0.05 + stride, -0.015), (0.12 + stride, -0.015), 0.05), shoe),
        Part(limb((-0.06, -0.42), (-0.06 - stride, -0.03), 0.12, 0.095), color),
        Part(limb((-0.07 - stride, -0.015), (0.0 - stride, -0.015), 0.05), shoe),
    ]


def _arm(shoulder: Point, hand: Point, sleeve: RGB, skin: RGB) -> list[Part]:
    return [
        Part(limb(shoulder, hand, 0.105, 0.085), sleeve),
        Part(ellipse(hand[0], hand[1], 0.045, 0.045, 12), skin),
    ]


def _coat(color: RGB) -> list[Part]:
    body = [(-0.12, -0.8), (0.12, -0.8), (0.2, -0.72), (0.16, -0.36), (-0.16, -0.36), (-0.2, -0.72)]
    return [
        Part(smooth(body, 1), color),
        mark([(0.06, -0.79), (0.17, -0.7), (0.145, -0.37), (0.06, -0.37)], darker(color, 0.24)),
        mark(box(-0.15, -0.41, 0.15, -0.375), darker(color, 0.35), 150),
    ]


def _dress(color: RGB) -> list[Part]:
    top = [(-0.12, -0.8), (0.12, -0.8), (0.19, -0.72), (0.12, -0.5), (-0.12, -0.5), (-0.19, -0.72)]
    skirt = [(-0.11, -0.56), (0.11, -0.56), (0.25, -0.2), (-0.25, -0.2)]
    return [
        Part(smooth(top, 1), color),
        Part(skirt, color),
        mark([(0.03, -0.56), (0.11, -0.56), (0.25, -0.2), (0.1, -0.2)], darker(color, 0.24)),
        mark(box(-0.12, -0.56, 0.12, -0.525), darker(color, 0.4)),
    ]


def _head(skin: RGB, hair: RGB, long: bool) -> list[Part]:
    parts = [Part(ellipse(-0.015, -0.88, 0.14, 0.13, 20), hair)] if long else []
    parts.append(Part(box(-0.045, -0.84, 0.045, -0.755), darker(skin, 0.15)))
    parts.append(Part(ellipse(0.01, -0.89, 0.108, 0.112, 20), skin))
    parts.append(Part([*dome(0, -0.905, 0.118, 0.112, 24), (-0.03, -0.935)], hair))
    parts += [mark(ellipse(x, -0.885, 0.014, 0.018, 8), (46, 36, 36)) for x in (-0.02, 0.065)]
    return parts


def umbrella(rng: np.random.Generator, color: RGB, held: bool) -> list[Part]:
    """A parasol that stands, or if `held` an umbrella over somebody's head."""
    low = -0.55 if held else -0.6
    pale = rng.random() < 0.5
    other = lighter(color, 0.35) if pale else darker(color, 0.25)
    pole = (96, 78, 66) if held else (196, 176, 150)
    parts = [
        Part(limb((0, 0), (0, -0.97), 0.03 if held else 0.04), pole),
        Part(ellipse(0, -0.985, 0.02, 0.03, 10), darker(color, 0.4)),
        Part([*dome(0, low, 0.5, 0.4, 40), *_scallops(low)], color),
    ]
    parts += [
        mark(_panel(-0.95, -0.5, low), other),
        mark(_panel(-0.17, 0.17, low), other),
        mark(_panel(0.5, 0.95, low), other),
        mark(_panel(0.4, 1.0, low), (20, 16, 40), 56),
        mark(_panel(-0.75, -0.55, low), (255, 255, 255), 44),
    ]
    return parts


def _scallops(y: float) -> list[Point]:
    xs = [-0.5 + k / 12 for k in range(13)]
    return [(x, y - (0.05 if k % 2 else 0.0)) for k, x in enumerate(xs)][1:-1]


def _panel(a: float, b: float, low: float) -> list[Point]:
    """The cloth between the meridians a and b, each -1 (left) .. 1 (right)."""
    rim = ((0.0, 0.5), (0.12, 0.477), (0.24, 0.4), (0.32, 0.3), (0.38, 0.156))
    left = [(a * w, low - h) for h, w in rim]
    right = [(b * w, low - h) for h, w in rim]
    middle = ((a + b) / 4, low - 0.035)
    return [(a * 0.5, low - 0.01), *left[1:], *reversed(right[1:]), (b * 0.5, low - 0.01), middle]


def ball(rng: np.random.Generator, color: RGB) -> list[Part]:
    """A ball with stripes or with a star of patches."""
    pale = lighter(color, 0.62) if sum(color) < 640 else (196, 72, 64)
    y = -0.5
    parts = [Part(ellipse(0, y, 0.5, 0.5, 28), color)]
    if rng.random() < 0.6:
        parts.append(mark(ellipse(0, y, 0.2, 0.497, 24), pale))
        parts.append(mark(ellipse(0, y, 0.1, 0.49, 24), color))
    else:
        parts.append(
            mark([(-0.49, y - 0.1), (0.49, y - 0.1), (0.49, y + 0.08), (-0.49, y + 0.08)], pale)
        )
    crescent = [
        (0.0, y + 0.5),
        (0.27, y + 0.42),
        (0.46, y + 0.18),
        (0.48, y - 0.1),
        (0.36, y + 0.14),
        (0.16, y + 0.34),
    ]
    parts.append(mark(crescent, (20, 16, 40), 84))
    parts.append(mark(ellipse(-0.17, y - 0.2, 0.12, 0.09, 14), (255, 255, 255), 150))
    return parts
