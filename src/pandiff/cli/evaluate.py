"""The command that measures a model, and the one that compares measurements."""

from __future__ import annotations

import argparse
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pandiff.cli.command import Command, positive_number, progress
from pandiff.cli.models import add_guidance, add_redraw, add_sampling, add_tries, load

if TYPE_CHECKING:
    from pandiff.evaluation.measuring import Judges
    from pandiff.taxonomy import Taxonomy

DIRECTIONS = ("text", "map_to_image", "image_to_map")
OWN_SEGMENTER = "scenes-segmenter"


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--data", metavar="D", default="scenes", help="dataset folder, or scenes: unseen ones"
    )
    parser.add_argument("--out", metavar="DIR", type=Path, required=True)
    parser.add_argument("--count", metavar="N", type=positive_number, default=256)
    add_sampling(parser)
    add_guidance(parser)
    add_tries(parser)
    add_redraw(parser)
    parser.add_argument("--directions", nargs="+", choices=DIRECTIONS, default=DIRECTIONS)
    parser.add_argument("--segmenter", metavar="F", help="judge of image and map: folder or hub id")
    parser.add_argument(
        "--inception", metavar="FILE", type=Path, help="the standard detector, for FID and KID"
    )
    parser.add_argument(
        "--features", metavar="F", nargs="+", default=[], help="CLIP, DINO, ...: folder or hub id"
    )
    parser.add_argument("--clip", metavar="F", help="for the CLIP score: folder or hub id")
    parser.add_argument("--device", default=None, help="cpu, cuda, ...; the best by default")
    parser.add_argument(
        "--compare", metavar="RUN", nargs="+", type=Path, help="folders of earlier evaluations"
    )
    parser.epilog = (
        "The same command goes on with an interrupted evaluation; torchrun -m pandiff evaluate "
        "divides the work. On scenes the built-in segmenter "
        "judges. --compare sets runs of the same prompts and seeds side by side; differences are "
        "from the first."
    )


def _evaluate(args: argparse.Namespace) -> None:
    if args.compare is not None:
        _compare(args.compare, args.out)
        return
    from pandiff.evaluation.ranks import rank, together

    with together():
        report = _run(args)
        if rank() == 0:
            for verdict in report["verdicts"]:
                print(f"{verdict['grade']}: {verdict['title']} {verdict['sentence']}")
            print(f"numbers: {args.out / 'metrics.json'}")
            print(f"report:  {args.out / 'report.html'}")


def _run(args: argparse.Namespace) -> dict[str, Any]:
    from pandiff.evaluation.evaluate import Settings, evaluate
    from pandiff.evaluation.questions import questions_of
    from pandiff.evaluation.ranks import best_device

    settings = Settings(
        args.model, args.data, args.count, args.seed, args.steps, args.guidance,
        tuple(args.directions), args.map_guidance, args.tries, args.redraw,
    )  # fmt: skip
    device = args.device or best_device()
    pipe = load(args.model).to(device)
    questions = questions_of(args.data, pipe.image_size, args.seed, args.count)
    return evaluate(
        pipe,
        questions,
        judges(args, questions.taxonomy, device),
        args.out,
        settings,
        batch=args.batch,
        command=shlex.join(["pandiff", *sys.argv[1:]]),
        progress=progress,
    )


def _compare(runs: list[Path], out: Path) -> None:
    from pandiff.evaluation.compare import compare

    result = compare(runs, out)
    for k, run in enumerate(result["runs"][1:]):
        found = [row["differences"][k] for row in result["metrics"]]
        sure = [d["better"] for d in found if d["significant"]]
        print(
            f"{run['name']}: {sure.count(True)} of {len(found)} numbers are significantly better, "
            f"{sure.count(False)} worse than those of {result['runs'][0]['name']}"
        )
    print(f"numbers: {out / 'compare.json'}")
    print(f"page:    {out / 'compare.html'}")


def judges(args: argparse.Namespace, taxonomy: Taxonomy, device: str) -> Judges:
    """The networks that were asked for; on scenes the built-in segmenter, unless another was."""
    from pandiff.evaluation.clip_score import ClipScore
    from pandiff.evaluation.features import (
        InceptionFeatures,
        SegmenterFeatures,
        TransformerFeatures,
    )
    from pandiff.evaluation.measuring import Judges
    from pandiff.evaluation.segmenter import load_segmenter
    from pandiff.evaluation.segmenters import find_segmenter

    features: list[Any] = []
    if args.inception is not None:
        features.append(InceptionFeatures(args.inception, device))
    features += [TransformerFeatures(name, device) for name in args.features]
    own = load_segmenter().to(device) if is_scenes(taxonomy) else None
    if own is not None:
        features.append(SegmenterFeatures(own))
    name = args.segmenter or (OWN_SEGMENTER if own is not None else None)
    segmenter = find_segmenter(name, taxonomy, device) if name else None
    return Judges(segmenter, features, ClipScore(args.clip, device) if args.clip else None)


def is_scenes(taxonomy: Taxonomy) -> bool:
    """Whether the categories are those of the built-in world."""
    from pandiff.data.scenes import TAXONOMY

    return taxonomy == TAXONOMY


EVALUATE = Command("is a model good, in which way does it fail, by how much", _arguments, _evaluate)
