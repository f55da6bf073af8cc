"""The settings of a run from a preset, a file and the command line, the later ones first."""

from __future__ import annotations

import argparse
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from jsonargparse import ArgumentParser

from pandiff.errors import InputError
from pandiff.training.config import TrainConfig
from pandiff.training.presets import PRESETS, preset

_MESSAGES = (
    (
        r'Parser key "(\S+)":\s+Expected an? (?:<class \')?(.+?)(?:\'>)?\. Got value: (.*)',
        r"\2 for \1",
        r"\3",
    ),
    (r"unrecognized arguments: (.*)", "known settings", r"\1"),
    (r"Option '(\S+)' is not accepted", "known settings", r"\1"),
    (r"Group '(\S+)' does not accept option '(\S+)'", "known settings", r"\1.\2"),
    (r"the following arguments are required: task", "a --preset or a task", "none"),
)
"""jsonargparse's messages, what was expected and what was got."""


def read_settings(
    name: str | None, file: Path | None = None, overrides: Sequence[str] = ()
) -> TrainConfig:
    """Settings of a preset, changed by a file, changed by arguments.

    Args:
        name: of a preset; None if the file or the arguments name a task.
        file: YAML or JSON with any part of the settings, nested as `TrainConfig` is.
        overrides: `--steps 10 --optim.lr 1e-3 --model.width 64`, `--steps=10` too.

    Raises:
        InputError: if a name is not known or a value is of another type, or makes no sense.
    """
    parser = ArgumentParser(exit_on_error=False)
    parser.add_class_arguments(TrainConfig)
    parser.set_defaults(preset(name).to_dict() if name is not None else {})
    text = _read(file) if file is not None else None
    try:
        found: Any = None if text is None else parser.parse_string(text)
        found = parser.parse_args(list(overrides), namespace=found)
        settings = vars(parser.instantiate(found))
    except (argparse.ArgumentError, TypeError) as error:
        raise _explain(str(error)) from None
    return TrainConfig(**settings)


def _explain(message: str) -> InputError:
    remedy = f"--preset {next(iter(PRESETS))} --dry-run lists all settings"
    for pattern, expected, got in _MESSAGES:
        if match := re.search(pattern, message, re.DOTALL):
            return InputError(match.expand(expected), match.expand(got), remedy)
    return InputError("settings as TrainConfig has them", message, remedy)


def _read(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError("a settings file", f"{file}: {error}", "check the path") from None
