"""Draw the pictures of the README with the shipped model.

    python scripts/draw_readme.py --out docs/images

teaser.png: eight prompts, seed 0, as the demo makes them. A picture for each direction:
map-to-image, image-to-map, partial-layout, edits and variations; of the first scenes of the test
split that the direction can use, in their order, with one seed each. Nothing is picked by hand.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import count, islice
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

from pandiff.data.scenes import SPLITS, Scene, make_scene
from pandiff.draw import grid, render
from pandiff.panoptic import PanopticMap, Segment
from pandiff.pipeline import PanopticDiffusionPipeline
from pandiff.synthesis import editing
from pandiff.synthesis.demo import PROMPTS, SETTINGS
from pandiff.synthesis.generate import pairs, picture

COLUMNS, ROWS = 6, 4
"""Scenes side by side, or below one another."""
STRENGTHS = (0.3, 0.6, 0.9)


@dataclass(frozen=True)
class Cell:
    """One image above its map, and the words below."""

    image: Image.Image
    panoptic: PanopticMap
    words: str


def unseen(pipe: PanopticDiffusionPipeline, index: int) -> Cell:
    """A scene of the test split, with its first caption."""
    scene = make_scene(SPLITS["test"], index, pipe.image_size)
    return Cell(Image.fromarray(scene.image), scene.panoptic, scene.captions[0].text)


def make(pipe: PanopticDiffusionPipeline, seed: int, words: str, *args: Any, **given: Any) -> Cell:
    """One sample."""
    out = pipe(*args, generator=torch.Generator().manual_seed(seed), **given)
    return Cell(out.images[0], out.maps[0], words)


def paint_maps(pipe: PanopticDiffusionPipeline) -> Image.Image:
    """Maps given, the images made of them below."""
    given = [unseen(pipe, k) for k in range(COLUMNS)]
    made = [make(pipe, k, "", c.words, map=c.panoptic) for k, c in enumerate(given)]
    rows = [[render(c.panoptic) for c in given], [c.image for c in made]]
    return sheet(rows, [c.words for c in given])


def find_maps(pipe: PanopticDiffusionPipeline) -> Image.Image:
    """Images given, the maps found in them, the true maps."""
    given = [unseen(pipe, k) for k in range(COLUMNS)]
    made = [make(pipe, k, "", image=c.image, guidance_scale=1.0) for k, c in enumerate(given)]
    rows = [[c.image for c in given], *([render(c.panoptic) for c in row] for row in (made, given))]
    return sheet(rows)


def fill_layouts(pipe: PanopticDiffusionPipeline) -> Image.Image:
    """Halves of maps given, then boxes of things; below them the maps and the images made."""
    given = [unseen(pipe, k) for k in first(pipe, COLUMNS, lambda scene, _: things(scene.panoptic))]
    parts = [(half if k < COLUMNS // 2 else boxes)(c.panoptic) for k, c in enumerate(given)]
    made = [
        make(pipe, k, "", c.words, map=part, known=part.labelled)
        for k, (c, part) in enumerate(zip(given, parts, strict=True))
    ]
    maps = [[render(p) for p in parts], [render(c.panoptic) for c in made]]
    return sheet([*maps, [c.image for c in made]], [c.words for c in given])


def edit_scenes(pipe: PanopticDiffusionPipeline) -> Image.Image:
    """A row for each scene: before, then a thing removed, added, replaced, and a box redone."""
    from measure_edits import plans

    rows, words = [], []
    for k in first(pipe, ROWS, plans):
        scene = make_scene(SPLITS["test"], k, pipe.image_size)
        before, planned = Image.fromarray(scene.image), plans(scene, k).values()
        made = [editing.run(pipe, before, plan, SETTINGS, tries=4)[0] for _, plan in planned]
        rows.append([before, *(pair.image for pair in made)])
        words += ["before", *(text for text, _ in planned)]
    return sheet(rows, words)


def vary_scenes(pipe: PanopticDiffusionPipeline) -> Image.Image:
    """A row for each scene: itself, varied by strength, and two images that it is the prompt of."""
    rows = []
    for k in range(ROWS):
        image = unseen(pipe, k).image
        varied = [make(pipe, k, "", image=image, strength=s).image for s in STRENGTHS]
        alike = [make(pipe, seed, "", image_prompt=image).image for seed in (k, ROWS + k)]
        rows.append([image, *varied, *alike])
    words = ["a scene", *(f"strength {s}" for s in STRENGTHS), *["image prompt"] * 2]
    return sheet(rows, words * ROWS)


def first(
    pipe: PanopticDiffusionPipeline, number: int, usable: Callable[[Scene, int], Any]
) -> list[int]:
    """The indices of the first scenes of the test split that can be used."""
    found = (k for k in count() if usable(make_scene(SPLITS["test"], k, pipe.image_size), k))
    return list(islice(found, number))


def things(panoptic: PanopticMap) -> list[Segment]:
    """The things of a map, large boxes first."""
    found = [s for s in panoptic.segments if panoptic.taxonomy.by_id(s.category_id).isthing]
    return sorted(found, key=lambda s: s.bbox[2] * s.bbox[3], reverse=True)


def half(panoptic: PanopticMap) -> PanopticMap:
    """The left half of a map, the rest void."""
    left = np.arange(panoptic.width) < panoptic.width // 2
    return panoptic.with_ids(np.where(left, panoptic.ids, 0))


def boxes(panoptic: PanopticMap) -> PanopticMap:
    """The boxes of the things of a map, the rest void."""
    found = things(panoptic)
    named = [s.category_id for s in found]
    return PanopticMap.from_boxes([s.bbox for s in found], named, panoptic.size, panoptic.taxonomy)


def sheet(rows: Sequence[Sequence[Image.Image]], words: Sequence[str] = ()) -> Image.Image:
    """Rows of images, with words below the last of the cells."""
    images = [image for row in rows for image in row]
    prompts = [""] * (len(images) - len(words)) + list(words)
    return grid(images, prompts=prompts, columns=len(rows[0]), side=images[0].width)


def teaser(pipe: PanopticDiffusionPipeline) -> Image.Image:
    """The prompts of the demo."""
    return picture(list(pairs(pipe, PROMPTS, SETTINGS)))


PICTURES: dict[str, Callable[[PanopticDiffusionPipeline], Image.Image]] = {
    "teaser": teaser,
    "map-to-image": paint_maps,
    "image-to-map": find_maps,
    "partial-layout": fill_layouts,
    "edits": edit_scenes,
    "variations": vary_scenes,
}


def main() -> None:
    """Draw the pictures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", default="scenes")
    parser.add_argument("--only", nargs="+", choices=PICTURES, default=PICTURES, metavar="NAME")
    parser.add_argument("--out", type=Path, default=Path("docs/images"))
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    pipe = PanopticDiffusionPipeline.from_pretrained(args.model)
    pipe.set_progress_bar_config(disable=True)
    for name in args.only:
        PICTURES[name](pipe).save(args.out / f"{name}.png", optimize=True)


if __name__ == "__main__":
    main()
