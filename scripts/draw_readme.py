"""Draw the pictures of the README with the shipped model.

    python scripts/draw_readme.py --out docs/images

teaser.png: eight prompts, seed 0, as the demo makes them; nothing is picked by hand. modes.png:
the same network in each use, on scenes that it has never seen: what is given stands beside what
is made.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

from pandiff.data.scenes import SPLITS, make_scene
from pandiff.draw import grid
from pandiff.panoptic import PanopticMap
from pandiff.pipeline import PanopticDiffusionPipeline
from pandiff.synthesis import edit, editing
from pandiff.synthesis.demo import PROMPTS, SETTINGS
from pandiff.synthesis.generate import pairs, picture


@dataclass(frozen=True)
class Cell:
    """One image above its map, and the words below."""

    image: Image.Image
    panoptic: PanopticMap
    words: str


def modes(pipe: PanopticDiffusionPipeline) -> Image.Image:
    """A row for each kind of use, on unseen scenes: what is given, then what is made of it."""
    pipe.set_progress_bar_config(disable=True)
    cells = [*directions(pipe, 3), *layouts(pipe, 10), *edits(pipe, 26), *prompts(pipe, 4)]
    return grid(
        [c.image for c in cells],
        maps=[c.panoptic for c in cells],
        prompts=[c.words for c in cells],
        columns=4,
    )


def unseen(pipe: PanopticDiffusionPipeline, index: int) -> Cell:
    """A scene of the test split, with its first caption."""
    scene = make_scene(SPLITS["test"], index, pipe.image_size)
    return Cell(Image.fromarray(scene.image), scene.panoptic, scene.captions[0].text)


def make(pipe: PanopticDiffusionPipeline, seed: int, words: str, *args: Any, **given: Any) -> Cell:
    """One sample."""
    out = pipe(*args, generator=torch.Generator().manual_seed(seed), **given)
    return Cell(out.images[0], out.maps[0], words)


def directions(pipe: PanopticDiffusionPipeline, index: int) -> list[Cell]:
    """Map to image, image to map, and a variation."""
    scene = unseen(pipe, index)
    return [
        replace(scene, words=f"an unseen scene: {scene.words}"),
        make(pipe, index, "its map given, image made", scene.words, map=scene.panoptic),
        make(pipe, index, "its image given, map made", "", image=scene.image, guidance_scale=1.0),
        make(pipe, index, "varied, strength 0.6", scene.words, image=scene.image, strength=0.6),
    ]


def layouts(pipe: PanopticDiffusionPipeline, index: int) -> list[Cell]:
    """Three samples around a part of a layout."""
    scene = unseen(pipe, index)
    size = scene.panoptic.size
    known = np.zeros(size[::-1], bool)
    known[:, : size[0] // 2] = True
    part = scene.panoptic.with_ids(np.where(known, scene.panoptic.ids, 0))
    given = Cell(Image.new("RGB", size, "white"), part, f"half of a layout: {scene.words}")
    made = [
        make(pipe, seed, f"the rest invented, seed {seed}", scene.words, map=part, known=known)
        for seed in range(3)
    ]
    return [given, *made]


def edits(pipe: PanopticDiffusionPipeline, index: int) -> list[Cell]:
    """A thing removed, replaced, added."""
    scene = unseen(pipe, index)
    things = [s for s in scene.panoptic.segments if pipe.taxonomy.by_id(s.category_id).isthing]
    largest = max(things, key=lambda s: s.area)
    name = pipe.taxonomy.by_id(largest.category_id).name
    other = "tree" if name == "house" else "house"
    side = pipe.image_size
    box = (0.4 * side, 0.58 * side, 0.16 * side, 0.36 * side)
    plans = {
        f"the {name} removed": edit.remove(scene.panoptic, largest.id),
        f"the {name} replaced by a {other}": edit.replace(scene.panoptic, largest.id, other),
        "a person added": edit.add(scene.panoptic, "person", box),
    }
    made = [
        Cell(pair.image, pair.panoptic, words)
        for words, plan in plans.items()
        for pair in editing.run(pipe, scene.image, plan, SETTINGS, tries=4)
    ]
    return [replace(scene, words=f"another: {scene.words}"), *made]


def prompts(pipe: PanopticDiffusionPipeline, index: int) -> list[Cell]:
    """Image prompts, and nothing at all."""
    scene = unseen(pipe, index)
    alike = [
        make(pipe, seed, f"like it, seed {seed}", "", image_prompt=scene.image) for seed in range(2)
    ]
    nothing = make(pipe, 0, "nothing given", "")
    return [replace(scene, words="an image prompt (its map is not used)"), *alike, nothing]


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
