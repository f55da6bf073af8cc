"""One shard on disk: a tar that is the same, byte for byte, whenever it is written."""

from __future__ import annotations

import os
import tarfile
from collections.abc import Iterable, Mapping
from io import BytesIO
from pathlib import Path
from typing import NamedTuple

import numpy as np

HEADER = 512
"""Bytes before the content of a member."""


class Sample(NamedTuple):
    """One sample of a shard.

    Attributes:
        key: its name, without dots: WebDataset cuts a member's name at the first one.
        members: the content by extension.
        void: whether its map has void or a crowd.
        captioned: whether it has captions of its own.
    """

    key: str
    members: Mapping[str, bytes]
    void: bool
    captioned: bool


class Written(NamedTuple):
    """The keys of a tar's samples, and where their members lie: see `ShardRecord.members`."""

    keys: tuple[str, ...]
    members: np.ndarray


def write_tar(path: Path, samples: Iterable[Sample]) -> Written:
    """Write samples in the WebDataset layout: the members of one lie together, `KEY.EXTENSION`.

    The file takes its place when it is complete, or not at all. Owner, mode and time of the
    members are fixed.
    """
    temporary = path.with_name(f".{path.name}.tmp")
    keys, rows = [], []
    with temporary.open("wb") as file:
        with tarfile.open(fileobj=file, mode="w", format=tarfile.USTAR_FORMAT) as tar:
            for sample in samples:
                keys.append(sample.key)
                rows.append([_add(tar, f"{sample.key}.{e}", c) for e, c in sample.members.items()])
        file.flush()
        os.fsync(file.fileno())
    os.replace(temporary, path)
    return Written(tuple(keys), np.array(rows, dtype=np.int64))


def _add(tar: tarfile.TarFile, name: str, content: bytes) -> tuple[int, int]:
    info = tarfile.TarInfo(name)  # mode 644, of user 0, at time 0
    info.size = len(content)
    start = tar.offset + HEADER
    tar.addfile(info, BytesIO(content))
    return start, len(content)
