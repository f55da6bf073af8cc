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
from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor

from pandiff.coco import PanopticFolder
from pandiff.data.encoded import fit_map
from pandiff.data.images import fit
from pandiff.errors import InputError
from pandiff.pipeline import PanopticDiffusionPipeline, reading
from pandiff.training.progress import track

STRENGTHS = (0.2, 0.3, 0.4, 0.5, 0.6, 0.7)


def make(
    pipe: PanopticDiffusionPipeline, folder: PanopticFolder, images: Sequence[int], steps: int
) -> Tensor:
    """(B, C, h, w) float16: a latent of each of the images, each from its own number alone."""
    chance = [random.Random(k) for k in images]
    side = pipe.image_size
    out = pipe(
        [one.choice(folder.captions(k) or [""]) for k, one in zip(images, chance, strict=True)],
        image=[fit(folder.image(k), side) for k in images],
        map=[fit_map(folder.panoptic(k), side) for k in images],
        strength=[one.choice(STRENGTHS) for one in chance],
        num_inference_steps=steps,
        generator=[torch.Generator().manual_seed(k) for k in images],
        output_type="latent",
    )
    latents: Tensor = out.images.half().cpu()
    return latents


def read(path: Path, settings: Mapping[str, str]) -> dict[str, Tensor]:
    """What was made before, with the same settings; nothing if there is no file."""
    if not path.exists():
        return {}
    with reading("latents", path), safe_open(path, "pt") as file:
        made = file.metadata() or {}
        found = {name: file.get_tensor(name) for name in ("index", "latents")}
    odd = [name for name in settings if made.get(name) != settings[name]]
    if odd:
        expected = f"the {odd[0]} {made.get(odd[0])!r} with which {path} was begun"
        raise InputError(expected, repr(settings[odd[0]]), "repeat that or choose another --out")
    return found


def run(args: argparse.Namespace) -> None:
    """Make what is missing."""
    settings = {name: str(getattr(args, name)) for name in ("model", "data", "steps")}
    folder, have = PanopticFolder.open(args.data), read(args.out, settings)
    done = set(have["index"].tolist()) if have else set()
    last = min(len(folder), args.first + args.count)
    missing = [k for k in range(args.first, last) if k not in done]
    pipe = PanopticDiffusionPipeline.from_pretrained(args.model)
    pipe.set_progress_bar_config(disable=True)
    pipe.to("cuda" if torch.cuda.is_available() else "cpu")
    for start in track(range(0, len(missing), args.batch), "latents"):
        some = missing[start : start + args.batch]
        new = {"index": torch.tensor(some), "latents": make(pipe, folder, some, args.steps)}
        have = {k: torch.cat([have[k], v]) if have else v for k, v in new.items()}
        fresh = args.out.with_name(args.out.name + ".fresh")
        save_file(have, fresh, metadata=settings)
        os.replace(fresh, args.out)


def main(argv: Sequence[str] | None = None) -> None:
    """Read the options and run; wrong input ends with one line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", default="scenes", help="built-in name, folder or hub id")
    parser.add_argument("--data", type=Path, required=True, help="dataset folder")
    parser.add_argument("--first", type=int, default=0, help="number of the first image")
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--steps", type=int, default=10, help="of all noise levels")
    parser.add_argument("--batch", type=int, default=24)
    parser.add_argument("--out", type=Path, default=Path("latents.safetensors"))
    try:
        run(parser.parse_args(argv))
    except InputError as error:
        parser.error(str(error))


if __name__ == "__main__":
    main()
