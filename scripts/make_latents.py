"""Latents of a dataset's images as a diffusion model makes them, to train a VAE's decoder on.

    python scripts/make_latents.py --model scenes --data data --count 1000 --out latents.safetensors

Each image is noised to a random part of the noise levels and denoised again, with its own map and
one of its captions given: so the latent shows the image, and has the model's own errors. The file
has `index` (N,), the numbers of the images, and `latents` (N, C, h, w), whitened, in float16. It is
written after each batch, and the same command goes on with it.
"""

from __future__ import annotations

import argparse
import os
import random
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from pandiff.coco import PanopticFolder
from pandiff.pipeline import PanopticDiffusionPipeline
from pandiff.training.progress import track

STRENGTHS = (0.2, 0.3, 0.4, 0.5, 0.6, 0.7)


class Asked(NamedTuple):
    """What is made of an image: its number, a caption, and the part of the noise levels."""

    image: int
    caption: str
    strength: float


def choose(folder: PanopticFolder, images: Sequence[int], rng: random.Random) -> list[Asked]:
    """A caption and a strength for each image."""
    strengths = [rng.choice(STRENGTHS) for _ in images]
    captions = [rng.choice(folder.captions(k) or [""]) for k in images]
    return [Asked(*one) for one in zip(images, captions, strengths, strict=True)]


def make(
    pipe: PanopticDiffusionPipeline, folder: PanopticFolder, asked: Sequence[Asked], steps: int
) -> Tensor:
    """(B, C, h, w) float16: the latents."""
    out = pipe(
        [one.caption for one in asked],
        image=[folder.image(one.image) for one in asked],
        map=[folder.panoptic(one.image) for one in asked],
        strength=[one.strength for one in asked],
        num_inference_steps=steps,
        generator=[torch.Generator().manual_seed(one.image) for one in asked],
        output_type="latent",
    )
    latents: Tensor = out.images.half().cpu()
    return latents


def main(argv: Sequence[str] | None = None) -> None:
    """Make what is missing."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", default="scenes", help="built-in name, folder or hub id")
    parser.add_argument("--data", type=Path, required=True, help="dataset folder")
    parser.add_argument("--first", type=int, default=0, help="number of the first image")
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--steps", type=int, default=10, help="of all noise levels")
    parser.add_argument("--batch", type=int, default=24)
    parser.add_argument("--out", type=Path, default=Path("latents.safetensors"))
    args = parser.parse_args(argv)
    folder = PanopticFolder.open(args.data)
    last = min(len(folder), args.first + args.count)
    have = load_file(args.out) if args.out.exists() else {}
    done = set(have["index"].tolist()) if have else set()
    pipe = PanopticDiffusionPipeline.from_pretrained(args.model)
    pipe.set_progress_bar_config(disable=True)
    rng = random.Random(args.first)
    batches = [range(k, min(last, k + args.batch)) for k in range(args.first, last, args.batch)]
    plans = [choose(folder, batch, rng) for batch in batches]
    missing = [plan for plan in plans if not done.issuperset(one.image for one in plan)]
    for plan in track(missing, "latents"):
        new = {
            "index": torch.tensor([one.image for one in plan]),
            "latents": make(pipe, folder, plan, args.steps),
        }
        have = {k: torch.cat([have[k], v]) if have else v for k, v in new.items()}
        fresh = args.out.with_name(args.out.name + ".fresh")
        save_file(have, fresh)
        os.replace(fresh, args.out)


if __name__ == "__main__":
    main()
