"""What several tries of a sample buy, and how early one can tell: the tables for docs/log.md.

    python scripts/study_tries.py --prompts 32 --tries 16 --kept 16 32 --steps 12 \
        --out out/study_tries.json

Every try of every prompt is drawn from nothing and to the end, and what its map promises is read
at some steps on the way. A try is whole if its map has all categories that the prompt names, and
things in the numbers that it states. With `--kept` the same prompts are also drawn as the pipeline
does it with so many tries: looked at early, later ones with a part of the best map kept.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch

from pandiff.coco import write_json
from pandiff.data.scenes import Caption
from pandiff.evaluation.scenes_report import subjects
from pandiff.panoptic import PanopticMap
from pandiff.pipeline import PanopticDiffusionPipeline
from pandiff.prompts.claims import categories_present, counts_exact
from pandiff.synthesis.generate import sample_seed
from pandiff.training.progress import track

LOOKS = (0.25, 0.5, 0.75, 1.0)
"""After which parts of the steps the maps are read."""


class Held(NamedTuple):
    """What a map holds of a caption: categories and counts, and how many are claimed."""

    categories: int
    counts: int
    named: int
    stated: int

    @classmethod
    def of(cls, caption: Caption, panoptic: PanopticMap) -> Held:
        """What a map holds."""
        names, numbers = categories_present(caption, panoptic), counts_exact(caption, panoptic)
        return cls(names.held, numbers.held, names.made, numbers.made)

    @property
    def share(self) -> float:
        """Of all claims, 0..1."""
        made = self.named + self.stated
        return (self.categories + self.counts) / made if made else 1.0


Tried = Mapping[str, Sequence[Held]]
"""What the tries of a prompt hold, by the part of the steps."""


def draw(
    pipe: PanopticDiffusionPipeline, number: int, caption: Caption, args: argparse.Namespace
) -> Tried:
    """All tries of a prompt."""
    steps = {int(part * args.steps) - 1: str(part) for part in LOOKS}
    found: dict[str, list[Held]] = {}

    def watch(pipe: Any, step: int, timestep: int, tensors: Mapping[str, Any]) -> None:
        if step in steps:
            maps = pipe.preview(tensors["clean"]).maps
            found[steps[step]] = [Held.of(caption, one) for one in maps]

    pipe(
        [caption.text] * args.tries,
        num_inference_steps=args.steps,
        guidance_scale=args.guidance,
        map_guidance_scale=1.0,
        generator=[
            torch.Generator().manual_seed(sample_seed(args.seed + k, number))
            for k in range(args.tries)
        ],
        callback_on_step_end=watch,
        callback_on_step_end_tensor_inputs=("clean",),
    )
    return found


def draw_kept(
    pipe: PanopticDiffusionPipeline,
    captions: Sequence[Caption],
    tries: int,
    args: argparse.Namespace,
) -> dict[str, Any]:
    """What the samples of `pipe(tries=tries)` hold, in how many seconds."""
    start = time.monotonic()
    out = pipe(
        [caption.text for caption in captions],
        num_inference_steps=args.steps,
        guidance_scale=args.guidance,
        map_guidance_scale=1.0,
        tries=tries,
        generator=[
            torch.Generator().manual_seed(sample_seed(args.seed, k)) for k in range(len(captions))
        ],
    )
    held = [Held.of(caption, one) for caption, one in zip(captions, out.maps, strict=True)]
    return {"held": held, "tries": out.tries, "seconds": time.monotonic() - start}


def best_of(prompts: Sequence[Tried], count: int) -> tuple[float, float, float]:
    """Categories and exact counts of the first of the best of `count` tries, and tries until then.

    Returns:
        Share of the named categories; share of the prompts with stated numbers that hold them all;
        mean number of tries to the first whole one, or `count`.
    """
    kept, tries = [], []
    for one in prompts:
        some = one["1.0"][:count]
        shares = [held.share for held in some]
        kept.append(some[int(np.argmax(shares))])
        tries.append(shares.index(1.0) + 1 if 1.0 in shares else count)
    return *rates(kept), float(np.mean(tries))


def rates(held: Sequence[Held]) -> tuple[float, float]:
    """Share of the named categories, and of the prompts with stated numbers that hold them all."""
    stated = [one.counts == one.stated for one in held if one.stated]
    categories = sum(one.categories for one in held) / max(1, sum(one.named for one in held))
    return categories, float(np.mean(stated)) if stated else np.nan


def promise(prompts: Sequence[Tried], part: str) -> tuple[float, float]:
    """Of the tries that end whole, the share that looked whole; of the others, that did not."""
    looked = np.array([held.share == 1 for one in prompts for held in one[part]])
    whole = np.array([held.share == 1 for one in prompts for held in one["1.0"]])
    return _mean(looked[whole]), _mean(~looked[~whole])


def _mean(values: np.ndarray) -> float:
    return float(values.mean()) if len(values) else float("nan")


def tables(prompts: Sequence[Tried]) -> str:
    """Both tables, as Markdown."""
    count = len(prompts[0]["1.0"])
    lines = ["| tries | categories | counts exact | tries made |", "|---|---|---|---|"]
    for k in range(count.bit_length()):
        categories, counts, tries = best_of(prompts, min(2**k, count))
        lines.append(f"| {min(2**k, count)} | {categories:.3f} | {counts:.3f} | {tries:.1f} |")
    lines += ["", "| part of the steps | whole ones kept | others given up |", "|---|---|---|"]
    for part in map(str, LOOKS[:-1]):
        kept, dropped = promise(prompts, part)
        lines.append(f"| {part} | {kept:.2f} | {dropped:.2f} |")
    return "\n".join(lines)


def table_of_kept(kept: Mapping[int, Mapping[str, Any]]) -> str:
    """What the pipeline's own tries buy, as Markdown."""
    lines = ["| the pipeline's tries | categories | counts exact | seconds |", "|---|---|---|---|"]
    for most, one in kept.items():
        categories, counts = rates(one["held"])
        lines.append(f"| {most} | {categories:.3f} | {counts:.3f} | {one['seconds']:.0f} |")
    return "\n".join(lines)


def main(argv: Sequence[str] | None = None) -> None:
    """Draw, write the numbers, and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", default="scenes", help="built-in name, folder or hub id")
    parser.add_argument("--prompts", type=int, default=32, help="of unseen scenes; 2 or more")
    parser.add_argument("--tries", type=int, default=16)
    parser.add_argument(
        "--kept",
        type=int,
        nargs="*",
        default=[],
        help="numbers of the tries of a pipeline, drawn too",
    )
    parser.add_argument("--steps", type=int, default=12)
    parser.add_argument("--guidance", type=float, default=3.0)
    parser.add_argument("--seed", type=int, default=1000)
    parser.add_argument("--out", type=Path, default=Path("study_tries.json"))
    args = parser.parse_args(argv)
    if args.steps < len(LOOKS):
        parser.error(f"expected --steps of {len(LOOKS)} or more, got {args.steps}")
    pipe = PanopticDiffusionPipeline.from_pretrained(args.model)
    pipe.set_progress_bar_config(disable=True)
    captions = [one.caption for one in subjects(args.prompts, pipe.image_size)]
    prompts = [draw(pipe, k, c, args) for k, c in enumerate(track(captions, "prompts"))]
    settings = {k: str(v) if isinstance(v, Path) else v for k, v in vars(args).items()}
    kept = {most: draw_kept(pipe, captions, most, args) for most in track(args.kept, "kept")}
    write_json(args.out, {"settings": settings, "prompts": prompts, "kept": kept})
    print(tables(prompts))
    if kept:
        print("", table_of_kept(kept), sep="\n")


if __name__ == "__main__":
    main()
