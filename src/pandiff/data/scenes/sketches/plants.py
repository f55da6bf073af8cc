"""Trees and flowers: height 1."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np

from pandiff.data.scenes.geometry import Part, ellipse, limb, mark, smooth
from pandiff.data.scenes.palette import RGB, darker, lighter, mix

_BARK: RGB = (108, 76, 52)


def tree(rng: np.random.Generator, color: RGB, kind: str) -> list[Part]:
    """A tree of `kind` "round", "poplar", "pine", "snowy" (a pine with snow) or "palm"."""
    if kind in ("pine", "snowy"):
        return _pine(rng, color, kind == "snowy")
    if kind == "palm":
        return _palm(rng, color)
    return _crown(rng, color, 0.62 if kind == "poplar" else 1.0)


def _crown(rng: np.random.Generator, color: RGB, width: float) -> list[Part]:
    deep, bright = darker(color, 0.28), lighter(color, 0.2)
    trunk = [
        Part([(-0.07, 0.0), (-0.04, -0.45), (0.04, -0.45), (0.07, 0.0)], _BARK),
        mark([(0.01, 0.0), (0.01, -0.45), (0.04, -0.45), (0.07, 0.0)], darker(_BARK, 0.3)),
    ]
    lumps = [(0.0, -0.64, 0.33, 0.33)]
    for k in range(7):
        a = 2 * math.pi * (k + float(rng.uniform(-0.25, 0.25))) / 7
        r = float(rng.uniform(0.13, 0.18))
        lumps.append((math.cos(a) * 0.25, -0.64 + math.sin(a) * 0.23, r, r))
    parts = list(trunk)
    parts += [Part(ellipse(x * width, y, a * width, b, 20), deep) for x, y, a, b in lumps]
    parts += [
        mark(ellipse((x - 0.03) * width, y - 0.035, a * 0.86 * width, b * 0.84, 20), color)
        for x, y, a, b in lumps
    ]
    for _ in range(6):
        x, y = (float(v) for v in rng.uniform((-0.24, -0.86), (0.08, -0.56)))
        r = float(rng.uniform(0.045, 0.085))
        parts.append(mark(ellipse(x * width, y, r * width, r * 0.8, 14), bright, 150))
    return parts


def _pine(rng: np.random.Generator, color: RGB, snowy: bool) -> list[Part]:
    green = mix(color, (24, 84, 66), 0.6) if color[1] > color[0] else color
    parts = [Part(limb((0, 0), (0, -0.3), 0.1), _BARK)]
    tiers = ((-0.12, 0.33, -0.52), (-0.34, 0.27, -0.72), (-0.55, 0.21, -0.88), (-0.74, 0.14, -1.0))
    for k, (y, w, top) in enumerate(tiers):
        w *= float(rng.uniform(0.92, 1.08))
        shade = lighter(green, 0.05 * k)
        edge = [(w * (1 - 2 * j / 6), y + (0.035 if j % 2 == 0 else -0.01)) for j in range(7)]
        parts.append(Part([(0.0, top), *edge], darker(shade, 0.2)))
        parts.append(mark([(0.0, top), *edge[2:]], shade))
        if snowy:
            rim = [(w * (0.8 - 1.6 * j / 6), y - (0.05 if j % 2 else 0.0)) for j in range(7)]
            cap = [(0.0, top), *[(x * 0.9, v - 0.035) for x, v in rim]]
            parts.append(mark(cap, (240, 246, 252), 215))
    return parts


def _palm(rng: np.random.Generator, color: RGB) -> list[Part]:
    lean = float(rng.uniform(0.06, 0.16))
    spine = [(0.0, 0.0), (lean * 0.35, -0.27), (lean * 0.8, -0.52), (lean * 1.5, -0.76)]
    bark = (150, 112, 74)
    parts = [
        Part(limb(a, b, 0.085 - 0.01 * k, 0.075 - 0.01 * k), bark)
        for k, (a, b) in enumerate(pairwise(spine))
    ]
    for k in range(5):
        y = -0.1 - 0.13 * k
        parts.append(
            mark(ellipse(lean * 1.5 * (-y / 0.76) ** 1.3, y, 0.035, 0.01, 8), (104, 74, 48))
        )
    x, y = spine[-1]
    for k, angle in enumerate((-170, -10, -145, -35, -118, -62, 165, 15)):
        parts += _frond(x, y, math.radians(angle), 0.4, darker(color, 0.24 - 0.03 * k))
    parts.append(Part(ellipse(x - 0.03, y + 0.02, 0.04, 0.04, 12), (112, 74, 44)))
    parts.append(Part(ellipse(x + 0.04, y + 0.03, 0.04, 0.04, 12), (96, 62, 38)))
    return parts


def _frond(x: float, y: float, angle: float, length: float, color: RGB) -> list[Part]:
    ux, uy = math.cos(angle), math.sin(angle)
    tip = (x + ux * length, y + uy * length * 0.55 + 0.17)
    mid = (x + ux * length * 0.5, y + uy * length * 0.65 - 0.02)
    leaf = [(x, y), (mid[0] - uy * 0.06, mid[1] - 0.075), tip, (mid[0] + uy * 0.06, mid[1] + 0.07)]
    return [
        Part(smooth(leaf), color),
        mark([(x, y), (mid[0], mid[1] - 0.012), tip, (mid[0], mid[1] + 0.012)], darker(color, 0.3)),
    ]


def flower(rng: np.random.Generator, color: RGB) -> list[Part]:
    """A daisy, a sunflower-like bloom or a tulip on a stem with leaves."""
    stem, leaf = (70, 132, 62), (86, 156, 72)
    lean = float(rng.uniform(-0.05, 0.05))
    parts = [
        Part(limb((0, 0), (lean, -0.7), 0.06, 0.05), stem),
        Part(smooth([(0, -0.05), (-0.17, -0.2), (-0.25, -0.4), (-0.06, -0.24)]), leaf),
        Part(smooth([(0, -0.02), (0.17, -0.14), (0.25, -0.32), (0.06, -0.18)]), darker(leaf, 0.12)),
    ]
    if rng.random() < 0.35:
        return parts + _tulip(lean, color)
    return parts + _daisy(rng, lean, color)


def _daisy(rng: np.random.Generator, x: float, color: RGB) -> list[Part]:
    n, y, turn = int(rng.integers(6, 9)), -0.72, float(rng.random())
    petals = []
    for k in range(n):
        a = 2 * math.pi * (k + turn) / n
        px, py = x + 0.155 * math.cos(a), y + 0.155 * math.sin(a)
        tone = darker(color, 0.14) if k % 2 else color
        petals.append(Part(ellipse(px, py, 0.105, 0.105, 16), tone))
    yellowish = color[0] > 200 and color[1] > 150 and color[2] < 120
    heart = (122, 74, 40) if yellowish else (250, 206, 70)
    petals.append(Part(ellipse(x, y, 0.1, 0.1, 16), darker(heart, 0.15)))
    petals.append(mark(ellipse(x - 0.012, y - 0.012, 0.075, 0.075, 14), heart))
    return petals


def _tulip(x: float, color: RGB) -> list[Part]:
    cup = [(x, -0.56), (x - 0.24, -0.62), (x - 0.23, -0.98), (x - 0.09, -0.86), (x, -1.04)]
    cup += [(x + 0.09, -0.86), (x + 0.23, -0.98), (x + 0.24, -0.62)]
    petal = [(x, -0.58), (x - 0.12, -0.7), (x, -0.97), (x + 0.12, -0.7)]
    return [Part(smooth(cup, 1), darker(color, 0.18)), mark(smooth(petal), lighter(color, 0.12))]
