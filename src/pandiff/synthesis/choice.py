"""The choice among several tries of an edit: the model looks at its own images."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

import numpy as np
import torch
from PIL import Image

from pandiff.evaluation.seams import seam_ratio
from pandiff.panoptic import PanopticMap
from pandiff.pipeline import PanopticDiffusionPipeline
from pandiff.rgb import to_rgb
from pandiff.synthesis.generate import Pair

Made = TypeVar("Made", bound=Pair)

STEPS = 8
"""Steps in which the map of an image is found; no prompt leads them."""


def look(
    pipe: PanopticDiffusionPipeline, images: Sequence[Image.Image], batch_size: int
) -> list[PanopticMap]:
    """What the model sees in images, a map for each: the direction image -> map."""
    seen: list[PanopticMap] = []
    for start in range(0, len(images), batch_size):
        some = list(images[start : start + batch_size])
        out = pipe(
            [""] * len(some),
            image=some,
            num_inference_steps=STEPS,
            generator=[torch.Generator().manual_seed(start + k) for k in range(len(some))],
        )
        seen += out.maps
    return seen


def score(made: PanopticMap, seen: PanopticMap, region: np.ndarray, wanted: int | None) -> float:
    """How well what is seen in an image fits the map that was made with it.

    Args:
        made, seen: the two maps.
        region: (H, W) bool, where the edit changed something.
        wanted: id of the segment that the edit brings, if it brings one.

    Returns:
        Share of the region with the same category in both, 0..1; and more, up to 2, by the
        intersection over union of the wanted segment with the most like one of its category.
    """
    same = made.category_index == seen.category_index
    share = float(same[region].mean()) if region.any() else 1.0
    return share if wanted is None else share + overlap(made, seen, wanted)


def overlap(made: PanopticMap, seen: PanopticMap, wanted: int) -> float:
    """Intersection over union of a segment with the most like one of its category; 0 if none."""
    kinds = {s.id: s.category_id for s in made.segments}
    if wanted not in kinds:
        return 0.0
    mask = made.mask(wanted)
    others = [seen.mask(s.id) for s in seen.segments if s.category_id == kinds[wanted]]
    return max([float((m & mask).sum() / (m | mask).sum()) for m in others], default=0.0)


def shows(before: Image.Image, after: Image.Image, known: np.ndarray, side: int) -> float:
    """How much steeper the border of an edit is than the image was there, as a share; 0 or more.

    Args:
        before, after: the image, of one size.
        known: (H, W) bool, what the edit kept.
        side: larger images are looked at with this longer side, in pixels.
    """
    size, longest = before.size, max(before.size)
    if longest > side:
        size = (max(1, size[0] * side // longest), max(1, size[1] * side // longest))
    mask = Image.fromarray(known).resize(size, Image.Resampling.NEAREST)
    old, new = (to_rgb(one).resize(size, Image.Resampling.BOX) for one in (before, after))
    return max(0.0, seam_ratio(old, new, np.asarray(mask)) - 1)


def best(pairs: Sequence[Made], scores: Sequence[float], tries: int) -> list[Made]:
    """Of each run of `tries` pairs the one that scores highest, the first of equals."""
    starts = range(0, len(pairs), tries)
    return [pairs[max(range(s, s + tries), key=lambda k: scores[k])] for s in starts]
