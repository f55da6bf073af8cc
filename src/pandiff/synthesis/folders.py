"""Output folders that appear whole or not at all."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pandiff.errors import InputError


def check_new(out: Path) -> None:
    """InputError unless `out` is missing or an empty folder, and not the one we stand in."""
    check_apart(out)
    if out.is_dir() and not any(out.iterdir()):
        return
    if out.exists():
        what = "a folder that is not empty" if out.is_dir() else "a file"
        raise InputError("an empty or new folder", f"{what}: {out}", "choose another --out")


def check_apart(out: Path) -> None:
    """InputError if `out`, to be replaced whole, is the working folder or holds it."""
    if Path.cwd().is_relative_to(out.resolve()):
        got = f"the folder that this runs in: {out}"
        raise InputError("an empty or new folder", got, "choose an --out inside of it")


@contextmanager
def new_folder(out: Path) -> Iterator[Path]:
    """A folder beside `out` that takes its place at the end, or vanishes after an error.

    What is at `out` then is replaced: check before that it may be.

    Raises:
        InputError: if `out` is the working folder or holds it.
    """
    check_apart(out)
    fresh, old = out.with_name(f".{out.name}.new"), out.with_name(f".{out.name}.old")
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir(parents=True)
    try:
        yield fresh
        if out.exists():
            shutil.rmtree(old, ignore_errors=True)
            out.replace(old)
        fresh.replace(out)
        shutil.rmtree(old, ignore_errors=True)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
