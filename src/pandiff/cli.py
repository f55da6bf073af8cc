"""The command line: parse, call, print. Heavy imports stand inside the commands.

A command is one row of `COMMANDS`. Exit codes: 0 done, 2 wrong input, 130 interrupted.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from pandiff import __version__
from pandiff.errors import InputError

if TYPE_CHECKING:
    from pandiff.coco import Progress


@dataclass(frozen=True)
class Command:
    """One subcommand: its line of help, its arguments and what it does with them."""

    help: str
    add_arguments: Callable[[argparse.ArgumentParser], None]
    run: Callable[[argparse.Namespace], None]


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


def _validate_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("path", metavar="DIR", type=Path, help="dataset folder or panoptic .json")
    parser.add_argument("--split", help="which split of the original COCO layout")


def _validate(args: argparse.Namespace) -> None:
    from pandiff.coco import PanopticFolder
    from pandiff.evaluation.validate import validate

    problems = validate(args.path, args.split, progress=progress("validate"))
    for problem in problems:
        print(problem)
    if problems:
        count = f"{len(problems)} problem{'s' if len(problems) > 1 else ''} in {args.path}"
        raise InputError("a correct COCO panoptic dataset", count, "mend what is listed")
    folder = PanopticFolder.open(args.path, args.split)
    print(f"{args.path} is a correct COCO panoptic dataset: {len(folder)} images")


def _score_arguments(parser: argparse.ArgumentParser) -> None:
    what = "dataset folder or panoptic .json"
    parser.add_argument("--reference", metavar="D1", type=Path, required=True, help=what)
    parser.add_argument("--predicted", metavar="D2", type=Path, required=True, help=what)
    parser.add_argument("--out", metavar="FILE", type=Path, help="metrics.json to write")


def _score(args: argparse.Namespace) -> None:
    from pandiff.coco import write_json
    from pandiff.evaluation.score import score, summary

    metrics = score(args.reference, args.predicted, progress=progress("score"))
    if args.out is None:
        print(json.dumps(metrics, indent=2))
    else:
        write_json(args.out, metrics)
        print(f"{summary(metrics)}; written to {args.out}")


def _scenes_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--count", metavar="N", type=positive_number, required=True)
    parser.add_argument("--seed", metavar="S", type=whole_number, default=0)
    parser.add_argument("--size", metavar="PX", type=positive_number, default=128)
    parser.add_argument("--out", metavar="DIR", type=Path, required=True)
    parser.add_argument(
        "--workers", metavar="W", type=whole_number, default=0, help="processes; 0 = this one"
    )


def _scenes(args: argparse.Namespace) -> None:
    from pandiff.data.scenes import write_scenes

    with counter("scenes") as show:
        write_scenes(
            args.out,
            args.count,
            seed=args.seed,
            size=args.size,
            workers=args.workers,
            progress=show,
        )
    print(f"{args.count} scenes of {args.size} px in {args.out}")


COMMANDS: dict[str, Command] = {
    "scenes": Command("render a dataset of the built-in world", _scenes_arguments, _scenes),
    "validate": Command(
        "is this a correct COCO panoptic dataset? what is wrong, where",
        _validate_arguments,
        _validate,
    ),
    "score": Command("compare two datasets: PQ, mIoU, MCD, count error", _score_arguments, _score),
}


class Parser(argparse.ArgumentParser):
    """An argument parser whose errors are InputErrors."""

    def error(self, message: str) -> NoReturn:
        """Raise argparse's message as an InputError."""
        raise explain(message, self.prog)


_MESSAGES = (
    (r"the following arguments are required: (.*)", r"\1", "none"),
    (r"argument .*: invalid choice: (\S+) \(choose from (.*)\)", r"one of \2", r"\1"),
    (r"argument (\S+): invalid (\w+) value: (.*)", r"a \2 for \1", r"\3"),
    (r"argument (\S+): expected (.*)", r"\2 for \1", "none"),
    (r"unrecognized arguments: (.*)", "known arguments only", r"\1"),
)
"""argparse's messages, what was expected and what was got."""


def explain(message: str, prog: str) -> InputError:
    """Say an argparse message in the form of all our errors."""
    remedy = f"see {prog} --help"
    for pattern, expected, got in _MESSAGES:
        if match := re.fullmatch(pattern, message, re.DOTALL):
            return InputError(match.expand(expected).replace("_", " "), match.expand(got), remedy)
    return InputError("correct arguments", message, remedy)


def build_parser() -> argparse.ArgumentParser:
    """The parser of all commands."""
    parser = Parser(
        prog="pandiff", description="Images and their panoptic maps.", allow_abbrev=False
    )
    parser.add_argument("--version", action="version", version=f"pandiff {__version__}")
    subparsers = parser.add_subparsers(required=True)
    for name, command in COMMANDS.items():
        sub = subparsers.add_parser(
            name, help=command.help, description=command.help, allow_abbrev=False
        )
        command.add_arguments(sub)
        sub.set_defaults(run=command.run)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command.

    Args:
        argv: the arguments without the program's name; `sys.argv[1:]` if None.

    Returns:
        The exit code.
    """
    try:
        args = build_parser().parse_args(argv)
        args.run(args)
    except InputError as error:
        return _fail(error)
    except OSError as error:
        if error.filename is None:
            raise
        got = f"{error.filename} ({error.strerror})"
        return _fail(InputError("a path that can be used", got, "check the path"))
    except KeyboardInterrupt:
        print("pandiff: interrupted", file=sys.stderr)
        return 130
    except SystemExit as done:  # argparse's --help and --version
        return int(done.code or 0)
    return 0


def _fail(error: InputError) -> int:
    print("pandiff: error:", " ".join(str(error).split()), file=sys.stderr)
    return 2
