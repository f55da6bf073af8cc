"""What commands are made of: the row of the table, kinds of numbers, progress bars."""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pandiff.coco import Progress


@dataclass(frozen=True)
class Command:
    """One subcommand.

    Attributes:
        help: its line of help.
        add_arguments: adds its arguments to a parser.
        run: does it; raises InputError for wrong input.
        takes_settings: whether any other `--dotted.name VALUE` is passed on, as `args.settings`.
    """

    help: str
    add_arguments: Callable[[argparse.ArgumentParser], None]
    run: Callable[[argparse.Namespace], None]
    takes_settings: bool = False


def whole_number(text: str) -> int:
    """An integer of 0 or more; ValueError otherwise, which argparse reports."""
    value = int(text)
    if value < 0:
        raise ValueError(text)
    return value


def positive_number(text: str) -> int:
    """An integer of 1 or more; ValueError otherwise, which argparse reports."""
    if whole_number(text) == 0:
        raise ValueError(text)
    return int(text)


def finite_number(text: str) -> float:
    """A number that is not infinite; ValueError otherwise, which argparse reports."""
    if not math.isfinite(float(text)):
        raise ValueError(text)
    return float(text)


def hush() -> None:
    """Keep the libraries that load models from standard error, their own progress bars too."""
    import diffusers.utils.logging
    import transformers.utils.logging

    for logging in (diffusers.utils.logging, transformers.utils.logging):
        logging.set_verbosity_error()
        logging.disable_progress_bar()


def progress(description: str) -> Progress:
    """Passes items on and shows a bar with an estimate on standard error, if it is a terminal."""
    from rich.console import Console
    from rich.progress import track

    console = Console(stderr=True)
    return lambda items: track(
        items, description, console=console, transient=True, disable=not console.is_terminal
    )


@contextmanager
def counter(description: str) -> Iterator[Callable[[int, int], None]]:
    """The same bar, for work that reports (done, total) itself."""
    from rich.console import Console
    from rich.progress import Progress

    console = Console(stderr=True)
    with Progress(console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task(description, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)
