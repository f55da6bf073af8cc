"""The command that trains."""

from __future__ import annotations

import argparse
import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from pandiff.cli.command import Command, hush
from pandiff.errors import InputError

if TYPE_CHECKING:
    from pandiff.training.config import TrainConfig


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--preset", metavar="P", help="settings to start from")
    parser.add_argument("--config", metavar="FILE", type=Path, help="settings in YAML or JSON")
    parser.add_argument(
        "--data",
        metavar="D",
        type=location,
        help="dataset folder; for a pdm also shards, or their address",
    )
    parser.add_argument("--out", metavar="RUN", type=Path, help="the run's folder")
    parser.add_argument("--dry-run", action="store_true", help="print all settings and costs")
    parser.epilog = (
        "Any setting that --dry-run lists can be given as --name VALUE or --group.name VALUE; "
        "it goes before the file's, and the file's before the preset's. "
        "The same command goes on with an interrupted run."
    )


def location(text: str) -> str | Path:
    """A path, or an address as it is."""
    return text if "://" in text else Path(text)


def _train(args: argparse.Namespace) -> None:
    from pandiff.training.settings import read_settings

    config = read_settings(args.preset, args.config, args.settings)
    if args.dry_run:
        say(json.dumps(config.to_dict(), indent=2))
        if config.task == "pdm":
            say("\n".join(_cost(config)), sys.stderr)
        return
    if args.data is None or args.out is None:
        missing = "--data" if args.data is None else "--out"
        raise InputError(missing, "none", "name the data and the folder of the run")
    from pandiff.collectives import leave
    from pandiff.training.loop import train

    hush()
    say(f"model: {train(config, args.data, args.out)}")
    leave()


def _cost(config: TrainConfig) -> list[str]:
    from pandiff.training.cost import estimate

    hush()
    return estimate(config).lines(config)


def say(text: str, file: TextIO | None = None) -> None:
    """Print in one of the processes that torchrun starts, or in the only one."""
    if os.environ.get("RANK", "0") == "0":
        print(text, file=file)


TRAIN = Command("train a model; the same command resumes", _arguments, _train, takes_settings=True)
