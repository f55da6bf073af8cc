"""Offsets for the votes, colours as the tie-break."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from pandiff.codec.bits import nearest
from pandiff.codec.coloring import NUM_COLORS
from pandiff.codec.colors import Colors
from pandiff.codec.labels import LabelBatch
from pandiff.codec.offsets import Offsets, votes
from pandiff.codec.votes import cluster_votes

REACH = 0.7
"""How readily pieces are joined: more than by votes alone, for the colours keep objects apart."""


@dataclass(frozen=True)
class OffsetsAndColors:
    """Two offset channels and two colour bits; votes count within one category and colour."""

    max_instances: int

    @property
    def groups(self) -> dict[str, int]:
        return {**self._offsets.groups, **self._colors.groups}

    @property
    def _offsets(self) -> Offsets:
        return Offsets(self.max_instances)

    @property
    def _colors(self) -> Colors:
        return Colors(self.max_instances)

    def encode(self, labels: LabelBatch) -> Tensor:
        """Labels (B, H, W) -> (B, 4, H, W): offsets x and y, then two colour bits."""
        return torch.cat([self._offsets.encode(labels), self._colors.encode(labels)], dim=1)

    def decode(self, values: np.ndarray, category: np.ndarray, isthing: np.ndarray) -> np.ndarray:
        """Votes split the parts of one category and colour; votes and colours join them."""
        group = category * NUM_COLORS + nearest(values[2:], NUM_COLORS)
        return cluster_votes(
            votes(values[:2]),
            np.where(isthing[category], group, 0),
            category,
            np.clip(values[2:], -1, 1),
            reach=REACH,
        )
