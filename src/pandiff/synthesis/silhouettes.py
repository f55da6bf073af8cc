"""Silhouettes of things, as the model itself draws them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from pandiff.panoptic import PanopticMap
from pandiff.pipeline import PanopticDiffusionPipeline
from pandiff.synthesis.generate import Settings
from pandiff.taxonomy import Category

LEAST = 1 / 250
"""Share of a picture that a thing must have for its silhouette to say something."""


def draw(
    pipe: PanopticDiffusionPipeline, kind: Category, seeds: Sequence[int], settings: Settings
) -> list[np.ndarray]:
    """Of pictures of one thing of a kind, its largest silhouette in each.

    Args:
        pipe: the pipeline.
        kind: the category.
        seeds: of the pictures.
        settings: steps, guidance and batch.

    Returns:
        (h, w) bool arrays, cut to the thing; fewer than pictures where some have none that is
        whole and large enough.
    """
    maps: list[PanopticMap] = []
    for start in range(0, len(seeds), settings.batch_size):
        some = seeds[start : start + settings.batch_size]
        out = pipe(
            [f"a {kind.name}"] * len(some),
            num_inference_steps=settings.steps,
            guidance_scale=settings.guidance_scale,
            map_guidance_scale=1.0,  # which leads the image
            generator=[torch.Generator().manual_seed(s) for s in some],
        )
        maps += out.maps
    found = [cut(one, kind.id) for one in maps]
    return [silhouette for silhouette in found if silhouette is not None]


def cut(panoptic: PanopticMap, category: int) -> np.ndarray | None:
    """The silhouette of a map's largest segment of a category that no border cuts; else None."""
    width, height = panoptic.size
    whole = [
        s
        for s in panoptic.segments
        if s.category_id == category
        and s.area >= LEAST * width * height
        and s.bbox[0] > 0
        and s.bbox[1] > 0
        and s.bbox[0] + s.bbox[2] < width
        and s.bbox[1] + s.bbox[3] < height
    ]
    if not whole:
        return None
    largest = max(whole, key=lambda s: s.area)
    x, y, w, h = (int(side) for side in largest.bbox)
    return panoptic.mask(largest.id)[y : y + h, x : x + w]
