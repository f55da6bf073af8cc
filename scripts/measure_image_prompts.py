"""What does an image prompt carry over? The table for docs/log.md.

    python scripts/measure_image_prompts.py --model scenes --count 64 --out out/image-prompts

Images of unseen scenes are image prompts, with no words beside. Of the categories in a scene's
map, things and stuff apart, the share that is in the map made like it; the same for maps made
of its fullest caption, of both, and like another scene, which is chance; and how far the mean
colors of the images are apart. Writes prompts.json and like.png: eight scenes, and beneath each
what was made like it.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from pandiff.data.scenes import SPLITS, make_scene
from pandiff.draw import grid
from pandiff.panoptic import PanopticMap
from pandiff.pipeline import PanopticDiffusionPipeline

SHOWN = 8
"""Scenes in the picture."""


def categories(panoptic: PanopticMap, isthing: bool) -> set[int]:
    """The categories of a map, of things or of stuff."""
    kinds = {c.id for c in panoptic.taxonomy.categories if c.isthing is isthing}
    return kinds & {s.category_id for s in panoptic.segments}


def recall(truth: list[PanopticMap], made: list[PanopticMap], isthing: bool) -> float:
    """Share of the categories of the true maps that are in the made ones, over all maps."""
    pairs = [
        (categories(a, isthing), categories(b, isthing)) for a, b in zip(truth, made, strict=True)
    ]
    return sum(len(a & b) for a, b in pairs) / max(1, sum(len(a) for a, _ in pairs))


def tone(images: list[Image.Image]) -> np.ndarray:
    """(N, 3) mean colors."""
    return np.stack([np.asarray(i.convert("RGB"), float).mean(axis=(0, 1)) for i in images])


def likeness(
    truth: tuple[list[Image.Image], list[PanopticMap]],
    made: tuple[list[Image.Image], list[PanopticMap]],
) -> dict[str, float]:
    """How like the made images and maps are to the true ones."""
    return {
        "things": recall(truth[1], made[1], True),
        "stuff": recall(truth[1], made[1], False),
        "mean color": float(np.abs(tone(truth[0]) - tone(made[0])).mean()),
    }


def make(
    pipe: PanopticDiffusionPipeline,
    args: argparse.Namespace,
    words: list[str],
    seen: list[Image.Image] | None,
) -> tuple[list[Image.Image], list[PanopticMap]]:
    """Images and maps of prompts and image prompts, each from a seed of its own."""
    images: list[Image.Image] = []
    maps: list[PanopticMap] = []
    for start in range(0, len(words), args.batch):
        part = slice(start, min(start + args.batch, len(words)))
        seeds = range(args.seed + part.start, args.seed + part.stop)
        out = pipe(
            words[part],
            image_prompt=None if seen is None else seen[part],
            image_prompt_scale=args.scale,
            num_inference_steps=args.steps,
            generator=[torch.Generator().manual_seed(s) for s in seeds],
        )
        assert isinstance(out.images, list)
        images, maps = images + out.images, maps + out.maps
    return images, maps


def main() -> None:
    """Make images and maps like scenes, print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", default="scenes")
    parser.add_argument("--count", type=int, default=64, help="scenes")
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--scale", type=float, default=1.0, help="image_prompt_scale")
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    pipe = PanopticDiffusionPipeline.from_pretrained(args.model)
    scenes = [make_scene(SPLITS["test"], k, pipe.image_size) for k in range(args.count)]
    truth = [Image.fromarray(s.image) for s in scenes], [s.panoptic for s in scenes]
    words = [s.captions[-1].text for s in scenes]
    like = make(pipe, args, [""] * len(scenes), truth[0])
    other = like[0][1:] + like[0][:1], like[1][1:] + like[1][:1]
    rows = {
        "like it": likeness(truth, like),
        "of its words": likeness(truth, make(pipe, args, words, None)),
        "of both": likeness(truth, make(pipe, args, words, truth[0])),
        "chance": likeness(truth, other),
    }
    args.out.mkdir(parents=True, exist_ok=True)
    (args.out / "prompts.json").write_text(
        json.dumps({"settings": vars(args), **rows}, default=str)
    )
    pictures = truth[0][:SHOWN] + like[0][:SHOWN]
    grid(pictures, maps=truth[1][:SHOWN] + like[1][:SHOWN], columns=SHOWN).save(
        args.out / "like.png"
    )
    print("| | things | stuff | mean color apart |\n|---|---|---|---|")
    for name, row in rows.items():
        print(f"| {name} | {row['things']:.2f} | {row['stuff']:.2f} | {row['mean color']:.1f} |")


if __name__ == "__main__":
    main()
