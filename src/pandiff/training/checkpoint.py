"""Checkpoints: safetensors and JSON only, written to a temporary folder and renamed."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from pandiff.errors import InputError
from pandiff.training.ema import Ema


def optimizer_tensors(optimizer: torch.optim.Optimizer) -> dict[str, Tensor]:
    """The state of an optimiser as flat tensors, `<parameter>.<name>`."""
    state = optimizer.state_dict()["state"]
    return {
        f"{k}.{name}": torch.as_tensor(value).contiguous()
        for k, values in state.items()
        for name, value in values.items()
    }


def load_optimizer(optimizer: torch.optim.Optimizer, tensors: dict[str, Tensor]) -> None:
    """The inverse of `optimizer_tensors`."""
    state: dict[int, dict[str, Tensor]] = {}
    for key, value in tensors.items():
        k, name = key.split(".", 1)
        state.setdefault(int(k), {})[name] = value
    optimizer.load_state_dict({**optimizer.state_dict(), "state": state})


def save_checkpoint(
    folder: Path,
    network: nn.Module,
    ema: Ema,
    optimizer: torch.optim.Optimizer,
    state: dict[str, Any],
) -> None:
    """Write a checkpoint so that `folder` holds either the old one or the new one, whole."""
    fresh = folder.with_suffix(".new")
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir(parents=True)
    save_file(_tensors(network), fresh / "network.safetensors")
    save_file(_tensors(ema.model), fresh / "ema.safetensors")
    save_file(optimizer_tensors(optimizer), fresh / "optimizer.safetensors")
    (fresh / "state.json").write_text(json.dumps(state, indent=1))
    replace_folder(fresh, folder)


def replace_folder(fresh: Path, folder: Path) -> None:
    """Put a finished folder in the place of another, which lies at `.old` for a moment."""
    old = folder.with_suffix(".old")
    if folder.exists():
        shutil.rmtree(old, ignore_errors=True)
        os.replace(folder, old)
    os.replace(fresh, folder)
    shutil.rmtree(old, ignore_errors=True)


def load_checkpoint(
    folder: Path, network: nn.Module, ema: Ema, optimizer: torch.optim.Optimizer
) -> dict[str, Any] | None:
    """Load what `save_checkpoint` wrote and return its state; None where there is none.

    Raises:
        InputError: if the checkpoint does not fit the network.
    """
    found = next((f for f in (folder, folder.with_suffix(".old")) if f.exists()), None)
    if found is None:
        return None
    try:
        network.load_state_dict(load_file(found / "network.safetensors"))
        ema.model.load_state_dict(load_file(found / "ema.safetensors"))
        load_optimizer(optimizer, load_file(found / "optimizer.safetensors"))
        state: dict[str, Any] = json.loads((found / "state.json").read_text())
    except (RuntimeError, OSError, ValueError, SafetensorError) as error:
        reason = str(error).splitlines()[0]
        raise InputError(
            f"a checkpoint of this network in {found}", reason, "use another --out or settings"
        ) from None
    return state


def _tensors(network: nn.Module) -> dict[str, Tensor]:
    return {k: v.contiguous() for k, v in network.state_dict().items()}
