"""Draw the pictures of the README with the shipped model.

    python scripts/draw_readme.py --out docs/images

teaser.png: eight prompts, seed 0, nothing picked. modes.png: the same network in each use, on
scenes that it has never seen: what is given stands beside what is made.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch
from PIL import Image

from pandiff.data.scenes import SPLITS, make_scene
from pandiff.draw import grid
from pandiff.pipeline import PanopticDiffusionPipeline
from pandiff.synthesis.demo import PROMPTS, SETTINGS
from pandiff.synthesis.generate import pairs, picture


def modes(pipe: PanopticDiffusionPipeline) -> Image.Image:
    """Two unseen scenes, given as map and as image, and three samples without a prompt."""
    pipe.set_progress_bar_config(disable=True)
    images, maps, words = [], [], []
    for index in (3, 10):
        scene = make_scene(SPLITS["test"], index, pipe.image_size)
        text, photo = scene.captions[0].text, Image.fromarray(scene.image)
        painted = pipe(text, map=scene.panoptic, generator=torch.Generator().manual_seed(index))
        found = pipe("", image=photo, generator=torch.Generator().manual_seed(index))
        images += [photo, painted.images[0], photo]
        maps += [scene.panoptic, scene.panoptic, found.maps[0]]
        words += [
            f"an unseen scene: {text}",
            "its map given, image made",
            "its image given, map made",
        ]
    free = pipe("", num_images_per_prompt=3, generator=torch.Generator().manual_seed(0))
    return grid(
        [*images, *free.images],
        maps=[*maps, *free.maps],
        prompts=[*words, *["nothing given"] * 3],
        columns=3,
    )


def main() -> None:
    """Draw both pictures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", default="scenes")
    parser.add_argument("--out", type=Path, default=Path("docs/images"))
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    pipe = PanopticDiffusionPipeline.from_pretrained(args.model)
    made = list(pairs(pipe, PROMPTS, SETTINGS))
    picture(made).save(args.out / "teaser.png", optimize=True)
    modes(pipe).save(args.out / "modes.png", optimize=True)


if __name__ == "__main__":
    main()
