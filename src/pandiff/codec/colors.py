"""Instances as four colours: near instances of one category differ."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from torch import Tensor

from pandiff.codec.bits import bits_for, nearest, to_bits
from pandiff.codec.coloring import NUM_COLORS
from pandiff.codec.components import components
from pandiff.codec.labels import LabelBatch


@dataclass(frozen=True)
class Colors:
    """Two colour bits; an instance is a connected component of one category and colour."""

    max_instances: int

    @property
    def groups(self) -> dict[str, int]:
        return {"colors": bits_for(NUM_COLORS)}

    def encode(self, labels: LabelBatch) -> Tensor:
        """Colours (B, H, W) -> (B, 2, H, W) bits."""
        return to_bits(labels.color, NUM_COLORS)

    def decode(self, values: np.ndarray, category: np.ndarray, isthing: np.ndarray) -> np.ndarray:
        """Connected components of the nearest colours."""
        parts = components(category * NUM_COLORS + nearest(values, NUM_COLORS))
        return np.where(isthing[category], parts + 1, 0)
