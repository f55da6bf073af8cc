"""Choosing things and putting them into a layout."""

from __future__ import annotations

import numpy as np

from pandiff.data.scenes.layouts import Layout
from pandiff.data.scenes.palette import WARDROBE, weighted
from pandiff.data.scenes.spots import Spot, beside, free_spot
from pandiff.data.scenes.things import AUTUMNAL, Thing, build

_MOST = {"house": 3, "car": 3, "boat": 4, "umbrella": 3, "balloon": 4}
_COUNTS = {
    "0": 4.0,
    "1": 16.0,
    "2": 20.0,
    "3": 20.0,
    "4": 16.0,
    "5": 11.0,
    "6": 7.0,
    "7": 4.0,
    "8": 2.0,
}


def populate(rng: np.random.Generator, layout: Layout, lit: bool) -> list[Thing]:
    """0 to 8 things for a layout, from far to near; lamps and windows shine if `lit`."""
    room = int(weighted(rng, _COUNTS))
    spots: list[tuple[str, str, Spot]] = []
    while room > 0:
        category = weighted(rng, layout.things)
        group = _group(rng, layout, category, room, [s.frame(c) for c, _, s in spots])
        if not group:
            break
        colors = _colors(rng, layout, category, len(group))
        spots += [(category, c, s) for c, s in zip(colors, group, strict=True)]
        room -= len(group)
    spots.sort(key=lambda item: (item[2].ground != "sky", item[2].y))
    things: list[Thing] = []
    for category, color, spot in spots:
        things += build(rng, layout, category, color, spot, lit, len(things))
    return things[:8]


def _colors(rng: np.random.Generator, layout: Layout, category: str, n: int) -> list[str]:
    """Colors of a group: often all alike. Palms and snowy trees are green."""
    if category == "tree" and not AUTUMNAL & set(layout.trees):
        return ["green"] * n
    if rng.random() < 0.5:
        return [weighted(rng, WARDROBE[category])] * n
    return [weighted(rng, WARDROBE[category]) for _ in range(n)]


def _group(
    rng: np.random.Generator,
    layout: Layout,
    category: str,
    room: int,
    taken: list[tuple[float, float, float, float]],
) -> list[Spot]:
    """Spots for one or several things of a category, either scattered or close together."""
    most = min(room, _MOST.get(category, 5))
    n = 1 if rng.random() < 0.42 else int(rng.integers(1, most + 1))
    first = free_spot(rng, layout, category, taken)
    if first is None:
        return []
    spots, huddled = [first], bool(rng.random() < 0.62)
    while len(spots) < n:
        if huddled:
            spot: Spot | None = beside(rng, layout, category, spots)
        else:
            spot = free_spot(rng, layout, category, taken + [s.frame(category) for s in spots])
        if spot is None:
            break
        spots.append(spot)
    return spots
