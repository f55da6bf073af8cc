"""What the training loop asks of a task: a network, its data, its loss, a picture."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Protocol

import torch
from PIL import Image
from torch import Tensor, nn
from torch.utils.data import Dataset

Tensors = dict[str, Tensor]


class Task(Protocol):
    """One thing to train.

    Attributes:
        network: the trainable network.
        dataset: map-style; `__getitems__(indices)` returns a batch as a dict of tensors.
    """

    network: nn.Module
    dataset: Dataset[Any]

    def draw(self, n: int, generator: torch.Generator) -> Tensors:
        """Everything random of a step, for a batch of n; rows belong to samples."""
        ...

    def losses(self, network: nn.Module, batch: Tensors, draws: Tensors) -> Tensors:
        """Scalars by name; "loss" is what is minimised."""
        ...

    def preview(self, network: nn.Module) -> Image.Image:
        """A picture of what the network makes."""
        ...

    def export(self, network: nn.Module, folder: Path) -> None:
        """Write the model in the form that `from_pretrained` reads."""
        ...
