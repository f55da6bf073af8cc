"""Instances as numbers in bits (Pix2Seq-D, arXiv 2210.06366; LDMSeg, arXiv 2401.10227)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from pandiff.codec.bits import bits_for, nearest, to_bits
from pandiff.codec.labels import MAX_LABEL, LabelBatch


@dataclass(frozen=True)
class RasterIds:
    """Instance numbers in raster order of their first cell."""

    max_instances: int

    @property
    def groups(self) -> dict[str, int]:
        return {"ids": bits_for(self.max_instances + 1)}

    def encode(self, labels: LabelBatch) -> Tensor:
        """Numbers (B, H, W) -> (B, bits, H, W)."""
        key = self._sort_key(labels.instance.long())
        rank = key.argsort(dim=1, stable=True).argsort(dim=1)
        numbers = rank.gather(1, labels.instance.long().flatten(1)).view_as(labels.instance)
        return to_bits(numbers, self.max_instances + 1)

    def _sort_key(self, instance: Tensor) -> Tensor:
        """(B, MAX_LABEL + 1): where each number first occurs; -1 for 0, so that it stays 0."""
        return first_cells(instance)

    def decode(self, values: np.ndarray, category: np.ndarray, isthing: np.ndarray) -> np.ndarray:
        """The nearest numbers, one instance for each number and category."""
        numbers = nearest(values, self.max_instances + 1)
        joint = category * (self.max_instances + 1) + numbers
        return np.where(isthing[category], joint + 1, 0)


@dataclass(frozen=True)
class ShuffledIds(RasterIds):
    """Instance numbers in an order shuffled by the map's own content."""

    def _sort_key(self, instance: Tensor) -> Tensor:
        first = first_cells(instance)
        present = (first >= 0) & (first < instance[0].numel())
        mixed = (first * 2654435761 + first.clamp(min=0).sum(1, keepdim=True) * 40503) % 1000003
        return torch.where(present, mixed, first * 1000003)


def first_cells(instance: Tensor) -> Tensor:
    """(B, H, W) numbers -> (B, 256): raster index of the first cell; H W if none; -1 for 0."""
    flat = instance.flatten(1)
    cells = torch.arange(flat.shape[1], device=flat.device).expand_as(flat)
    first = torch.full((len(flat), MAX_LABEL + 1), flat.shape[1], device=flat.device)
    first.scatter_reduce_(1, flat, cells, "amin")
    first[:, 0] = -1
    return first
