"""Commands that run a model: demo, generate, segment."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import replace
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
    from pandiff.synthesis.generate import Conditions, Settings


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


def add_tries(parser: argparse.ArgumentParser | argparse._ArgumentGroup) -> None:
    """--tries, of the commands that keep the best of several samples of a prompt."""
    parser.add_argument(
        "--tries",
        metavar="N",
        type=positive_number,
        default=1,
        help="most tries of a sample, until its map has what the prompt names, in its numbers",
    )


def add_redraw(parser: argparse.ArgumentParser | argparse._ArgumentGroup) -> None:
    """--redraw, of the commands that make images together with maps."""
    parser.add_argument(
        "--redraw",
        action="store_true",
        help="make each image once more, from the whole map made with it; they agree better",
    )


def add_guidance(
    parser: argparse.ArgumentParser | argparse._ArgumentGroup, *, of_each: bool = False
) -> None:
    """--guidance and --map-guidance, by the pipeline's defaults.

    Args:
        of_each: whether --guidance may have two numbers.
    """
    parser.add_argument(
        "--guidance",
        metavar="G[,G]" if of_each else "G",
        type=number_or_pair if of_each else finite_number,
        default=2.0,
        help="weight of the prompt" + (", or two: on image and map" if of_each else ""),
    )
    parser.add_argument(
        "--map-guidance",
        metavar="G",
        type=finite_number,
        default=2.0,
        help="weight of the map in the image; 1 for none, which takes two fifths less time",
    )


def settings(args: argparse.Namespace) -> Settings:
    """The settings that `add_sampling` and `add_guidance` took."""
    from pandiff.synthesis.generate import Settings

    one = Settings(args.steps, args.guidance, args.seed, args.batch)
    return replace(one, map_guidance_scale=args.map_guidance)


def number_or_pair(text: str) -> float | tuple[float, float]:
    """One finite number, or two with a comma between; ValueError otherwise."""
    return pair_of_numbers(text) if "," in text else finite_number(text)


def pair_of_numbers(text: str) -> tuple[float, float]:
    """Two finite numbers with a comma between; ValueError otherwise."""
    first, second = (finite_number(part) for part in text.split(","))
    return first, second


def range_within_0_and_1(text: str) -> tuple[float, float]:
    """Two numbers, 0 <= low <= high <= 1, with a comma between; ValueError otherwise."""
    low, high = pair_of_numbers(text)
    if not 0 <= low <= high <= 1:
        raise ValueError(text)
    return low, high


def share_above_0(text: str) -> float:
    """A number above 0 and up to 1; ValueError otherwise."""
    if not 0 < float(text) <= 1:
        raise ValueError(text)
    return float(text)


def _demo_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--out", metavar="DIR", type=Path, default=Path("out/demo"))


def _demo(args: argparse.Namespace) -> None:
    from pandiff.synthesis.demo import PROMPTS, SETTINGS, check_replaceable, demo

    check_replaceable(args.out)
    seconds = demo(
        load("scenes"),
        args.out,
        progress=progress(f"demo: {len(PROMPTS)} prompts, up to {SETTINGS.tries} tries each"),
    )
    print(f"picture: {args.out / 'grid.png'}")
    print(f"dataset: {args.out / 'dataset'}")
    print(f"time:    {seconds:.1f} s")


def _generate_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("prompts", metavar="PROMPT", nargs="*", help='"" for anything')
    parser.add_argument(
        "--count", metavar="N", type=positive_number, default=1, help="samples of each prompt"
    )
    add_sampling(parser)
    parser.add_argument("--out", metavar="DIR", type=Path, default=Path("out/generate"))
    parser.add_argument("--animate", action="store_true", help="also make an animation.gif")
    _given_arguments(parser.add_argument_group("what is given"))
    _guidance_arguments(parser.add_argument_group("how closely it is followed"))


def _given_arguments(group: argparse._ArgumentGroup) -> None:
    def add(name: str, text: str) -> None:
        group.add_argument(name, metavar="FILE", type=Path, help=text)

    add("--map", "map to keep: a panoptic PNG")
    add("--image", "image to keep")
    add("--known", "mask of map and image: what is white is kept, the rest is made anew")
    group.add_argument(
        "--strength",
        metavar="S",
        type=share_above_0,
        help="vary --image, or what is not --known: how much of it is lost, above 0 to 1",
    )
    add("--image-prompt", "image to resemble")
    group.add_argument("--negative", metavar="P", default="", help="prompt to lead away from")


def _guidance_arguments(group: argparse._ArgumentGroup) -> None:
    def add(name: str, what: str) -> None:
        group.add_argument(name, metavar="G", type=finite_number, default=1.0, help=what)

    add_tries(group)
    add_guidance(group, of_each=True)
    add("--image-prompt-scale", "weight of the image prompt")
    add_redraw(group)
    add("--image-guidance", "weight of the image in the map")
    group.add_argument(
        "--guidance-interval",
        metavar="LOW,HIGH",
        type=range_within_0_and_1,
        default=(0.0, 1.0),
        help="share of the noise levels, 0 clean to 1, where these act",
    )


def _generate(args: argparse.Namespace) -> None:
    from pandiff.synthesis.animate import Animation
    from pandiff.synthesis.folders import check_new
    from pandiff.synthesis.generate import generate

    check_new(args.out)
    _check_together(args)
    prompts = _prompts(args)
    pipe, conditions = _conditions(args)
    made = generate(
        pipe,
        prompts,
        args.out,
        _settings(args),
        conditions,
        animation=Animation(conditions) if args.animate else None,
        progress=progress("generate"),
    )
    print(f"{len(made)} images with their maps in {args.out / 'dataset'}")
    print(f"picture: {args.out / 'grid.png'}")
    if args.animate:
        print(f"animation: {args.out / 'animation.gif'}")


def _check_together(args: argparse.Namespace) -> None:
    """InputError for arguments that make no sense without, or beside, another."""
    varied, masked = args.strength is not None, args.known is not None
    scaled, plain = args.image_prompt_scale != 1, args.guidance in (1, (1, 1))
    wrong = (
        (varied and not args.image, "--image with --strength", "none", "name the image to vary"),
        (masked and not (args.map or args.image), "--map or --image with --known", "none",
         "name what is kept"),
        (args.map and args.image and not (varied or masked), "--map or --image", "both",
         "leave out what is to be made, or say what is kept with --known"),
        (scaled and not args.image_prompt, "--image-prompt with --image-prompt-scale", "none",
         "name the image to resemble"),
        (args.animate and args.tries > 1, "--animate or --tries", "both",
         "animate one try, or keep the best of several"),
        (args.redraw and (args.map or args.image), "--redraw or what is given", "both",
         "leave out --redraw: a given map or image is followed at once"),
        (args.animate and args.redraw, "--animate or --redraw", "both",
         "animate what is drawn once"),
        (args.negative and plain, "--guidance above 1 with --negative", "1", "2 is usual"),
    )  # fmt: skip
    for is_wrong, *what in wrong:
        if is_wrong:
            raise InputError(*what)


def check_words(prompts: Sequence[str | None]) -> None:
    """InputError if a prompt is of blanks alone, which no dataset holds as a caption."""
    if any(prompt and not prompt.strip() for prompt in prompts):
        raise InputError("prompts with words", "a blank one", 'write what is seen, or "" for any')


def _prompts(args: argparse.Namespace) -> list[str]:
    """The prompts, each as often as it is wanted; where something is given, none means any."""
    check_words(args.prompts)
    if not args.prompts and not (args.map or args.image or args.image_prompt):
        raise InputError("a prompt", "none", 'write what the image shows, or "" for anything')
    return [prompt for prompt in args.prompts or [""] for _ in range(args.count)]


def _conditions(args: argparse.Namespace) -> tuple[PanopticDiffusionPipeline, Conditions]:
    """The pipeline, and what the samples are given; what can be is checked before it is loaded."""
    from pandiff.pipeline import Known
    from pandiff.synthesis.generate import Conditions
    from pandiff.synthesis.inputs import read_image, read_map, read_mask

    image, example = (
        read_image(path) if path else None for path in (args.image, args.image_prompt)
    )
    known = read_mask(args.known) if args.known else None
    given = Conditions(None, image, strength=args.strength, image_prompt=example)
    mask = Known.of(known) if known is not None else None
    if not args.map:
        given = replace(given, known=mask)
    pipe = load(args.model)
    if args.map:
        given = replace(given, map=read_map(args.map, pipe.taxonomy), known=mask)
    return pipe, given


def _settings(args: argparse.Namespace) -> Settings:
    return replace(
        settings(args),
        negative_prompt=args.negative,
        tries=args.tries,
        redraw=args.redraw,
        image_prompt_scale=args.image_prompt_scale,
        image_guidance_scale=args.image_guidance,
        guidance_interval=args.guidance_interval,
    )


def _segment_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("images", metavar="IMAGE", type=Path, nargs="+")
    parser.add_argument("--out", metavar="DIR", type=Path, required=True)
    parser.add_argument(
        "--samples",
        metavar="N",
        type=positive_number,
        default=1,
        help="maps of each image that vote, which also says where they disagree",
    )
    add_sampling(parser)


def _segment(args: argparse.Namespace) -> None:
    from pandiff.synthesis.folders import check_new
    from pandiff.synthesis.generate import Settings
    from pandiff.synthesis.segment import check_images, segment

    check_new(args.out)
    check_images(args.images)
    count = segment(
        load(args.model),
        args.images,
        args.out,
        Settings(args.steps, 1.0, args.seed, args.batch),
        samples=args.samples,
        progress=progress("segment"),
    )
    print(f"{count} maps in {args.out / 'dataset'}")
    print(f"picture: {args.out / 'grid.png'}")
    if args.samples > 1:
        print(f"uncertainty: {args.out / 'uncertainty'}")


DEMO = Command("the shipped model draws eight prompts", _demo_arguments, _demo)
GENERATE = Command("prompts to images with their maps", _generate_arguments, _generate)
SEGMENT = Command("images to their maps", _segment_arguments, _segment)
