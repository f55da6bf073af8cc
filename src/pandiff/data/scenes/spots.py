"""Where things can stand or fly, and how large they are there."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pandiff.data.scenes.layouts import Ground, Layout

SIZES: dict[str, tuple[float, float]] = {
    "house": (0.25, 0.6),
    "tree": (0.28, 0.66),
    "car": (0.24, 0.48),
    "boat": (0.19, 0.44),
    "person": (0.22, 0.5),
    "dog": (0.17, 0.36),
    "sheep": (0.18, 0.38),
    "bird": (0.14, 0.24),
    "ball": (0.085, 0.2),
    "balloon": (0.22, 0.42),
    "flower": (0.14, 0.36),
    "umbrella": (0.28, 0.52),
}
"""Size of each thing at the horizon and at the lower border, in widths of the picture."""

EXTENT: dict[str, tuple[float, float]] = {
    "house": (1.3, 1.0),
    "tree": (0.75, 1.0),
    "car": (1.0, 0.45),
    "boat": (1.0, 1.0),
    "person": (0.5, 1.0),
    "dog": (1.05, 0.9),
    "sheep": (0.95, 0.7),
    "bird": (0.9, 0.7),
    "ball": (1.0, 1.0),
    "balloon": (0.72, 1.0),
    "flower": (0.5, 1.0),
    "umbrella": (1.0, 1.0),
}
"""Width and height of each thing, in units of its size."""

DEPTHS: dict[str, tuple[float, float]] = {
    "house": (0.0, 0.3),
    "tree": (0.0, 0.6),
    "boat": (0.0, 1.0),
    "flower": (0.35, 1.0),
    "umbrella": (0.0, 0.7),
}
"""Which part of a ground a thing stands on, 0 (far) .. 1 (near); all of it if not named."""


@dataclass(frozen=True)
class Spot:
    """Where something may stand: foot, size, distance 0..1 and the stuff that it is on."""

    x: float
    y: float
    size: float
    distance: float
    ground: str

    def frame(self, category: str) -> tuple[float, float, float, float]:
        """Left, top, right and bottom of what stands here."""
        w, h = EXTENT[category]
        return (
            self.x - w * self.size / 2,
            self.y - h * self.size,
            self.x + w * self.size / 2,
            self.y,
        )


def free_spot(
    rng: np.random.Generator,
    layout: Layout,
    category: str,
    taken: list[tuple[float, float, float, float]],
) -> Spot | None:
    """The least crowded of a few spots; None where the category cannot stand."""
    best, least = None, 1e9
    for _ in range(6):
        spot = _any_spot(rng, layout, category)
        if spot is None:
            return None
        crowd = sum(_overlap(spot.frame(category), other) for other in taken)
        if crowd < least:
            best, least = spot, crowd
        if crowd < 0.05:
            break
    return best


def _overlap(a: tuple[float, ...], b: tuple[float, ...]) -> float:
    """Common area over the smaller of two frames."""
    w, h = min(a[2], b[2]) - max(a[0], b[0]), min(a[3], b[3]) - max(a[1], b[1])
    least = min((f[2] - f[0]) * (f[3] - f[1]) for f in (a, b))
    return max(w, 0.0) * max(h, 0.0) / least


def _any_spot(rng: np.random.Generator, layout: Layout, category: str) -> Spot | None:
    if category == "balloon" or (category == "bird" and _flies(rng, layout)):
        return _spot_in_sky(rng, layout, category)
    grounds = [g for g in layout.grounds if _may_stand(category, g.category)]
    if not grounds:
        return None
    if category == "house":
        grounds = [g for g in grounds if g.top == min(g.top for g in grounds)]
    ground = grounds[int(rng.integers(len(grounds)))]
    low, high = DEPTHS.get(category, (0.0, 1.0))
    t = float(rng.uniform(low, high))
    return _spot_on(rng, layout, category, ground, ground.top + (ground.bottom - ground.top) * t)


def _flies(rng: np.random.Generator, layout: Layout) -> bool:
    return all(g.category == "water" for g in layout.grounds) or rng.random() < 0.72


def _may_stand(category: str, ground: str) -> bool:
    if category == "boat":
        return ground == "water"
    if category == "car":
        return ground == "road"
    return ground not in ("water", "road") or (category in ("person", "dog") and ground == "road")


def _spot_in_sky(rng: np.random.Generator, layout: Layout, category: str) -> Spot:
    small, large = SIZES[category]
    roof = max(layout.ceiling, 0.16)
    size = min(float(rng.uniform(small, large)), max(small, roof * 0.95))
    height = size * EXTENT[category][1]
    y = float(rng.uniform(min(height + 0.01, roof), roof + 0.02))
    half = size * EXTENT[category][0] / 2
    return Spot(
        float(rng.uniform(half, 1 - half)), y, size, 0.25 * (large - size) / (large - small), "sky"
    )


def _spot_on(
    rng: np.random.Generator, layout: Layout, category: str, ground: Ground, y: float
) -> Spot:
    left, right = ground.span(y)
    spot = sized(rng, layout, category, (left + right) / 2, y, ground.category)
    half = spot.size * EXTENT[category][0] / 2
    if ground.category == "road" and layout.cars == "front":
        half *= 0.2
    low, high = max(left, 0.0) + half * 0.8, min(right, 1.0) - half * 0.8
    x = float(rng.uniform(low, high)) if low < high else spot.x + float(rng.uniform(-0.03, 0.03))
    return Spot(x, y, spot.size, spot.distance, ground.category)


def sized(
    rng: np.random.Generator, layout: Layout, category: str, x: float, y: float, ground: str
) -> Spot:
    """A spot at (x, y), as large as perspective makes the category there."""
    t = min(1.0, max(0.0, (y - layout.horizon) / (1.0 - layout.horizon)))
    small, large = SIZES[category]
    if category == "car" and layout.cars == "front":
        small, large = 0.12, 0.42
    size = (small + (large - small) * t) * float(rng.uniform(0.88, 1.12))
    return Spot(x, y, size, 1.0 - t, ground)


def beside(
    rng: np.random.Generator, layout: Layout, category: str, spots: list[Spot]
) -> Spot | None:
    """A spot that touches or overlaps the last one of a group; None if it leaves the picture."""
    last = spots[-1]
    side = 1 if spots[-1].x >= spots[0].x and rng.random() < 0.8 else -1
    step = last.size * EXTENT[category][0] * float(rng.uniform(0.5, 0.92))
    x, y = last.x + side * step, last.y + float(rng.uniform(-0.035, 0.035))
    if x < 0.06 or x > 0.94:
        x = spots[0].x - side * step
    if x < 0.06 or x > 0.94:
        return None
    if last.ground == "sky":
        size = last.size * float(rng.uniform(0.85, 1.1))
        return Spot(x, max(y + float(rng.uniform(-0.06, 0.06)), size), size, last.distance, "sky")
    grounds = [g for g in layout.grounds if g.category == last.ground]
    ground = min(grounds, key=lambda g: abs(g.top - y) + abs(g.bottom - y) + _outside(g, last))
    return sized(rng, layout, category, x, min(max(y, ground.top), ground.bottom), last.ground)


def _outside(ground: Ground, spot: Spot) -> float:
    left, right = ground.span(spot.y)
    return 0.0 if left <= spot.x <= right else 1.0
