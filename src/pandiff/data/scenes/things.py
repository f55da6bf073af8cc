"""Things in their places: drawing, shadow and color."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pandiff.data.scenes.geometry import Part, Point, ellipse, mark, place
from pandiff.data.scenes.layouts import Layout
from pandiff.data.scenes.palette import COLORS, WARDROBE, jitter, weighted
from pandiff.data.scenes.sketches.animals import bird, dog, sheep
from pandiff.data.scenes.sketches.buildings import house
from pandiff.data.scenes.sketches.people import HAND, ball, person, umbrella
from pandiff.data.scenes.sketches.plants import flower, tree
from pandiff.data.scenes.sketches.vehicles import balloon, boat, car
from pandiff.data.scenes.spots import EXTENT, Spot, sized

AUTUMNAL = {"round", "poplar"}
"""Kinds of trees that may be red, orange or yellow."""


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


def build(
    rng: np.random.Generator,
    layout: Layout,
    category: str,
    color: str,
    spot: Spot,
    lit: bool,
    position: int,
) -> list[Thing]:
    """The thing at a spot; where an umbrella is carried, the person comes with it."""
    if category == "umbrella" and (spot.ground != "sand" or rng.random() < 0.15):
        return _carried(rng, layout, color, spot, position)
    parts = _draw(rng, layout, category, color, spot, lit)
    flip = bool(rng.random() < 0.5) and category not in ("ball", "balloon", "umbrella", "house")
    return [_thing(category, color, parts, spot, flip)]


def _thing(category: str, color: str, parts: list[Part], spot: Spot, flip: bool) -> Thing:
    placed = place(parts, spot.x, spot.y, spot.size, flip)
    foot = (spot.x, spot.y)
    return Thing(
        category,
        color,
        placed,
        _shadow(category, spot),
        foot,
        spot.size,
        spot.distance,
        spot.ground,
    )


def _carried(
    rng: np.random.Generator, layout: Layout, color: str, spot: Spot, position: int
) -> list[Thing]:
    under = sized(rng, layout, "person", spot.x, spot.y, spot.ground)
    clothes = weighted(rng, WARDROBE["person"])
    flip = bool(rng.random() < 0.5)
    figure = person(rng, jitter(rng, COLORS[clothes]), carries=True)
    carrier = _thing("person", clothes, figure, under, flip)
    x = under.x + (-1 if flip else 1) * HAND[0] * under.size
    y, size = under.y + HAND[1] * under.size, under.size * 0.78
    cloth = place(umbrella(rng, jitter(rng, COLORS[color]), held=True), x, y, size, False)
    above = Thing(
        "umbrella", color, cloth, [], (x, under.y), size, under.distance, under.ground, position
    )
    return [carrier, above]


def _draw(
    rng: np.random.Generator, layout: Layout, category: str, color: str, spot: Spot, lit: bool
) -> list[Part]:
    tone = jitter(rng, COLORS[color])
    match category:
        case "house":
            return house(rng, tone, lit)
        case "tree":
            kinds = [k for k in layout.trees if color == "green" or k in AUTUMNAL]
            return tree(rng, tone, kinds[int(rng.integers(len(kinds)))])
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


def _shadow(category: str, spot: Spot) -> list[Part]:
    if spot.ground == "sky":
        return []
    wide = EXTENT[category][0] * spot.size
    if category in ("tree", "flower"):
        wide *= 0.75
    if spot.ground == "water":
        return [
            mark(
                ellipse(spot.x, spot.y + 0.012, wide * 0.42, 0.02 + wide * 0.03, 20),
                (18, 40, 70),
                90,
            )
        ]
    flat = 0.06 * wide + 0.008
    return [mark(ellipse(spot.x + wide * 0.08, spot.y, wide * 0.52, flat, 20), (16, 18, 40), 70)]
