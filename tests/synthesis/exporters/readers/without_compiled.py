"""Stand-ins for compiled parts that no reader calls: a tool's import fails without them."""

from __future__ import annotations

import sys
from types import ModuleType
from typing import Any


def torchvision() -> None:
    """Declare the operators that torchvision describes even where its library cannot be loaded."""
    import torch

    for name in ("nms", "qnms"):
        schema = "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor"
        torch.library.define(f"torchvision::{name}", schema)


def module(name: str) -> None:
    """An extension module in which every name is there, and is None."""

    class Extension(ModuleType):
        def __getattr__(self, name: str) -> Any:
            if name.startswith("__"):
                raise AttributeError(name)

    sys.modules[name] = Extension(name)
