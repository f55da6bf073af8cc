"""Cars and boats (length 1) and hot air balloons (height 1)."""

from __future__ import annotations

import numpy as np

from pandiff.data.scenes.geometry import Part, box, ellipse, limb, mark, smooth
from pandiff.data.scenes.palette import RGB, darker, lighter

_GLASS: RGB = (72, 96, 122)
_TYRE: RGB = (34, 34, 38)
_LAMP: RGB = (255, 236, 160)


def car(rng: np.random.Generator, color: RGB, kind: str, lit: bool) -> list[Part]:
    """A car of `kind` "side" or "front"; the lamps shine if `lit`."""
    if kind == "front":
        return _car_front(color, lit, bool(rng.random() < 0.5))
    return _car_side(color, lit, int(rng.integers(0, 4)))


def _wheel(x: float, y: float, r: float) -> list[Part]:
    return [
        Part(ellipse(x, y, r, r, 20), _TYRE),
        mark(ellipse(x, y, r * 0.55, r * 0.55, 14), (176, 180, 186)),
        mark(ellipse(x, y, r * 0.22, r * 0.22, 10), (92, 94, 100)),
    ]


def _car_side(color: RGB, lit: bool, body: int) -> list[Part]:
    """Body 0, 1: sedan; 2: hatchback; 3: van. It drives to the right."""
    roof, back, front = ((-0.43, -0.15, 0.14), (-0.43, -0.15, 0.14), (-0.45, -0.36, 0.1))[
        min(body, 2)
    ]
    if body == 3:
        roof, back, front = -0.52, -0.43, 0.2
    nose = 0.42 if body == 3 else 0.32
    cabin = [(back - 0.13, -0.24), (back, roof), (front, roof), (nose, -0.24)]
    lower = [(-0.49, -0.1), (-0.5, -0.22), (-0.45, -0.28), (0.3, -0.28), (0.46, -0.24), (0.5, -0.1)]
    g0, g1 = back + 0.005, front - 0.01
    mid = (g0 + g1) / 2
    rear = [(back - 0.075, -0.265), (g0 + 0.01, roof + 0.045), (mid - 0.015, roof + 0.045)]
    fore = [(mid + 0.015, roof + 0.045), (g1, roof + 0.045), (nose - 0.075, -0.265)]
    parts = [
        Part(box(-0.44, -0.13, 0.44, -0.07), (40, 40, 46)),
        Part(smooth(cabin, 1), color),
        Part(smooth(lower, 1), color),
        mark([(-0.48, -0.17), (0.49, -0.17), (0.49, -0.1), (-0.48, -0.1)], darker(color, 0.32)),
        mark(box(-0.44, -0.265, 0.36, -0.24), lighter(color, 0.35), 170),
        mark([*rear, (mid - 0.015, -0.265)], _GLASS),
        mark([*fore, (mid + 0.015, -0.265)], _GLASS),
        mark([rear[0], rear[1], (rear[1][0] + 0.05, rear[1][1])], (170, 198, 216), 170),
        mark([fore[0], (fore[0][0] + 0.07, fore[0][1]), (mid + 0.02, -0.28)], (170, 198, 216), 170),
        mark(box(mid - 0.004, -0.26, mid + 0.006, -0.12), darker(color, 0.45), 170),
        mark(box(mid - 0.09, -0.225, mid - 0.04, -0.21), darker(color, 0.5)),
        mark(ellipse(0.455, -0.2, 0.03, 0.03, 12), _LAMP if lit else (250, 244, 214), glow=lit),
        mark(box(-0.495, -0.23, -0.465, -0.18), (232, 60, 50), glow=lit),
    ]
    return parts + _wheel(-0.28, -0.09, 0.095) + _wheel(0.29, -0.09, 0.095)


def _car_front(color: RGB, lit: bool, away: bool) -> list[Part]:
    """Seen from the front, or from behind if `away`."""
    lamp = (232, 50, 44) if away else (_LAMP if lit else (252, 246, 222))
    roof = [(-0.42, -0.46), (-0.28, -0.8), (0.28, -0.8), (0.42, -0.46)]
    body = [(-0.5, -0.1), (-0.5, -0.42), (-0.42, -0.5), (0.42, -0.5), (0.5, -0.42), (0.5, -0.1)]
    glass = [(-0.34, -0.49), (-0.24, -0.74), (0.24, -0.74), (0.34, -0.49)]
    parts = [
        Part(box(-0.46, -0.16, -0.28, 0.0), _TYRE),
        Part(box(0.28, -0.16, 0.46, 0.0), _TYRE),
        Part(smooth(roof, 1), darker(color, 0.1)),
        Part(smooth(body, 1), color),
        mark(glass, _GLASS),
        mark([(-0.3, -0.52), (-0.22, -0.72), (-0.02, -0.72), (-0.16, -0.52)], (170, 198, 216), 150),
        mark(box(-0.47, -0.2, 0.47, -0.1), darker(color, 0.4)),
        mark(box(-0.42, -0.46, 0.42, -0.42), lighter(color, 0.35), 150),
        mark(ellipse(-0.37, -0.31, 0.085, 0.07, 16), lamp, glow=lit),
        mark(ellipse(0.37, -0.31, 0.085, 0.07, 16), lamp, glow=lit),
        mark(box(-0.12, -0.2, 0.12, -0.11), (240, 240, 232)),
    ]
    if not away:
        parts.append(mark(box(-0.2, -0.36, 0.2, -0.26), (44, 46, 52)))
    return parts


def boat(rng: np.random.Generator, color: RGB, lit: bool) -> list[Part]:
    """A sailing boat, a fishing boat or a rowing boat; it sinks a little below its foot."""
    kind = int(rng.integers(0, 5))
    hull = [(-0.5, -0.2), (0.54, -0.22), (0.4, 0.02), (-0.38, 0.02)]
    parts = [
        Part(smooth(hull, 1), color),
        mark([(-0.43, -0.075), (0.45, -0.075), (0.4, 0.015), (-0.38, 0.015)], darker(color, 0.3)),
        mark(box(-0.42, -0.18, 0.44, -0.145), lighter(color, 0.45)),
    ]
    if kind <= 2:
        return _sails(color, kind == 2) + parts
    if kind == 3:
        return _cabin(lit) + parts
    return _oars(color) + parts


def _sails(color: RGB, striped: bool) -> list[Part]:
    white = (250, 247, 238)
    main, jib = (
        [(0.02, -0.27), (0.0, -1.06), (-0.42, -0.29)],
        [(0.08, -0.97), (0.08, -0.29), (0.44, -0.27)],
    )
    parts = [
        Part(limb((0.045, -0.18), (0.045, -1.1), 0.04), (120, 88, 62)),
        Part(main, white),
        mark([(0.02, -0.27), (0.0, -1.06), (-0.12, -0.28)], (206, 208, 212)),
        Part(jib, lighter(color, 0.12) if striped else (238, 232, 220)),
    ]
    if striped:
        parts.append(mark([(0.01, -0.6), (-0.24, -0.6), (-0.32, -0.45), (0.015, -0.45)], color))
    return parts


def _cabin(lit: bool) -> list[Part]:
    pane = (255, 222, 130) if lit else _GLASS
    return [
        Part(limb((-0.2, -0.3), (-0.2, -0.82), 0.035), (110, 84, 62)),
        Part(box(-0.14, -0.52, 0.2, -0.16), (242, 240, 232)),
        Part(box(-0.18, -0.57, 0.26, -0.5), (176, 70, 60)),
        mark(box(-0.09, -0.44, 0.0, -0.3), pane, glow=lit),
        mark(box(0.06, -0.44, 0.15, -0.3), pane, glow=lit),
        mark(box(0.14, -0.5, 0.2, -0.18), (120, 120, 130), 90),
    ]


def _oars(color: RGB) -> list[Part]:
    wood = (150, 110, 72)
    return [
        Part(
            smooth([(-0.46, -0.19), (0.5, -0.21), (0.36, -0.3), (-0.34, -0.28)], 1),
            darker(color, 0.5),
        ),
        Part(limb((-0.14, -0.3), (-0.36, 0.02), 0.045), wood),
        Part(limb((0.2, -0.3), (0.02, 0.02), 0.045), wood),
    ]


def balloon(rng: np.random.Generator, color: RGB, lit: bool) -> list[Part]:
    """A hot air balloon; its foot is the bottom of the basket."""
    pale = rng.random() < 0.5
    other = lighter(color, 0.4) if pale else darker(color, 0.32)
    parts = [
        Part(limb((-0.17, -0.36), (-0.06, -0.12), 0.022), (92, 74, 60)),
        Part(limb((0.17, -0.36), (0.06, -0.12), 0.022), (92, 74, 60)),
        Part(ellipse(0, -0.64, 0.36, 0.36, 32), color),
        Part([(-0.345, -0.54), (0.345, -0.54), (0.1, -0.24), (-0.1, -0.24)], color),
    ]
    parts += [
        mark(_gore(0.72, 0.46), other),
        mark(_gore(-0.46, -0.72), other),
        mark(_gore(0.16, -0.16), other),
        mark(_gore(1.0, 0.55), (20, 16, 40), 64),
        mark(ellipse(-0.14, -0.78, 0.1, 0.13, 16), (255, 255, 255), 60),
        Part(box(-0.085, -0.14, 0.085, 0.0), (146, 98, 58)),
        mark(box(-0.085, -0.09, 0.085, -0.07), (102, 66, 40)),
        mark(box(-0.1, -0.15, 0.1, -0.115), (176, 124, 78)),
    ]
    if lit:
        parts.append(mark(ellipse(0, -0.27, 0.04, 0.06, 12), (255, 206, 96), glow=True))
    return parts


def _gore(a: float, b: float) -> list[tuple[float, float]]:
    """The strip of the envelope between the meridians a and b, each -1 (left) .. 1 (right)."""
    heights = ((-0.995, 0.07), (-0.95, 0.185), (-0.84, 0.298), (-0.64, 0.358), (-0.52, 0.332),
               (-0.4, 0.226), (-0.25, 0.108))  # fmt: skip
    return [(a * w, y) for y, w in heights] + [(b * w, y) for y, w in reversed(heights)]
