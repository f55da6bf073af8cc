"""Instances as offsets: every cell points at the centre of its instance.

As in Panoptic-DeepLab (Cheng et al. 2020, arXiv 1911.10194), with votes in place of a centre head.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from pandiff.codec.labels import MAX_LABEL, LabelBatch
from pandiff.codec.votes import cluster_votes

SCALE = 0.35
"""The offset that is written as 1, as a fraction of the map's longer side; longer ones are cut."""
REACH = 0.35
"""How readily pieces are joined: see `cluster_votes`."""


@dataclass(frozen=True)
class Offsets:
    """Two channels (x, y): the signed root of the offset to the mass centre of visible cells."""

    max_instances: int

    @property
    def groups(self) -> dict[str, int]:
        return {"offsets": 2}

    def encode(self, labels: LabelBatch) -> Tensor:
        """Instances (B, H, W) -> (B, 2, H, W) in [-1, 1]; 0 where there is no instance."""
        instance = labels.instance.long()
        offsets = centre_offsets(instance) / (SCALE * max(instance.shape[1:]))
        return compand(offsets.clamp_(-1, 1))

    def decode(self, values: np.ndarray, category: np.ndarray, isthing: np.ndarray) -> np.ndarray:
        """Votes split and join the parts of one category."""
        group = np.where(isthing[category], category, 0)
        return cluster_votes(votes(values), group, category, reach=REACH)


def compand(values: Tensor) -> Tensor:
    """Signed square root: small objects' offsets are not drowned by noise."""
    return values.sign() * values.abs().sqrt()


def votes(values: np.ndarray) -> np.ndarray:
    """(2, H, W) channels -> (2, H, W) the centre (x, y) that each cell votes for, in cells."""
    height, width = values.shape[1:]
    values = np.clip(values, -1, 1)
    offsets = values * np.abs(values) * (SCALE * max(height, width))
    offsets[0] += np.arange(width)
    offsets[1] += np.arange(height)[:, None]
    return offsets


def centre_offsets(instance: Tensor) -> Tensor:
    """(B, H, W) numbers -> (B, 2, H, W): (x, y) from each cell to its instance's centre."""
    batch, height, width = instance.shape
    labels = MAX_LABEL + 1
    keys = instance + torch.arange(batch, device=instance.device)[:, None, None] * labels
    flat = keys.flatten()
    cells = flat.bincount(minlength=batch * labels).clamp_(min=1)
    grids = torch.meshgrid(
        torch.arange(width, device=flat.device, dtype=torch.float32),
        torch.arange(height, device=flat.device, dtype=torch.float32),
        indexing="xy",
    )
    offsets = []
    for grid in grids:
        total = torch.zeros(batch * labels, device=flat.device)
        total.index_add_(0, flat, grid.expand(batch, height, width).flatten())
        offsets.append((total / cells)[keys] - grid)
    return torch.stack(offsets, dim=1) * (instance > 0)[:, None]
