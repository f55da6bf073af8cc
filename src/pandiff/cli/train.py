"""The command that trains."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from pandiff.cli.command import Command


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--preset", metavar="P", help="settings to start from")
    parser.add_argument("--config", metavar="FILE", type=Path, help="settings in YAML or JSON")
    parser.add_argument("--data", metavar="D", type=Path, required=True, help="dataset folder")
    parser.add_argument("--out", metavar="RUN", type=Path, required=True, help="the run's folder")
    parser.add_argument("--dry-run", action="store_true", help="print all settings and stop")
    parser.epilog = (
        "Any setting that --dry-run lists can be given as --name VALUE or --group.name VALUE; "
        "it goes before the file's, and the file's before the preset's. "
        "The same command goes on with an interrupted run."
    )


def _train(args: argparse.Namespace) -> None:
    from pandiff.training.settings import read_settings

    config = read_settings(args.preset, args.config, args.settings)
    if args.dry_run:
        print(json.dumps(config.to_dict(), indent=2))
        return
    from pandiff.training.loop import train

    print(f"model: {train(config, args.data, args.out)}")


TRAIN = Command("train a model; the same command resumes", _arguments, _train, takes_settings=True)
