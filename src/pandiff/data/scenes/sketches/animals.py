"""Dogs and sheep (length 1, looking right) and birds (span or length 1)."""

from __future__ import annotations

import numpy as np

from pandiff.data.scenes.geometry import Part, ellipse, limb, mark, smooth
from pandiff.data.scenes.palette import RGB, darker, lighter

_INK: RGB = (30, 28, 32)


def dog(rng: np.random.Generator, color: RGB) -> list[Part]:
    """A standing or a sitting dog."""
    ear = darker(color, 0.4) if sum(color) > 200 else lighter(color, 0.2)
    legs = _sitting(color) if rng.random() < 0.3 else _standing(color)
    nose = _INK if sum(color) > 200 else (104, 96, 100)
    head = [
        Part(limb((0.22, -0.5), (0.32, -0.7), 0.22, 0.19), color),
        Part(ellipse(0.34, -0.74, 0.145, 0.135, 20), color),
        Part(limb((0.4, -0.71), (0.53, -0.67), 0.145, 0.11), lighter(color, 0.12)),
        Part(ellipse(0.57, -0.7, 0.032, 0.03, 12), nose),
        Part(smooth([(0.26, -0.87), (0.35, -0.82), (0.28, -0.58), (0.17, -0.62)]), ear),
        mark(ellipse(0.41, -0.78, 0.022, 0.025, 10), nose),
        mark(limb((0.2, -0.57), (0.35, -0.53), 0.045), (178, 60, 54)),
    ]
    return legs + head


def _standing(color: RGB) -> list[Part]:
    far = darker(color, 0.28)
    parts = [
        Part(limb((-0.25, -0.3), (-0.2, -0.02), 0.1, 0.08), far),
        Part(limb((0.18, -0.3), (0.14, -0.02), 0.1, 0.08), far),
        Part(limb((-0.33, -0.45), (-0.49, -0.72), 0.1, 0.06), color),
        Part(limb((-0.24, -0.43), (0.22, -0.46), 0.29, 0.31), color),
        mark(limb((-0.26, -0.33), (0.2, -0.35), 0.08, 0.08), darker(color, 0.22)),
        mark(limb((-0.2, -0.52), (0.14, -0.55), 0.07, 0.07), lighter(color, 0.18)),
    ]
    parts += [
        Part(limb((-0.33, -0.36), (-0.35, -0.03), 0.13, 0.09), color),
        Part(limb((0.25, -0.36), (0.26, -0.03), 0.12, 0.09), color),
    ]
    return parts


def _sitting(color: RGB) -> list[Part]:
    return [
        Part(limb((-0.2, -0.08), (-0.46, -0.22), 0.09, 0.05), color),
        Part(smooth([(-0.3, 0.0), (-0.32, -0.26), (0.1, -0.66), (0.34, -0.6), (0.26, 0.0)]), color),
        mark(ellipse(-0.1, -0.15, 0.17, 0.14, 18), darker(color, 0.2)),
        Part(limb((-0.2, -0.03), (0.0, -0.03), 0.08), darker(color, 0.1)),
        Part(limb((0.21, -0.42), (0.22, -0.03), 0.12, 0.1), lighter(color, 0.08)),
    ]


def sheep(rng: np.random.Generator, color: RGB) -> list[Part]:
    """A sheep, sometimes grazing."""
    dark = sum(color) < 240
    face = lighter(color, 0.22) if dark else (66, 58, 60)
    wool, shade, light = color, darker(color, 0.2), lighter(color, 0.18 if dark else 0.6)
    legs = [
        Part(limb((x, -0.25), (x, -0.02), 0.075), darker(face, 0.25) if k < 2 else face)
        for k, x in enumerate((-0.18, 0.16, -0.27, 0.24))
    ]
    lumps = ((-0.3, -0.42, 0.17), (-0.3, -0.28, 0.15), (-0.12, -0.24, 0.16), (0.08, -0.24, 0.16),
             (0.25, -0.3, 0.15), (0.27, -0.45, 0.15), (0.1, -0.55, 0.16),
             (-0.12, -0.55, 0.16))  # fmt: skip
    body = [Part(ellipse(x, y, r, r, 18), shade) for x, y, r in lumps]
    body.append(Part(ellipse(-0.02, -0.41, 0.32, 0.22, 24), wool))
    body += [
        mark(ellipse(x - 0.01, y - 0.03, r * 0.86, r * 0.82, 16), wool)
        for x, y, r in lumps
        if y < -0.25
    ]
    body += [mark(ellipse(x, -0.57, 0.09, 0.06, 14), light, 200) for x in (-0.12, 0.08)]
    y = -0.22 if rng.random() < 0.35 else -0.5
    return legs + body + _sheep_head(y, face, wool)


def _sheep_head(y: float, face: RGB, wool: RGB) -> list[Part]:
    return [
        Part(
            smooth(
                [
                    (0.3, y - 0.13),
                    (0.48, y - 0.11),
                    (0.54, y + 0.08),
                    (0.42, y + 0.15),
                    (0.3, y + 0.05),
                ]
            ),
            face,
        ),
        Part(
            smooth([(0.33, y - 0.07), (0.19, y - 0.02), (0.2, y + 0.05), (0.34, y)]),
            darker(face, 0.25),
        ),
        Part(ellipse(0.36, y - 0.12, 0.1, 0.065, 16), wool),
        mark(ellipse(0.43, y - 0.03, 0.024, 0.024, 10), (244, 240, 232)),
        mark(ellipse(0.437, y - 0.03, 0.012, 0.014, 8), _INK),
    ]


def bird(rng: np.random.Generator, color: RGB, kind: str) -> list[Part]:
    """A bird of `kind` "flying" or "standing"."""
    return _flying(rng, color) if kind == "flying" else _perched(color)


def _flying(rng: np.random.Generator, color: RGB) -> list[Part]:
    up = float(rng.uniform(0.75, 1.25))
    far = darker(color, 0.25) if sum(color) > 200 else lighter(color, 0.2)
    beak = (240, 160, 50)
    return [
        Part(
            smooth(
                [(-0.02, -0.2), (0.1, -0.22), (0.34, -0.2 - 0.32 * up), (0.3, -0.24 - 0.1 * up)]
            ),
            far,
        ),
        Part([(-0.26, -0.16), (-0.46, -0.25), (-0.44, -0.1)], far),
        Part(
            smooth(
                [
                    (-0.34, -0.19),
                    (-0.05, -0.31),
                    (0.26, -0.26),
                    (0.32, -0.17),
                    (0.1, -0.05),
                    (-0.12, -0.07),
                ]
            ),
            color,
        ),
        Part(ellipse(0.27, -0.23, 0.095, 0.09, 16), color),
        Part([(0.34, -0.25), (0.46, -0.2), (0.34, -0.18)], beak),
        Part(
            smooth(
                [
                    (0.14, -0.22),
                    (-0.12, -0.18),
                    (-0.34, -0.28 - 0.22 * up),
                    (-0.3, -0.26 - 0.42 * up),
                    (-0.02, -0.28 - 0.22 * up),
                ]
            ),
            lighter(color, 0.1),
        ),
        mark(
            smooth(
                [
                    (0.04, -0.22),
                    (-0.12, -0.2),
                    (-0.28, -0.28 - 0.2 * up),
                    (-0.16, -0.26 - 0.12 * up),
                ]
            ),
            far,
        ),
        mark(ellipse(0.3, -0.25, 0.022, 0.022, 8), _INK if sum(color) > 200 else (236, 236, 230)),
    ]


def _perched(color: RGB) -> list[Part]:
    wing = darker(color, 0.28) if sum(color) > 200 else lighter(color, 0.2)
    leg, beak = (206, 136, 54), (240, 164, 50)
    return [
        Part(limb((-0.04, -0.2), (-0.02, -0.01), 0.05), leg),
        Part(limb((0.08, -0.2), (0.1, -0.01), 0.05), darker(leg, 0.2)),
        Part(smooth([(-0.18, -0.5), (-0.5, -0.36), (-0.48, -0.22), (-0.12, -0.26)]), wing),
        Part(
            smooth(
                [
                    (-0.34, -0.36),
                    (-0.05, -0.66),
                    (0.24, -0.7),
                    (0.36, -0.42),
                    (0.16, -0.14),
                    (-0.16, -0.16),
                ]
            ),
            color,
        ),
        Part(ellipse(0.24, -0.7, 0.17, 0.16, 20), color),
        Part([(0.37, -0.76), (0.56, -0.68), (0.37, -0.62)], beak),
        mark(smooth([(-0.3, -0.36), (0.0, -0.54), (0.16, -0.4), (-0.06, -0.24)]), wing),
        mark(ellipse(0.29, -0.74, 0.032, 0.032, 10), _INK if sum(color) > 200 else (236, 236, 230)),
    ]
