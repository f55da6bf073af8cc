"""The processes of one evaluation: who does which part, and how they put it together."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch
from torch import distributed as dist

from pandiff.collectives import gather_rows, world_size


@contextmanager
def together() -> Iterator[None]:
    """Work with the other processes that torchrun started, if it did; they pass on bytes only."""
    alone = int(os.environ.get("WORLD_SIZE", 1)) == 1 or dist.is_initialized()
    if not alone:
        dist.init_process_group("gloo")
    try:
        yield
    finally:
        if not alone:
            dist.destroy_process_group()


def rank() -> int:
    """Number of this process, 0 for the one that writes and prints."""
    return dist.get_rank() if world_size() > 1 else 0


def best_device() -> str:
    """This process's accelerator where there is one."""
    if not torch.cuda.is_available():
        return "cpu"
    return f"cuda:{os.environ.get('LOCAL_RANK', 0)}"


def gather_bytes(content: bytes) -> list[bytes]:
    """The bytes of all processes, in their order; it waits for all of them."""
    if world_size() == 1:
        return [content]
    lengths = gather_rows(torch.tensor([len(content)])).tolist()
    padded = np.zeros((1, max(*lengths, 1)), np.uint8)
    padded[0, : len(content)] = np.frombuffer(content, np.uint8)
    whole = gather_rows(torch.from_numpy(padded)).numpy()
    return [row[:n].tobytes() for row, n in zip(whole, lengths, strict=True)]


def first(value: int) -> int:
    """The value of process 0, in all of them."""
    return int(gather_bytes(str(value).encode())[0])
