"""Short names of folders that are compared."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from pandiff.errors import InputError


def short_names(paths: Sequence[Path]) -> list[str]:
    """The last parts of the paths, as many as tell them apart."""
    parts = [p.resolve().parts for p in paths]
    for length in range(1, max(map(len, parts)) + 1):
        names = ["/".join(p[-length:]) for p in parts]
        if len(set(names)) == len(names):
            return names
    raise InputError("runs that differ", f"{paths[0]} twice", "name another")
