"""How instances are written into channels: one small interface."""

from __future__ import annotations

from typing import Protocol

import numpy as np
from torch import Tensor

from pandiff.codec.labels import LabelBatch


class InstanceCoding(Protocol):
    """A way to write the instances of a map in real channels, and to read them back."""

    def __init__(self, max_instances: int) -> None: ...

    @property
    def groups(self) -> dict[str, int]:
        """Name and number of channels of each part, in order."""
        ...

    def encode(self, labels: LabelBatch) -> Tensor:
        """Labels (B, H, W) -> (B, channels, H, W) float32 in [-1, 1]."""
        ...

    def decode(self, values: np.ndarray, category: np.ndarray, isthing: np.ndarray) -> np.ndarray:
        """Read instances back.

        Args:
            values: (channels, H, W) reals.
            category: (H, W) class indices.
            isthing: (num_classes,) bool.

        Returns:
            (H, W) int64: a number of 1 or more for each instance, 0 on what is no thing. No
            number has cells of two categories.
        """
        ...
