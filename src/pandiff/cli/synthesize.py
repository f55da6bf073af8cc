"""The command that makes a dataset."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from pandiff.cli.command import Command, finite_number, positive_number
from pandiff.cli.models import (
    add_guidance,
    add_redraw,
    add_sampling,
    load,
    settings,
)
from pandiff.errors import InputError

if TYPE_CHECKING:
    from pandiff.evaluation.segmenters import Segmenter
    from pandiff.synthesis.synthesize import Options
    from pandiff.taxonomy import Taxonomy

OWN_SEGMENTER = "scenes-segmenter"
"""The segmenter of the built-in world."""
NEAR = 0.1
"""The usual difference of near duplicates."""


def share(text: str) -> float:
    """A number in 0..1; ValueError otherwise, which argparse reports."""
    if not 0 <= finite_number(text) <= 1:
        raise ValueError(text)
    return float(text)


def _arguments(parser: argparse.ArgumentParser) -> None:
    add_sampling(parser)
    parser.add_argument(
        "--prompts",
        metavar="FILE",
        default="compose",
        help="a text file, a line each; a captions.json; or compose, from the model's taxonomy",
    )
    parser.add_argument("--count", metavar="N", type=positive_number, required=True)
    parser.add_argument("--out", metavar="DIR", type=Path, required=True)
    add_guidance(parser, of_each=True)
    add_redraw(parser)
    parser.add_argument(
        "--balance",
        metavar="B",
        default="natural",
        help="how often prompts name categories: natural, lift (all alike), a .json of weights",
    )
    parser.add_argument("--image-format", choices=("png", "jpg"), default="png")
    parser.add_argument("--license", metavar="L", default="other", help="for the dataset card")
    parser.add_argument(
        "--timeout",
        metavar="S",
        type=positive_number,
        default=1800,
        help="seconds to wait for the other processes",
    )
    _quality_arguments(parser.add_argument_group("quality"))
    parser.epilog = (
        "The same command goes on with what was interrupted. torchrun -m pandiff synthesize ... "
        "divides the work."
    )


def _quality_arguments(group: argparse._ArgumentGroup) -> None:
    def add(name: str, kind: Callable[[str], float], metavar: str, text: str) -> None:
        default = None if kind is finite_number else 0.0
        group.add_argument(name, metavar=metavar, type=kind, default=default, help=text)

    add("--min-confidence", share, "C", "least mean confidence of the map, 0..1")
    add("--min-agreement", share, "A", "least panoptic quality of what a segmenter sees, 0..1")
    add("--min-adherence", share, "D", "least share of the prompt's claims that hold, 0..1")
    group.add_argument(
        "--segmenter", metavar="M", help="built-in name, folder or hub id; measures the agreement"
    )
    group.add_argument(
        "--no-near-duplicates",
        metavar="T",
        type=share,
        nargs="?",
        const=NEAR,
        help=f"drop samples that differ from another by T or less, {NEAR} if not said",
    )
    add("--void-below", share, "V", "pixels of less confidence become void")
    add("--min-area", finite_number, "PX", "smaller regions go to a neighbour")
    group.add_argument(
        "--tries", metavar="N", type=positive_number, default=16, help="candidates of a prompt"
    )
    group.add_argument(
        "--when-exhausted",
        choices=("another", "drop", "best"),
        default="another",
        help="a sample without tries left: take another prompt, leave it out, or take the best",
    )


def _options(args: argparse.Namespace) -> Options:
    from pandiff.synthesis.synthesize import CleanUp, Options, Thresholds

    return Options(
        args.count,
        replace(settings(args), redraw=args.redraw),
        Thresholds(
            args.min_confidence, args.min_adherence, args.min_agreement, args.no_near_duplicates
        ),
        CleanUp(args.void_below, args.min_area),
        args.tries,
        args.when_exhausted,
        args.image_format,
        args.license,
    )


def _synthesize(args: argparse.Namespace) -> None:
    from pandiff.synthesis.synthesize import Crew, check_ours, read_plan, synthesize

    options = _options(args)
    check_ours(args.out)
    crew = Crew.of_environment(args.timeout)
    device = _device()
    pipe = load(args.model).to(device)
    with _shown(crew.rank == 0) as (show, warn):
        summary = synthesize(
            pipe,
            read_plan(args.prompts, pipe.taxonomy, args.seed, args.balance),
            args.out,
            options,
            model=args.model,
            segmenter=_segmenter(args, pipe.taxonomy, device),
            crew=crew,
            progress=show,
            warn=warn,
        )
    if summary is not None:
        print(f"{args.out}: {summary}")
        print(f"report: {args.out / 'report.html'}")


def _segmenter(args: argparse.Namespace, taxonomy: Taxonomy, device: str) -> Segmenter | None:
    """The segmenter that was asked for; the built-in one for the built-in world."""
    from pandiff.data.scenes import TAXONOMY
    from pandiff.evaluation.segmenters import find_segmenter

    name = args.segmenter
    if name is None and args.min_agreement > 0:
        if taxonomy != TAXONOMY:
            raise InputError("--segmenter with --min-agreement", "none", "name one")
        name = OWN_SEGMENTER
    return find_segmenter(name, taxonomy, device) if name else None


def _device() -> str:
    """This process's own GPU, or the processor."""
    import torch

    return f"cuda:{os.environ.get('LOCAL_RANK', 0)}" if torch.cuda.is_available() else "cpu"


@contextmanager
def _shown(first: bool) -> Iterator[tuple[Callable[[int, int, int], None], Callable[[str], None]]]:
    """What shows progress and warnings on standard error; progress in the first process alone.

    A terminal has a bar; elsewhere there is a line a minute.
    """
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn

    from pandiff.synthesis.synthesize.pace import Pace

    console, pace = Console(stderr=True), Pace()
    columns = (TextColumn("synthesize"), BarColumn(), TextColumn("{task.description}"))
    hidden = not (console.is_terminal and first)
    with Progress(*columns, console=console, transient=True, disable=hidden) as bar:
        task = bar.add_task("", total=None)

        def show(done: int, total: int, dropped: int) -> None:
            text = pace.text(done, total, dropped)
            bar.update(task, completed=done, total=total, description=text)
            if first and not console.is_terminal and pace.is_due():
                print(f"pandiff: {text}", file=sys.stderr, flush=True)

        def warn(line: str) -> None:
            bar.print(f"pandiff: warning: {line}", markup=False, highlight=False, soft_wrap=True)

        yield show, warn


SYNTHESIZE = Command("prompts to a filtered dataset of any size", _arguments, _synthesize)
