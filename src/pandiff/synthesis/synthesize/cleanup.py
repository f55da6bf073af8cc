"""Clean-up of a sample's map: specks to their neighbours, what is uncertain to void."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from torch import Tensor

from pandiff.codec import PanopticCodec
from pandiff.codec.components import components
from pandiff.codec.panoptic_codec import SPECK_SIDE
from pandiff.panoptic import PanopticMap
from pandiff.synthesis.generate import confidence
from pandiff.taxonomy import VOID


@dataclass(frozen=True)
class CleanUp:
    """How a map is cleaned.

    Attributes:
        void_below: pixels of less confidence, 0..1, become void; 0 keeps all.
        min_area: components of fewer pixels are absorbed by a neighbour, and what void leaves of
            so few pixels becomes void; None for the model's own.
    """

    void_below: float = 0.0
    min_area: float | None = None

    def codec(self, codec: PanopticCodec, side: int) -> PanopticCodec:
        """The codec that absorbs such components in maps of a side in pixels."""
        if self.min_area is None:
            return codec
        return replace(codec, min_area=self.min_area * SPECK_SIDE**2 / side**2)


@dataclass(frozen=True)
class CleanMap:
    """A cleaned map.

    Attributes:
        panoptic: the map.
        confidence: mean confidence of its pixels before any became void, 0..1.
    """

    panoptic: PanopticMap
    confidence: float


def read_map(values: Tensor, codec: PanopticCodec, side: int, clean: CleanUp) -> CleanMap:
    """Map tensor (C, H, W) -> the cleaned map of side x side pixels."""
    codec = clean.codec(codec, side)
    panoptic = codec.decode(values, (side, side))
    mean = confidence(panoptic)
    if clean.void_below > 0:
        pixels = codec.confidence(values, (side, side))
        least = codec.min_area * side**2 / SPECK_SIDE**2
        panoptic = voided(panoptic, pixels, clean.void_below, least)
    return CleanMap(panoptic, mean)


def voided(
    panoptic: PanopticMap, confidence: np.ndarray, below: float, min_area: float
) -> PanopticMap:
    """A map whose uncertain pixels are void; scores are the means of the pixels that are left.

    Args:
        panoptic: the map.
        confidence: (H, W), 0..1.
        below: pixels of less become void.
        min_area: components of which fewer pixels are left become void too.
    """
    ids = np.where(confidence < below, VOID, panoptic.ids)
    parts = components(ids)
    ids = np.where(np.bincount(parts.ravel())[parts] < min_area, VOID, ids)
    areas = np.maximum(1, np.bincount(ids.ravel()))
    means = np.bincount(ids.ravel(), confidence.ravel()) / areas
    return PanopticMap.from_ids(
        ids,
        {s.id: s.category_id for s in panoptic.segments},
        panoptic.taxonomy,
        scores=dict(enumerate(means.tolist())),
    )
