"""The twenty categories of the built-in world."""

from __future__ import annotations

from pandiff.taxonomy import Category, Taxonomy

_STUFF = (
    ("sky", (112, 182, 232), "heaven"),
    ("grass", (118, 186, 82), "ground"),
    ("water", (46, 118, 190), "water"),
    ("sand", (232, 206, 142), "ground"),
    ("road", (112, 108, 118), "ground"),
    ("mountain", (148, 124, 152), "nature"),
    ("snow", (232, 242, 250), "ground"),
    ("forest", (34, 98, 62), "nature"),
)
_THINGS = (
    ("house", (196, 92, 74), "building"),
    ("tree", (60, 146, 92), "plant"),
    ("car", (222, 48, 66), "vehicle"),
    ("boat", (148, 74, 40), "vehicle"),
    ("person", (246, 168, 120), "person"),
    ("dog", (172, 116, 48), "animal"),
    ("sheep", (214, 200, 216), "animal"),
    ("bird", (70, 62, 158), "animal"),
    ("ball", (250, 132, 24), "toy"),
    ("balloon", (176, 60, 188), "vehicle"),
    ("flower", (250, 96, 168), "plant"),
    ("umbrella", (40, 190, 186), "accessory"),
)

STUFF_NAMES = tuple(name for name, _, _ in _STUFF)
"""Names of the stuff categories, in the order of their ids 1..8."""

THING_NAMES = tuple(name for name, _, _ in _THINGS)
"""Names of the thing categories, in the order of their ids 9..20."""

TAXONOMY = Taxonomy(
    tuple(
        Category(k, name, k > len(_STUFF), color, group)
        for k, (name, color, group) in enumerate(_STUFF + _THINGS, start=1)
    )
)
"""The taxonomy of the built-in world: ids 1..20, stuff first."""
