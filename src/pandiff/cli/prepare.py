"""The command that encodes a dataset once."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from pandiff.cli.command import Command, counter, hush, positive_number, progress
from pandiff.errors import InputError

if TYPE_CHECKING:
    from pandiff.data.shards import ShardIndex


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("data", metavar="DIR", type=Path, help="dataset folder")
    parser.add_argument("--split", help="which split of the original COCO layout")
    parser.add_argument("--preset", metavar="P", help="settings to start from")
    parser.add_argument("--config", metavar="FILE", type=Path, help="settings in YAML or JSON")
    parser.add_argument("--out", metavar="SHARDS", type=Path, help="folder of the shards")
    parser.add_argument(
        "--shard-size", metavar="N", type=positive_number, default=1000, help="images of a shard"
    )
    parser.add_argument(
        "--verify", action="store_true", help="DIR holds shards: compare them with their checksums"
    )
    parser.epilog = (
        "Settings come after DIR, as for pandiff train; --encoders, --size, --precision and "
        "--workers count here. The same command goes on with what was interrupted. "
        "torchrun -m pandiff prepare ... divides the work."
    )


def _prepare(args: argparse.Namespace) -> None:
    if args.verify:
        _verify(args)
        return
    if args.out is None:
        raise InputError("--out", "none", "see pandiff prepare --help")
    from pandiff.training.prepare import prepare
    from pandiff.training.settings import read_settings

    hush()
    config = read_settings(args.preset, args.config, args.settings)
    with counter("prepare") as show:
        index = prepare(
            config,
            args.data,
            args.out,
            split=args.split,
            shard_size=args.shard_size,
            progress=show,
        )
    if index is not None:
        print(f"{args.out}: {_summary(index)}")


def _verify(args: argparse.Namespace) -> None:
    if any((args.out, args.preset, args.config, args.split, args.settings)):
        raise InputError("--verify SHARDS alone", "other arguments", "leave them out")
    from pandiff.data.shards import verify

    index = verify(args.data, progress=progress("verify"))
    print(f"{args.data}: as written; {_summary(index)}")


def _summary(index: ShardIndex) -> str:
    text = f"{len(index)} images, shards: {len(index.shards)} of {index.size / 1e6:.1f} MB in all"
    return f"{text}, {index.without_captions} without captions" if index.without_captions else text


PREPARE = Command("encode a dataset once, into shards", _arguments, _prepare, takes_settings=True)
