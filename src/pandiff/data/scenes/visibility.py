"""Who hides whom: things of which too little is seen are left out before anything is painted."""

from __future__ import annotations

import numpy as np

from pandiff.data.scenes.raster import coverage
from pandiff.data.scenes.things import Thing

LEAST_SHARE = 0.3
"""A thing stays if at least this share of its pixels inside the picture is seen."""

LEAST_PIXELS = 26
"""... and at least so many pixels, in a picture of 128 x 128."""


def seen_things(things: list[Thing], size: int) -> list[Thing]:
    """The things that are seen well enough, in a picture of `size` or, if smaller, of 128 px.

    The rule looks at 128 px even for larger pictures, so that these show the same scene.
    """
    size = min(size, 128)
    least = max(4.0, LEAST_PIXELS * (size / 128) ** 2)
    masks = {k: coverage(t.parts, size) for k, t in enumerate(things)}
    while (worst := _worst(masks, least)) is not None:
        del masks[worst]
        for k in [k for k in masks if things[k].holder == worst]:
            del masks[k]
    return [things[k] for k in masks]


def _worst(masks: dict[int, np.ndarray], least: float) -> int | None:
    """The thing that breaks the rule most, or None; `masks` runs from far to near."""
    worst, lowest = None, 1.0
    hidden: np.ndarray | None = None
    for k in reversed(masks):
        mask = masks[k]
        seen = int(mask.sum() if hidden is None else (mask & ~hidden).sum())
        hidden = mask if hidden is None else hidden | mask
        share = min(seen / (LEAST_SHARE * max(int(mask.sum()), 1)), seen / least)
        if share < lowest:
            worst, lowest = k, share
    return worst
