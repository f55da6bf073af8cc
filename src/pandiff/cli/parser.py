"""The argument parser: argparse, with all its errors in the form of ours."""

from __future__ import annotations

import argparse
import re
from typing import NoReturn

from pandiff.errors import InputError


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
