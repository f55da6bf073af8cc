"""Commands that run a model: demo, generate, segment."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from pandiff.cli.command import (
    Command,
    finite_number,
    hush,
    positive_number,
    progress,
    whole_number,
)
from pandiff.errors import InputError

if TYPE_CHECKING:
    from pandiff.pipeline import PanopticDiffusionPipeline
    from pandiff.synthesis.generate import Settings


def load(name: str) -> PanopticDiffusionPipeline:
    """The pipeline of a built-in name, folder or hub id, without a word on standard error."""
    from pandiff.pipeline import PanopticDiffusionPipeline

    hush()
    return PanopticDiffusionPipeline.from_pretrained(name)


def add_sampling(parser: argparse.ArgumentParser) -> None:
    """The arguments that all commands with a model share; `settings` reads them."""
    parser.add_argument(
        "--model", metavar="M", default="scenes", help="built-in name, folder or hub id"
    )
    parser.add_argument("--seed", metavar="S", type=whole_number, default=0)
    parser.add_argument("--steps", metavar="N", type=positive_number, default=20)
    parser.add_argument(
        "--batch", metavar="B", type=positive_number, default=8, help="samples at a time"
    )


def settings(args: argparse.Namespace, guidance: float) -> Settings:
    """The settings that `add_sampling` took."""
    from pandiff.synthesis.generate import Settings

    return Settings(args.steps, guidance, args.seed, args.batch)


def _demo_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--out", metavar="DIR", type=Path, default=Path("out/demo"))


def _demo(args: argparse.Namespace) -> None:
    from pandiff.synthesis.demo import check_replaceable, demo

    check_replaceable(args.out)
    seconds = demo(load("scenes"), args.out, progress=progress("demo"))
    print(f"picture: {args.out / 'grid.png'}")
    print(f"dataset: {args.out / 'dataset'}")
    print(f"time:    {seconds:.1f} s")


def _generate_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("prompts", metavar="PROMPT", nargs="*")
    parser.add_argument(
        "--count", metavar="N", type=positive_number, default=1, help="samples of each prompt"
    )
    add_sampling(parser)
    parser.add_argument(
        "--guidance", metavar="G", type=finite_number, default=3.0, help="weight of the prompt"
    )
    parser.add_argument("--out", metavar="DIR", type=Path, default=Path("out/generate"))
    parser.add_argument("--map", metavar="FILE", type=Path, help="map to keep: a panoptic PNG")
    parser.add_argument("--image", metavar="FILE", type=Path, help="image to keep")


def _generate(args: argparse.Namespace) -> None:
    from pandiff.synthesis.folders import check_new
    from pandiff.synthesis.generate import generate
    from pandiff.synthesis.inputs import read_image, read_map

    check_new(args.out)
    prompts = _prompts(args)
    image = read_image(args.image) if args.image else None
    pipe = load(args.model)
    panoptic = read_map(args.map, pipe.taxonomy) if args.map else None
    made = generate(
        pipe,
        prompts,
        args.out,
        settings(args, args.guidance),
        map=panoptic,
        image=image,
        progress=progress("generate"),
    )
    print(f"{len(made)} images with their maps in {args.out / 'dataset'}")
    print(f"picture: {args.out / 'grid.png'}")


def _prompts(args: argparse.Namespace) -> list[str]:
    """The prompts, each as often as it is wanted; where something is given, none means any."""
    if args.map and args.image:
        raise InputError("--map or --image", "both", "leave out what is to be made")
    if any(not prompt.strip() for prompt in args.prompts):
        raise InputError("prompts with words", "an empty one", "write what the image shows")
    if not args.prompts and not args.map and not args.image:
        raise InputError("a prompt", "none", "write what the image shows")
    return [prompt for prompt in args.prompts or [""] for _ in range(args.count)]


def _segment_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("images", metavar="IMAGE", type=Path, nargs="+")
    parser.add_argument("--out", metavar="DIR", type=Path, required=True)
    add_sampling(parser)


def _segment(args: argparse.Namespace) -> None:
    from pandiff.synthesis.folders import check_new
    from pandiff.synthesis.segment import check_images, segment

    check_new(args.out)
    check_images(args.images)
    count = segment(
        load(args.model), args.images, args.out, settings(args, 1.0), progress=progress("segment")
    )
    print(f"{count} maps in {args.out / 'dataset'}")
    print(f"picture: {args.out / 'grid.png'}")


DEMO = Command("the shipped model draws eight prompts", _demo_arguments, _demo)
GENERATE = Command("prompts to images with their maps", _generate_arguments, _generate)
SEGMENT = Command("images to their maps", _segment_arguments, _segment)
