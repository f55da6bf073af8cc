"""What runs are called, and how they sampled, in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pandiff.errors import InputError


def short_names(paths: Sequence[Path]) -> list[str]:
    """The last parts of the paths, as many as tell them apart."""
    parts = [p.resolve().parts for p in paths]
    for length in range(1, max(map(len, parts)) + 1):
        names = ["/".join(p[-length:]) for p in parts]
        if len(set(names)) == len(names):
            return names
    raise InputError("runs that differ", f"{paths[0]} twice", "name another")


def sampling_of(setup: Mapping[str, Any]) -> str:
    """How a run sampled, in words: "20 steps, guidance 3, map guidance 2, up to 16 tries"."""
    parts = [f"{setup['steps']} steps", f"guidance {setup['guidance_scale']:g}"]
    if setup.get("map_guidance_scale", 1) != 1:
        parts.append(f"map guidance {setup['map_guidance_scale']:g}")
    if setup.get("tries", 1) != 1:
        parts.append(f"up to {setup['tries']} tries")
    if setup.get("redraw", False):
        parts.append("redrawn")
    return ", ".join(parts)
