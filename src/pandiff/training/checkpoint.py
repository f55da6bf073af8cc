"""Checkpoints: safetensors and JSON only, written to a temporary folder and renamed.

They hold whole tensors, so that a run goes on with any number of processes, and nothing frozen.
"""

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

from pandiff.collectives import is_main
from pandiff.errors import InputError
from pandiff.training.dtensors import gather, like
from pandiff.training.ema import Ema


def optimizer_tensors(optimizer: torch.optim.Optimizer) -> dict[str, Tensor]:
    """The state of an optimiser as flat tensors, `<parameter>.<name>`."""
    state = optimizer.state_dict()["state"]
    return {
        f"{k}.{name}": torch.as_tensor(value)
        for k, values in state.items()
        for name, value in values.items()
    }


def load_optimizer(optimizer: torch.optim.Optimizer, tensors: dict[str, Tensor]) -> None:
    """The inverse of `optimizer_tensors`, from whole tensors."""
    parameters = [p for group in optimizer.param_groups for p in group["params"]]
    state: dict[int, dict[str, Tensor]] = {}
    for key, value in tensors.items():
        k, name = key.split(".", 1)
        owner = parameters[int(k)]
        value = like(value, owner) if value.shape == owner.shape else value
        state.setdefault(int(k), {})[name] = value
    optimizer.load_state_dict({**optimizer.state_dict(), "state": state})


def save_checkpoint(
    folder: Path,
    network: nn.Module,
    ema: Ema,
    optimizer: torch.optim.Optimizer,
    state: dict[str, Any],
) -> None:
    """Write a checkpoint so that `folder` holds either the old one or the new one, whole.

    All processes must call, as each gives its shards; the first one writes.
    """
    files = {
        "network": gather(stored(network)),
        "ema": gather(stored(network, ema.model)),
        "optimizer": gather(optimizer_tensors(optimizer)),
    }
    if not is_main():
        return
    fresh = folder.with_suffix(".new")
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir(parents=True)
    for name, tensors in files.items():
        save_file(tensors, fresh / f"{name}.safetensors")
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

    Frozen parameters stay as they are.

    Raises:
        InputError: if the checkpoint does not fit the network.
    """
    found = next((f for f in (folder, folder.with_suffix(".old")) if f.exists()), None)
    if found is None:
        return None
    try:
        _fill(stored(network), load_file(found / "network.safetensors"))
        _fill(stored(network, ema.model), load_file(found / "ema.safetensors"))
        load_optimizer(optimizer, load_file(found / "optimizer.safetensors"))
        state: dict[str, Any] = json.loads((found / "state.json").read_text())
    except (RuntimeError, OSError, ValueError, IndexError, SafetensorError) as error:
        reason = str(error).splitlines()[0]
        raise InputError(
            f"a checkpoint of this network in {found}", reason, "use another --out or settings"
        ) from None
    return state


def stored(network: nn.Module, copy: nn.Module | None = None) -> dict[str, Tensor]:
    """What a checkpoint holds of a network, or of a copy of it: all but frozen parameters."""
    named = network.named_parameters(remove_duplicate=False)
    frozen = {name for name, p in named if not p.requires_grad}
    tensors = (network if copy is None else copy).state_dict()
    return {name: tensor for name, tensor in tensors.items() if name not in frozen}


@torch.no_grad()
def _fill(tensors: dict[str, Tensor], values: dict[str, Tensor]) -> None:
    """Copy values into tensors of the same names and shapes; ValueError if there are none."""
    if odd := sorted(tensors.keys() ^ values.keys()):
        raise ValueError(f"other weights: {odd[0]}")
    for name, tensor in tensors.items():
        if tensor.shape != values[name].shape:
            raise ValueError(f"{name} of {tuple(values[name].shape)}, not {tuple(tensor.shape)}")
        tensor.copy_(like(values[name], tensor))
