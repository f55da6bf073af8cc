"""The command line: parse, call, print. Heavy imports stand inside the commands.

A command is one row of `COMMANDS`. Exit codes: 0 done, 2 wrong input, 130 interrupted.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from pandiff import __version__
from pandiff.cli.command import Command
from pandiff.cli.datasets import SCENES, SCORE, VALIDATE
from pandiff.cli.downstream import DOWNSTREAM
from pandiff.cli.edit import EDIT
from pandiff.cli.evaluate import EVALUATE
from pandiff.cli.exchange import EXPORT, IMPORT
from pandiff.cli.models import DEMO, GENERATE, SEGMENT
from pandiff.cli.parser import Parser
from pandiff.cli.prepare import PREPARE
from pandiff.cli.study import STUDY
from pandiff.cli.synthesize import SYNTHESIZE
from pandiff.cli.train import TRAIN
from pandiff.errors import InputError

__all__ = ["COMMANDS", "Command", "build_parser", "main"]

COMMANDS: dict[str, Command] = {
    "demo": DEMO,
    "generate": GENERATE,
    "segment": SEGMENT,
    "edit": EDIT,
    "scenes": SCENES,
    "validate": VALIDATE,
    "synthesize": SYNTHESIZE,
    "import": IMPORT,
    "export": EXPORT,
    "prepare": PREPARE,
    "train": TRAIN,
    "score": SCORE,
    "evaluate": EVALUATE,
    "downstream": DOWNSTREAM,
    "study": STUDY,
}


def build_parser() -> Parser:
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
        sub.set_defaults(command=command)
    return parser


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    """The arguments, with the `command`; InputError if they are wrong."""
    parser = build_parser()
    args, others = parser.parse_known_args(argv)
    if others and not args.command.takes_settings:
        parser.error(f"unrecognized arguments: {' '.join(others)}")
    args.settings = others
    return args


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command.

    Args:
        argv: the arguments without the program's name; `sys.argv[1:]` if None.

    Returns:
        The exit code.
    """
    try:
        args = parse(argv)
        args.command.run(args)
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
