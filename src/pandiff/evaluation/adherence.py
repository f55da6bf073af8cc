"""How many of a caption's claims hold in a map and its image: exact, for the claims are known."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PIL import Image

from pandiff.data.scenes import Caption, relation_holds
from pandiff.evaluation.colors import named_color
from pandiff.panoptic import PanopticMap
from pandiff.prompts.claims import Claims, categories_present, counts_exact, segments_of


@dataclass(frozen=True)
class Adherence:
    """The claims of one caption by kind.

    Attributes:
        categories: a mentioned category has a segment.
        counts: a category of things has exactly the stated number of segments.
        colors: exactly the stated number of segments of a category has the stated color.
        relations: all the segments of two categories are as stated, by their boxes.
    """

    categories: Claims
    counts: Claims
    colors: Claims
    relations: Claims


def adherence(caption: Caption, panoptic: PanopticMap, image: Image.Image) -> Adherence:
    """Check the claims of a caption.

    Args:
        caption: with claims in the names of the map's taxonomy.
        panoptic: the map, (H, W).
        image: its image, of the same size; read for colors only.

    Raises:
        InputError: if the taxonomy lacks a claimed category.
    """
    return Adherence(
        categories_present(caption, panoptic),
        counts_exact(caption, panoptic),
        colors_right(caption, panoptic, image),
        relations_hold(caption, panoptic),
    )


def colors_right(caption: Caption, panoptic: PanopticMap, image: Image.Image) -> Claims:
    """The stated numbers of things of a color that are exactly those read off the image."""
    pixels = np.asarray(image.convert("RGB"))

    def number(name: str, color: str) -> int:
        things = segments_of(panoptic, name)
        return sum(named_color(pixels, panoptic.mask(s.id), s, name) == color for s in things)

    return Claims.of(number(name, color) == n for name, color, n in caption.colors)


def relations_hold(caption: Caption, panoptic: PanopticMap) -> Claims:
    """The stated relations that hold between all the things of both categories."""

    def boxes(name: str) -> list[tuple[int, int, int, int]]:
        return [s.bbox for s in segments_of(panoptic, name)]

    return Claims.of(
        relation_holds(relation, boxes(first), boxes(second), panoptic.width)
        for first, relation, second in caption.relations
    )
