"""The command that asks whether generated data helps: it trains segmenters and scores them."""

from __future__ import annotations

import argparse
import shlex
import sys
from pathlib import Path
from typing import Any

from pandiff.cli.command import (
    Command,
    finite_number,
    hush,
    positive_number,
    progress,
    whole_number,
)


def names(text: str) -> tuple[str, ...]:
    """A list with commas, without repetitions; ValueError if it is empty."""
    found = tuple(dict.fromkeys(part.strip() for part in text.split(",") if part.strip()))
    if not found:
        raise ValueError(text)
    return found


def seeds(text: str) -> tuple[int, ...]:
    """A list of integers of 0 or more; ValueError otherwise, which argparse reports."""
    return tuple(whole_number(part) for part in names(text))


def _arguments(parser: argparse.ArgumentParser) -> None:
    for option, required, text in (
        ("--real", False, "dataset folder: real pairs to train on"),
        ("--generated", False, "dataset folder: generated pairs"),
        ("--test", True, "dataset folder: real pairs that no arm trains on"),
        ("--out", True, None),
    ):
        parser.add_argument(option, metavar="DIR", type=Path, required=required, help=text)
    parser.add_argument(
        "--arms",
        metavar="A,...",
        type=names,
        default=("real", "generated", "both", "rival"),
        help="what is compared: real, generated, both, rival, labelled; the first four by default",
    )
    parser.add_argument("--seeds", metavar="S,...", type=seeds, default=(0, 1, 2))
    parser.add_argument(
        "--segmenter",
        metavar="NAME",
        default="mask2former",
        help="mask2former, maskformer, segformer, which finds categories alone, or built-in: "
        "the library's own, which learns things in fewer steps",
    )
    parser.add_argument(
        "--steps", metavar="N", type=positive_number, default=0, help="of each training"
    )
    parser.add_argument("--batch", metavar="N", type=positive_number, default=8)
    parser.add_argument("--size", metavar="PX", type=positive_number, default=64)
    parser.add_argument(
        "--lr", metavar="R", type=finite_number, default=0.0, help="peak rate; its own if not set"
    )
    parser.add_argument(
        "--labelled",
        metavar="N",
        type=positive_number,
        default=64,
        help="real pairs of which the rival's own segmenter learns",
    )
    parser.add_argument("--device", default=None, help="cpu, cuda, ...; the best by default")
    parser.epilog = (
        "The rival is what people do without such pairs: generated images, and maps by a "
        "segmenter of few labelled ones. The same command goes on with what was interrupted; "
        "more arms and seeds join those that are finished."
    )


def _downstream(args: argparse.Namespace) -> None:
    from pandiff.evaluation.downstream.report import NUMBERS, PAGE, PICTURE
    from pandiff.evaluation.downstream.settings import Settings, Sources
    from pandiff.evaluation.downstream.study import downstream
    from pandiff.evaluation.ranks import best_device

    hush()
    report = downstream(
        Sources(args.real, args.generated, args.test),
        args.out,
        args.arms,
        args.seeds,
        Settings(args.segmenter, args.steps, args.batch, args.size, args.labelled, args.lr),
        device=args.device or best_device(),
        command=shlex.join(["pandiff", *sys.argv[1:]]),
        bars=progress,
    )
    for line in lines(report):
        print(line)
    for what, file in (("numbers", NUMBERS), ("picture", PICTURE), ("report", PAGE)):
        print(f"{what + ':':9}{args.out / file}")


def lines(report: dict[str, Any]) -> list[str]:
    """The scores of each arm, and the verdict."""
    from pandiff.evaluation.downstream.summary import LABELS, words

    return [
        f"{arm}: " + ", ".join(f"{LABELS[s]} {words(n)}" for s, n in entry["scores"].items())
        for arm, entry in report["arms"].items()
    ] + [report["verdict"]] * bool(report["verdict"])


DOWNSTREAM = Command(
    "does generated data help? segmenters trained on real and generated pairs",
    _arguments,
    _downstream,
)
