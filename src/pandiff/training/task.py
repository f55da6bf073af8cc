"""What the training loop asks of a task: a network, its data, its loss, a picture."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sized
from pathlib import Path
from typing import Any, Protocol, TypeVar

import torch
from PIL import Image
from torch import Tensor, nn
from torch.utils.data import Dataset

from pandiff.errors import InputError

Tensors = dict[str, Tensor]
T = TypeVar("T")


def build(make: Callable[..., T], settings: Mapping[str, Any]) -> T:
    """`make(**settings)`; InputError if one of the settings is unknown or makes no sense."""
    known = inspect.signature(make).parameters
    odd = sorted(settings.keys() - known.keys())
    if odd:
        raise InputError(f"model settings of {', '.join(known)}", odd[0], "mend --model")
    try:
        return make(**settings)
    except InputError:
        raise
    except (TypeError, ValueError, ArithmeticError, RuntimeError) as error:
        reason = str(error).strip().splitlines()[0]
        raise InputError("model settings that fit one another", reason, "mend --model") from error


def check_filled(dataset: Sized, data: str | Path) -> None:
    """InputError if the dataset read from `data` is empty."""
    if not len(dataset):
        raise InputError("a dataset with images", f"none in {data}", "add some")


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
