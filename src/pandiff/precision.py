"""Which precision a machine is fast in."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch

PRECISIONS = ("auto", "bf16", "no")


def multiplies_bf16(device: torch.device | str) -> bool:
    """Whether bf16 is faster than fp32 on a device.

    A processor without instructions for it is tens of times slower than in fp32 (docs/log.md).
    """
    kind = torch.device(device).type
    if kind == "cpu":
        return bool(torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported())
    return kind == "cuda" and torch.cuda.is_bf16_supported(including_emulation=False)


def resolve_precision(name: str, device: torch.device | str) -> str:
    """One of PRECISIONS -> "bf16" or "no"; "auto" is the faster one of a device."""
    if name != "auto":
        return name
    return "bf16" if multiplies_bf16(device) else "no"


def autocast(device: torch.device | str, precision: str = "auto") -> AbstractContextManager[Any]:
    """A context in which networks run in a precision of PRECISIONS."""
    if resolve_precision(precision, device) == "no":
        return nullcontext()
    return torch.autocast(torch.device(device).type, torch.bfloat16)
