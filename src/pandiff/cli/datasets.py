"""Commands on dataset folders: scenes, validate, score."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from pandiff.cli.command import Command, counter, positive_number, progress, whole_number
from pandiff.errors import InputError


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
    parser.add_argument(
        "--workers", metavar="W", type=whole_number, default=0, help="processes; 0 = this one"
    )


def _score(args: argparse.Namespace) -> None:
    from pandiff.coco import write_json
    from pandiff.evaluation.score import score, summary

    metrics = score(
        args.reference, args.predicted, workers=args.workers, progress=progress("score")
    )
    if args.out is None:
        print(json.dumps(metrics, indent=2))
    else:
        write_json(args.out, metrics)
        print(f"{summary(metrics)}; written to {args.out}")


SCENES = Command("render a dataset of the built-in world", _scenes_arguments, _scenes)
VALIDATE = Command(
    "is this a correct COCO panoptic dataset? what is wrong, where", _validate_arguments, _validate
)
SCORE = Command("compare two datasets: PQ, mIoU, MCD, count error", _score_arguments, _score)
