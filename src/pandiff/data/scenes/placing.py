"""Choosing things and putting them into a layout."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pandiff.data.scenes.geometry import Part, Point, ellipse, mark, place
from pandiff.data.scenes.layouts import Ground, Layout
from pandiff.data.scenes.palette import COLORS, WARDROBE, jitter, weighted
from pandiff.data.scenes.sketches.animals import bird, dog, sheep
from pandiff.data.scenes.sketches.buildings import house
from pandiff.data.scenes.sketches.people import HAND, ball, person, umbrella
from pandiff.data.scenes.sketches.plants import flower, tree
from pandiff.data.scenes.sketches.vehicles import balloon, boat, car

SIZES: dict[str, tuple[float, float]] = {
    "house": (0.25, 0.6),
    "tree": (0.28, 0.66),
    "car": (0.24, 0.48),
    "boat": (0.17, 0.42),
    "person": (0.2, 0.48),
    "dog": (0.15, 0.34),
    "sheep": (0.16, 0.36),
    "bird": (0.12, 0.2),
    "ball": (0.07, 0.19),
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

_MOST = {"house": 3, "car": 3, "boat": 4, "umbrella": 3, "balloon": 4}
_COUNTS = {"0": 4.0, "1": 16.0, "2": 20.0, "3": 20.0, "4": 16.0, "5": 11.0, "6": 7.0, "7": 4.0, "8": 2.0}


@dataclass(frozen=True)
class Thing:
    """A thing in its place.

    Attributes:
        category: its category.
        color: name of its color.
        parts: its drawing, in unit coordinates of the scene.
        shadow: what it casts on the ground.
        foot: where it stands.
        size: its size, in widths of the picture.
        distance: 0 (near) .. 1 (at the horizon).
        ground: the stuff that it is on; "sky" for what flies.
        holder: position of the person who carries it in the list of things, or -1.
    """

    category: str
    color: str
    parts: list[Part]
    shadow: list[Part]
    foot: Point
    size: float
    distance: float
    ground: str
    holder: int = -1


@dataclass(frozen=True)
class _Spot:
    x: float
    y: float
    size: float
    distance: float
    ground: str

    def frame(self, category: str) -> tuple[float, float, float, float]:
        """Left, top, right and bottom of what stands here."""
        w, h = EXTENT[category]
        return (self.x - w * self.size / 2, self.y - h * self.size, self.x + w * self.size / 2, self.y)


def populate(rng: np.random.Generator, layout: Layout, lit: bool) -> list[Thing]:
    """0 to 8 things for a layout, from far to near; lamps and windows shine if `lit`."""
    room = int(weighted(rng, _COUNTS))
    spots: list[tuple[str, str, _Spot]] = []
    while room > 0:
        category = weighted(rng, layout.things)
        group = _group(rng, layout, category, room, [s.frame(c) for c, _, s in spots])
        if not group:
            break
        colors = _colors(rng, category, len(group))
        spots += [(category, c, s) for c, s in zip(colors, group, strict=True)]
        room -= len(group)
    spots.sort(key=lambda item: (item[2].ground != "sky", item[2].y))
    things: list[Thing] = []
    for category, color, spot in spots:
        things += _build(rng, layout, category, color, spot, lit, len(things))
    return things[:8]


def _colors(rng: np.random.Generator, category: str, n: int) -> list[str]:
    """Colors of a group: often all alike."""
    if rng.random() < 0.5:
        return [weighted(rng, WARDROBE[category])] * n
    return [weighted(rng, WARDROBE[category]) for _ in range(n)]


def _group(
    rng: np.random.Generator,
    layout: Layout,
    category: str,
    room: int,
    taken: list[tuple[float, float, float, float]],
) -> list[_Spot]:
    """Spots for one or several things of a category, either scattered or close together."""
    most = min(room, _MOST.get(category, 5))
    n = 1 if rng.random() < 0.42 else int(rng.integers(1, most + 1))
    first = _free_spot(rng, layout, category, taken)
    if first is None:
        return []
    spots, huddled = [first], bool(rng.random() < 0.62)
    while len(spots) < n:
        if huddled:
            spot: _Spot | None = _beside(rng, layout, category, spots)
        else:
            spot = _free_spot(rng, layout, category, taken + [s.frame(category) for s in spots])
        if spot is None:
            break
        spots.append(spot)
    return spots


def _free_spot(
    rng: np.random.Generator,
    layout: Layout,
    category: str,
    taken: list[tuple[float, float, float, float]],
) -> _Spot | None:
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


def _any_spot(rng: np.random.Generator, layout: Layout, category: str) -> _Spot | None:
    if category == "balloon" or (category == "bird" and _flies(rng, layout)):
        return _spot_in_sky(rng, layout, category)
    grounds = [g for g in layout.grounds if _may_stand(category, g.category)]
    if not grounds:
        return None
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


def _spot_in_sky(rng: np.random.Generator, layout: Layout, category: str) -> _Spot:
    small, large = SIZES[category]
    roof = max(layout.ceiling, 0.16)
    size = min(float(rng.uniform(small, large)), max(small, roof * 0.95))
    height = size * EXTENT[category][1]
    y = float(rng.uniform(min(height + 0.01, roof), roof + 0.02))
    half = size * EXTENT[category][0] / 2
    return _Spot(float(rng.uniform(half, 1 - half)), y, size, 0.25 * (large - size) / (large - small), "sky")


def _spot_on(
    rng: np.random.Generator, layout: Layout, category: str, ground: Ground, y: float
) -> _Spot:
    left, right = ground.span(y)
    spot = _sized(rng, layout, category, (left + right) / 2, y, ground.category)
    half = spot.size * EXTENT[category][0] / 2
    if ground.category == "road" and layout.cars == "front":
        half *= 0.2
    low, high = max(left, 0.0) + half * 0.8, min(right, 1.0) - half * 0.8
    x = float(rng.uniform(low, high)) if low < high else spot.x + float(rng.uniform(-0.03, 0.03))
    return _Spot(x, y, spot.size, spot.distance, ground.category)


def _sized(
    rng: np.random.Generator, layout: Layout, category: str, x: float, y: float, ground: str
) -> _Spot:
    t = min(1.0, max(0.0, (y - layout.horizon) / (1.0 - layout.horizon)))
    small, large = SIZES[category]
    if category == "car" and layout.cars == "front":
        small, large = 0.12, 0.42
    size = (small + (large - small) * t) * float(rng.uniform(0.88, 1.12))
    return _Spot(x, y, size, 1.0 - t, ground)


def _beside(
    rng: np.random.Generator, layout: Layout, category: str, spots: list[_Spot]
) -> _Spot | None:
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
        return _Spot(x, max(y + float(rng.uniform(-0.06, 0.06)), size), size, last.distance, "sky")
    grounds = [g for g in layout.grounds if g.category == last.ground]
    ground = min(grounds, key=lambda g: abs(g.top - y) + abs(g.bottom - y) + _outside(g, last))
    return _sized(rng, layout, category, x, min(max(y, ground.top), ground.bottom), last.ground)


def _outside(ground: Ground, spot: _Spot) -> float:
    left, right = ground.span(spot.y)
    return 0.0 if left <= spot.x <= right else 1.0


def _build(
    rng: np.random.Generator,
    layout: Layout,
    category: str,
    color: str,
    spot: _Spot,
    lit: bool,
    position: int,
) -> list[Thing]:
    """The thing at a spot; where an umbrella is carried, the person comes with it."""
    if category == "umbrella" and (spot.ground != "sand" or rng.random() < 0.15):
        return _carried(rng, layout, color, spot, position)
    parts = _draw(rng, layout, category, color, spot, lit)
    flip = bool(rng.random() < 0.5) and category not in ("ball", "balloon", "umbrella", "house")
    return [_thing(category, color, parts, spot, flip)]


def _thing(category: str, color: str, parts: list[Part], spot: _Spot, flip: bool) -> Thing:
    placed = place(parts, spot.x, spot.y, spot.size, flip)
    foot = (spot.x, spot.y)
    return Thing(
        category, color, placed, _shadow(category, spot), foot, spot.size, spot.distance, spot.ground
    )


def _carried(
    rng: np.random.Generator, layout: Layout, color: str, spot: _Spot, position: int
) -> list[Thing]:
    under = _sized(rng, layout, "person", spot.x, spot.y, spot.ground)
    clothes = weighted(rng, WARDROBE["person"])
    flip = bool(rng.random() < 0.5)
    figure = person(rng, jitter(rng, COLORS[clothes]), carries=True)
    carrier = _thing("person", clothes, figure, under, flip)
    x = under.x + (-1 if flip else 1) * HAND[0] * under.size
    y, size = under.y + HAND[1] * under.size, under.size * 0.78
    cloth = place(umbrella(rng, jitter(rng, COLORS[color]), held=True), x, y, size, False)
    above = Thing("umbrella", color, cloth, [], (x, under.y), size, under.distance, under.ground, position)
    return [carrier, above]


def _draw(
    rng: np.random.Generator, layout: Layout, category: str, color: str, spot: _Spot, lit: bool
) -> list[Part]:
    tone = jitter(rng, COLORS[color])
    match category:
        case "house":
            return house(rng, tone, lit)
        case "tree":
            return tree(rng, tone, layout.trees[int(rng.integers(len(layout.trees)))])
        case "car":
            return car(rng, tone, layout.cars, lit)
        case "boat":
            return boat(rng, tone, lit)
        case "person":
            return person(rng, tone, carries=False)
        case "dog":
            return dog(rng, tone)
        case "sheep":
            return sheep(rng, tone)
        case "bird":
            return bird(rng, tone, "flying" if spot.ground == "sky" else "standing")
        case "ball":
            return ball(rng, tone)
        case "balloon":
            return balloon(rng, tone, lit)
        case "flower":
            return flower(rng, tone)
        case _:
            return umbrella(rng, tone, held=False)


def _shadow(category: str, spot: _Spot) -> list[Part]:
    if spot.ground == "sky":
        return []
    wide = EXTENT[category][0] * spot.size
    if category in ("tree", "flower"):
        wide *= 0.75
    if spot.ground == "water":
        return [mark(ellipse(spot.x, spot.y + 0.012, wide * 0.42, 0.02 + wide * 0.03, 20), (18, 40, 70), 90)]
    flat = 0.06 * wide + 0.008
    return [mark(ellipse(spot.x + wide * 0.08, spot.y, wide * 0.52, flat, 20), (16, 18, 40), 70)]
