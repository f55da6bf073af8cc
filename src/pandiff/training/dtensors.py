"""Tensors of which every process holds a shard (DTensor), and their whole selves."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor
from torch.distributed.tensor import DTensor, distribute_tensor

from pandiff.collectives import is_main


def local(tensor: Tensor) -> Tensor:
    """This process's shard, in the same memory; a plain tensor is its own."""
    return tensor.to_local() if isinstance(tensor, DTensor) else tensor


def whole(tensor: Tensor) -> Tensor:
    """The whole of a tensor, to which every process gives its shard."""
    return tensor.full_tensor() if isinstance(tensor, DTensor) else tensor


def like(tensor: Tensor, other: Tensor) -> Tensor:
    """A whole tensor, laid out over the processes as another is."""
    if not isinstance(other, DTensor):
        return tensor
    mesh = other.device_mesh
    return distribute_tensor(tensor.to(other.device), mesh, other.placements, src_data_rank=None)


def gather(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The whole tensors on the CPU in the first process; the others take part and get none."""
    gathered = {}
    for name, tensor in tensors.items():
        full = whole(tensor)
        if is_main():
            gathered[name] = full.cpu().contiguous()
    return gathered
