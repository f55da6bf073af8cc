"""What of a map stays when it is drawn again, because a prompt's claims hold only in part."""

from __future__ import annotations

from collections.abc import Iterable
from math import exp, sqrt

import numpy as np
from scipy.ndimage import binary_dilation

from pandiff.data.scenes import Caption
from pandiff.panoptic import PanopticMap, Segment
from pandiff.prompts.claims import segments_of

RIM = (1 / 64, 1 / 16)
"""Around what is taken out so much becomes free too, as a share of the map's longer side."""
ROOM = (0.3, 0.8)
"""Share of the map that becomes free for what is missing."""
SLANT = 0.7
"""Largest |log| of the sides' ratio of that room, on top of the map's own."""


def pixels_to_keep(caption: Caption, panoptic: PanopticMap, rng: np.random.Generator) -> np.ndarray:
    """The pixels of a map that stay, so that the rest may come to hold what is missing.

    In one of two ways, at random. Either only named things stay, and none of a category that has
    too many. Or everything does, right or not, but for a random rectangle where something is
    missing, in which named things stay, and for the surplus of a number with a rim: the smaller
    ones.

    Args:
        caption: what is claimed.
        panoptic: (H, W), a map in which some of it does not hold.
        rng: chooses.

    Returns:
        (H, W) bool, the pixels that stay; none at all where nothing is worth it.

    Raises:
        InputError: if the taxonomy lacks a claimed category.
    """
    numbers = dict(caption.counts)
    right: list[Segment] = []
    surplus: list[Segment] = []
    many: set[int] = set()
    missing = False
    for name in dict.fromkeys([*caption.categories, *numbers]):
        found = sorted(segments_of(panoptic, name), key=lambda s: (-s.area, s.id))
        number = numbers.get(name, len(found))
        right += found[:number]
        surplus += found[number:]
        many |= {s.category_id for s in found[number:]}
        missing |= len(found) < numbers.get(name, 1)
    right = [s for s in right if panoptic.taxonomy.by_id(s.category_id).isthing]
    if rng.integers(2):
        return _pixels(panoptic, (s for s in right if s.category_id not in many))
    free = np.zeros_like(panoptic.ids, bool)
    if missing:
        free[_room(free.shape, rng)] = True
    if surplus:
        rim = round(rng.uniform(*RIM) * max(free.shape))
        free |= binary_dilation(_pixels(panoptic, surplus), iterations=max(1, rim))
    stay = ~free | _pixels(panoptic, right)
    return np.zeros_like(stay) if stay.all() else stay


def _pixels(panoptic: PanopticMap, segments: Iterable[Segment]) -> np.ndarray:
    return np.isin(panoptic.ids, [s.id for s in segments])


def _room(shape: tuple[int, ...], rng: np.random.Generator) -> tuple[slice, slice]:
    """A random rectangle."""
    share, slant = rng.uniform(*ROOM), exp(rng.uniform(-SLANT, SLANT) / 2)
    sides = [min(1.0, sqrt(share) * slant), min(1.0, sqrt(share) / slant)]
    spans = [max(1, round(part * side)) for part, side in zip(sides, shape, strict=True)]
    starts = [int(rng.integers(side - span + 1)) for side, span in zip(shape, spans, strict=True)]
    rows, columns = (slice(a, a + n) for a, n in zip(starts, spans, strict=True))
    return rows, columns
