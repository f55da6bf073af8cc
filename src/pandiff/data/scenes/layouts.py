"""The places: how sky and grounds divide the picture, and what may stand where."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from pandiff.data.scenes.grounds import (
    Lane,
    Layer,
    forest,
    highway,
    meadow,
    mountains,
    plain,
    ridge,
    sea,
    shore,
    street,
)
from pandiff.data.scenes.palette import RGB


@dataclass(frozen=True)
class Ground:
    """Where feet may stand: a trapezoid of one stuff category, in unit coordinates."""

    category: str
    top: float
    bottom: float
    span_top: tuple[float, float] = (0.0, 1.0)
    span_bottom: tuple[float, float] = (0.0, 1.0)

    def span(self, y: float) -> tuple[float, float]:
        """The left and the right end at height y."""
        t = (y - self.top) / (self.bottom - self.top)
        (a0, a1), (b0, b1) = self.span_top, self.span_bottom
        return a0 + (b0 - a0) * t, a1 + (b1 - a1) * t


@dataclass(frozen=True)
class Layout:
    """A place.

    Attributes:
        name: its name.
        horizon: height of the horizon, 0 (top) .. 1 (bottom).
        layers: stuff below the sky, from far to near.
        grounds: where things may stand.
        things: how often each thing is chosen (relative weights).
        trees: kinds of trees that grow here.
        ceiling: what flies stays above this height.
        cars: "side" where roads run across, "front" where they run to the horizon.
    """

    name: str
    horizon: float
    layers: list[Layer]
    grounds: tuple[Ground, ...]
    things: Mapping[str, float]
    trees: tuple[str, ...] = ("round", "round", "poplar", "pine")
    ceiling: float = 0.4
    cars: str = "side"


Builder = Callable[[np.random.Generator, RGB], Layout]


def _between(rng: np.random.Generator, low: float, high: float) -> float:
    return float(rng.uniform(low, high))


def _backdrop(rng: np.random.Generator, y: float, mountain: float, wood: float) -> list[Layer]:
    """Perhaps mountains and perhaps a forest on the horizon at y."""
    layers = []
    if rng.random() < mountain:
        height = min(_between(rng, 0.16, 0.3), y - 0.1)
        layers.append(mountains(rng, y, height, bool(rng.random() < 0.6)))
    if rng.random() < wood:
        kind = "leafy" if rng.random() < 0.5 else "pine"
        layers.append(forest(rng, y, _between(rng, 0.1, 0.16), kind))
    return layers


def _field(rng: np.random.Generator, sky: RGB) -> Layout:
    y = _between(rng, 0.4, 0.58)
    layers = _backdrop(rng, y, 0.3, 0.25)
    layers.append(meadow(rng, ridge(rng, y, 0.03)))
    things = {
        "sheep": 5,
        "tree": 3,
        "dog": 2,
        "person": 2.5,
        "flower": 2,
        "house": 1.5,
        "ball": 1.2,
        "bird": 1.2,
        "balloon": 1.2,
        "umbrella": 0.5,
    }
    return Layout("field", y, layers, (Ground("grass", y + 0.06, 0.97),), things, ceiling=y - 0.08)


def _beach(rng: np.random.Generator, sky: RGB) -> Layout:
    y = _between(rng, 0.3, 0.45)
    coast = _between(rng, y + 0.15, 0.68)
    line = ridge(rng, coast, 0.02, 1.0)
    water = sea(rng, y, coast, sky)
    water.parts.extend(shore(rng, line, "sand"))
    layers = [*_backdrop(rng, y, 0.15, 0.0), water, plain(rng, line, "sand")]
    grounds = (Ground("water", y + 0.05, coast - 0.03), Ground("sand", coast + 0.06, 0.97))
    things = {
        "umbrella": 3.5,
        "person": 3,
        "ball": 3,
        "boat": 3,
        "bird": 1.6,
        "dog": 1.4,
        "tree": 1.4,
    }
    return Layout("beach", y, layers, grounds, things, ("palm",), y - 0.05)


def _lake(rng: np.random.Generator, sky: RGB) -> Layout:
    y = _between(rng, 0.36, 0.46)
    coast = _between(rng, 0.68, 0.8)
    line = ridge(rng, coast, 0.02, 1.0)
    layers = _backdrop(rng, y, 0.7, 0.6)
    water = sea(rng, y, coast, sky)
    water.parts.extend(shore(rng, line, "grass"))
    layers += [water, meadow(rng, line)]
    grounds = (Ground("water", y + 0.06, coast - 0.05), Ground("grass", coast + 0.06, 0.97))
    things = {
        "boat": 5,
        "tree": 1.6,
        "person": 1.6,
        "dog": 0.9,
        "bird": 1.4,
        "flower": 1.4,
        "balloon": 0.8,
    }
    return Layout("lake", y, layers, grounds, things, ceiling=y - 0.1)


def _sea(rng: np.random.Generator, sky: RGB) -> Layout:
    y = _between(rng, 0.36, 0.52)
    layers = [*_backdrop(rng, y, 0.3, 0.0), sea(rng, y, 1.0, sky)]
    things = {"boat": 5, "bird": 3, "balloon": 1}
    return Layout("sea", y, layers, (Ground("water", y + 0.06, 0.95),), things, ceiling=y - 0.06)


def _street(rng: np.random.Generator, sky: RGB) -> Layout:
    y = _between(rng, 0.4, 0.5)
    top = y + _between(rng, 0.08, 0.14)
    bottom = top + _between(rng, 0.22, 0.28)
    far = meadow(rng, ridge(rng, y, 0.015))
    near_line = [(x / 8, bottom) for x in range(-1, 10)]
    layers = [*_backdrop(rng, y, 0.25, 0.35), far, meadow(rng, near_line)]
    layers.append(street(rng, top, bottom))
    grounds = (
        Ground("road", top + 0.09, bottom - 0.05),
        Ground("grass", top - 0.05, top - 0.01),
        Ground("grass", bottom + 0.06, 0.97),
    )
    things = {
        "car": 9,
        "house": 3.5,
        "tree": 2,
        "person": 2.5,
        "dog": 1,
        "umbrella": 1,
        "bird": 0.8,
        "ball": 0.6,
    }
    return Layout("street", y - 0.05, layers, grounds, things, ("round", "poplar"), y - 0.1)


def _highway(rng: np.random.Generator, sky: RGB) -> Layout:
    y = _between(rng, 0.4, 0.52)
    kind = ("grass", "grass", "sand", "snow")[int(rng.integers(4))]
    lane = Lane(y, (_between(rng, 0.35, 0.65), 0.035), (_between(rng, 0.42, 0.58), 0.42))
    level = [(x / 8, y) for x in range(-1, 10)]
    side = meadow(rng, level) if kind == "grass" else plain(rng, level, kind)
    layers = [*_backdrop(rng, y, 0.7, 0.15), side, highway(rng, lane)]
    y0, y1 = y + 0.08, 0.97
    (c0, w0), (c1, w1) = lane.at(y0), lane.at(y1)
    grounds = (
        Ground(
            "road", y0 + 0.05, 0.95, (c0 - w0 * 0.5, c0 + w0 * 0.5), (c1 - w1 * 0.6, c1 + w1 * 0.6)
        ),
        Ground(kind, y0, y1, (0.0, c0 - w0 - 0.03), (0.0, c1 - w1 - 0.03)),
        Ground(kind, y0, y1, (c0 + w0 + 0.03, 1.0), (c1 + w1 + 0.03, 1.0)),
    )
    things = {
        "car": 7.5,
        "tree": 3,
        "house": 1.6,
        "bird": 1,
        "balloon": 0.8,
        "sheep": 1,
        "person": 0.6,
    }
    trees = {"grass": ("round", "poplar", "pine"), "sand": ("palm",), "snow": ("snowy", "pine")}[
        kind
    ]
    return Layout("highway", y, layers, grounds, things, trees, y - 0.1, "front")


def _mountains(rng: np.random.Generator, sky: RGB) -> Layout:
    y = _between(rng, 0.55, 0.66)
    layers = [mountains(rng, y, _between(rng, 0.32, 0.46), bool(rng.random() < 0.8))]
    if rng.random() < 0.3:
        layers.append(forest(rng, y, 0.12, "pine"))
    layers.append(meadow(rng, ridge(rng, y, 0.03)))
    things = {
        "sheep": 3,
        "tree": 2,
        "house": 1.6,
        "person": 1.6,
        "balloon": 1.6,
        "bird": 1.4,
        "flower": 1.6,
        "dog": 0.8,
    }
    grounds = (Ground("grass", y + 0.07, 0.97),)
    return Layout("mountains", y - 0.08, layers, grounds, things, ("pine", "pine", "round"), 0.32)


def _snow(rng: np.random.Generator, sky: RGB) -> Layout:
    y = _between(rng, 0.42, 0.58)
    layers = _backdrop(rng, y, 0.5, 0.5)
    layers.append(plain(rng, ridge(rng, y, 0.04), "snow"))
    things = {
        "house": 2.5,
        "tree": 3.5,
        "person": 3,
        "dog": 2,
        "bird": 1,
        "ball": 1.0,
        "sheep": 0.5,
    }
    grounds = (Ground("snow", y + 0.07, 0.97),)
    return Layout("snow", y, layers, grounds, things, ("snowy", "snowy", "pine"), y - 0.1)


def _forest(rng: np.random.Generator, sky: RGB) -> Layout:
    y = _between(rng, 0.54, 0.66)
    kind = "leafy" if rng.random() < 0.5 else "pine"
    layers = [forest(rng, y, _between(rng, 0.28, 0.42), kind), meadow(rng, ridge(rng, y, 0.02))]
    things = {
        "person": 2.5,
        "dog": 2,
        "sheep": 2,
        "flower": 2.5,
        "ball": 1.2,
        "umbrella": 1,
        "tree": 1,
        "bird": 1,
    }
    grounds = (Ground("grass", y + 0.06, 0.97),)
    return Layout("forest", y - 0.1, layers, grounds, things, ceiling=0.2)


def _garden(rng: np.random.Generator, sky: RGB) -> Layout:
    y = _between(rng, 0.4, 0.5)
    layers = [*_backdrop(rng, y, 0.1, 0.4), meadow(rng, ridge(rng, y, 0.02))]
    things = {
        "flower": 5,
        "house": 2.5,
        "tree": 2,
        "person": 1.5,
        "dog": 1.4,
        "ball": 1.4,
        "bird": 1,
        "umbrella": 0.6,
    }
    grounds = (Ground("grass", y + 0.07, 0.98),)
    return Layout("garden", y, layers, grounds, things, ("round", "round", "poplar"), y - 0.1)


def _heights(rng: np.random.Generator, sky: RGB) -> Layout:
    y = _between(rng, 0.72, 0.84)
    layers = _backdrop(rng, y, 0.6, 0.2)
    kind = ("grass", "grass", "water", "sand", "snow")[int(rng.integers(5))]
    if kind == "water":
        layers.append(sea(rng, y, 1.0, sky))
    elif kind == "grass":
        layers.append(meadow(rng, ridge(rng, y, 0.02)))
    else:
        layers.append(plain(rng, ridge(rng, y, 0.02), kind))
    things = {"balloon": 6, "bird": 4, "tree": 0.6, "boat": 0.8}
    return Layout("heights", y, layers, (Ground(kind, y + 0.06, 0.97),), things, ceiling=y - 0.12)


def _desert(rng: np.random.Generator, sky: RGB) -> Layout:
    y = _between(rng, 0.45, 0.6)
    layers = [*_backdrop(rng, y, 0.65, 0.0), plain(rng, ridge(rng, y, 0.035), "sand")]
    grounds: tuple[Ground, ...] = (Ground("sand", y + 0.07, 0.97),)
    if rng.random() < 0.5:
        top = y + 0.14
        layers.append(street(rng, top, top + 0.22))
        grounds = (
            Ground("road", top + 0.09, top + 0.17),
            Ground("sand", y + 0.06, top - 0.01),
            Ground("sand", top + 0.28, 0.97)
            if top < 0.66
            else Ground("road", top + 0.1, top + 0.17),
        )
    things = {
        "tree": 2,
        "car": 2,
        "person": 2,
        "balloon": 1.4,
        "bird": 1,
        "house": 1,
        "umbrella": 0.8,
    }
    return Layout("desert", y, layers, grounds, things, ("palm",), y - 0.1)


PLACES: dict[str, tuple[float, Builder]] = {
    "field": (13, _field),
    "beach": (13, _beach),
    "lake": (9, _lake),
    "sea": (5, _sea),
    "street": (17, _street),
    "highway": (8, _highway),
    "mountains": (8, _mountains),
    "snow": (9, _snow),
    "forest": (8, _forest),
    "garden": (7, _garden),
    "heights": (6, _heights),
    "desert": (5, _desert),
}
"""How often each place occurs (relative weight), and what builds it from a generator and the
color of the sky at the horizon."""
