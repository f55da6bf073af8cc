"""Where models come from: the package, a folder, the hub."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from safetensors import SafetensorError

from pandiff.errors import InputError

BUILT_IN = Path(__file__).parents[1] / "assets"
"""Folder of the pipelines that ship in the package, by name."""
INDEX = "model_index.json"
"""The file that makes a folder a pipeline."""
HUB_ID = re.compile(r"[\w.-]+/[\w.-]+")


def resolve(name: str | Path) -> str:
    """A built-in name -> its folder; a folder or hub id stays as it is.

    Raises:
        InputError: if it is none of these.
    """
    inside = BUILT_IN / str(name)
    if (inside / INDEX).is_file():
        return str(inside)
    if Path(name).is_dir() or HUB_ID.fullmatch(str(name)):
        return str(name)
    shipped = ", ".join(sorted(p.parent.name for p in BUILT_IN.glob(f"*/{INDEX}"))) or "none here"
    raise InputError(
        f"a built-in model ({shipped}), a folder or a hub id", repr(str(name)), "check the name"
    )


@contextmanager
def reading(what: str, name: str | Path) -> Iterator[None]:
    """Turns the errors of `from_pretrained` into one InputError: expected `what` at `name`."""
    try:
        yield
    except InputError:
        raise
    except (OSError, ValueError, RuntimeError, KeyError, TypeError, SafetensorError) as error:
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        remedy = "check the name, the files, the network"
        raise InputError(f"{what} at {str(name)!r}", reason, remedy) from error


def resolve_pipeline(name: str | Path) -> str:
    """`resolve` for a whole pipeline: a folder must have its model_index.json."""
    path = resolve(name)
    if Path(path).is_dir() and not (Path(path) / INDEX).is_file():
        raise InputError(f"a pipeline's folder with {INDEX}", f"none in {path!r}", "check the path")
    return path
