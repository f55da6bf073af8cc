"""How a network lies over the processes of a run: whole in each, or a shard in each."""

from __future__ import annotations

import copy
import re
from collections.abc import Collection
from typing import Protocol

import torch
from accelerate import Accelerator
from torch import Tensor, nn
from torch.distributed import DeviceMesh, init_device_mesh
from torch.distributed.fsdp import fully_shard
from torch.distributed.tensor import DTensor
from torch.nn.utils import clip_grad_norm_, clip_grads_with_norm_, get_total_norm

from pandiff.collectives import mean_over_ranks
from pandiff.training.dtensors import gather, whole
from pandiff.training.ema import Ema

UNIT = re.compile(r"(^|\.)\w*(blocks|layers)\.\d+$")
"""Names of the modules whose weights come together for their own forward pass only."""


class Layout(Protocol):
    """How a network, its average and its optimiser lie over the processes."""

    def prepare(self, objective: nn.Module, network: nn.Module) -> tuple[nn.Module, Ema]:
        """Lay out a network in place.

        Args:
            objective: the module that is called, which holds the network.
            network: what is trained.

        Returns:
            The module to call instead, and the average of the network, laid out alike.
        """
        ...

    def clip(self, network: nn.Module, limit: float) -> Tensor:
        """Scale the gradients to a norm of at most `limit`; returns the norm before."""
        ...

    def averaged(self, ema: Ema) -> nn.Module | None:
        """The whole averaged network in the first process, None in the others; all must call."""
        ...


def make_layout(name: str, accelerator: Accelerator) -> Layout:
    """The layout of that name: "ddp" or "fsdp"; one process has the whole network either way."""
    if name == "fsdp" and accelerator.num_processes > 1:
        return Sharded(accelerator)
    return Replicated(accelerator)


class Replicated:
    """Every process holds the whole network; DDP averages the gradients."""

    def __init__(self, accelerator: Accelerator) -> None:
        self.accelerator = accelerator

    def prepare(self, objective: nn.Module, network: nn.Module) -> tuple[nn.Module, Ema]:
        ema = Ema(network.to(self.accelerator.device))
        return self.accelerator.prepare_model(objective), ema

    def clip(self, network: nn.Module, limit: float) -> Tensor:
        return clip_grad_norm_(network.parameters(), limit)

    def averaged(self, ema: Ema) -> nn.Module | None:
        return ema.model if self.accelerator.is_main_process else None


class Sharded:
    """Every process holds a shard of each weight, gradient, moment and average (FSDP2).

    Accelerate gives the processes, their device and the precision; the sharding is torch's own,
    as Accelerate's does nothing on a CPU. Two kinds stay whole: scalars, which have no shards, and
    frozen weights, which have no gradient, moments or average, and which the average shares.
    """

    def __init__(self, accelerator: Accelerator) -> None:
        self.accelerator = accelerator
        self._spare: nn.Module | None = None

    def prepare(self, objective: nn.Module, network: nn.Module) -> tuple[nn.Module, Ema]:
        a, ema = self.accelerator, Ema(network)
        if a.is_main_process:
            self._spare = Ema(network).model
        frozen = {p for p in network.parameters() if not p.requires_grad}
        mesh = init_device_mesh(a.device.type, (a.num_processes,))
        objective = a.prepare_model(objective, device_placement=False, evaluation_mode=True)
        shard(objective, mesh, frozen)
        shard(ema.model, mesh, frozen)
        return objective, ema

    def clip(self, network: nn.Module, limit: float) -> Tensor:
        trained = [p for p in network.parameters() if p.grad is not None]
        shards = [p for p in trained if isinstance(p, DTensor)]
        scalars = [p for p in trained if not isinstance(p, DTensor)]
        for p in scalars:
            p.grad = mean_over_ranks(p.grad)
        kinds = [kind for kind in (shards, scalars) if kind]
        norms = [whole(get_total_norm([p.grad for p in kind])) for kind in kinds]
        norm = torch.stack(norms).norm()
        for kind in kinds:
            clip_grads_with_norm_(kind, limit, norm)
        return norm

    def averaged(self, ema: Ema) -> nn.Module | None:
        tensors = gather(ema.model.state_dict())
        if self._spare is None:
            return None
        self._spare.load_state_dict(tensors)
        return copy.deepcopy(self._spare).to(self.accelerator.device)


def shard(root: nn.Module, mesh: DeviceMesh, frozen: Collection[nn.Parameter] = ()) -> None:
    """Shard a module over a mesh: each of its blocks as a unit, the rest as another.

    Args:
        root: the module.
        mesh: of all processes.
        frozen: parameters that stay whole, as scalars do.
    """
    kept = {*frozen, *(p for p in root.parameters() if p.ndim == 0)}
    for p in kept:
        p.data = p.data.to(mesh.device_type)
    for p in root.parameters():
        p.data = p.data.contiguous()  # FSDP takes no other
    inner_first = reversed(list(root.named_modules()))
    units = [module for name, module in inner_first if UNIT.search(name)]
    for unit in (*units, root):
        if any(p not in kept for p in unit.parameters()):
            fully_shard(unit, mesh=mesh, ignored_params=kept)
