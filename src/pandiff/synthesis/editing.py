"""Edits carried out: versions of one, the choice among tries, and a folder of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path

import torch
from PIL import Image

from pandiff.coco import FolderWriter, Progress
from pandiff.draw import grid
from pandiff.errors import InputError
from pandiff.panoptic import PanopticMap
from pandiff.pipeline import PanopticDiffusionPipeline
from pandiff.pipeline.blend import blend
from pandiff.synthesis import silhouettes
from pandiff.synthesis.choice import best, look, score, shows
from pandiff.synthesis.edit import Edit
from pandiff.synthesis.folders import check_new, new_folder
from pandiff.synthesis.generate import Pair, Settings, captions, record, sample_seed

LEAST_PICTURES, MOST_PICTURES = 4, 16
"""Pictures that silhouettes are cut from."""


@dataclass(frozen=True)
class Version(Pair):
    """A version of an edit; edit: in the shape that it was drawn in."""

    edit: Edit


def run(
    pipe: PanopticDiffusionPipeline,
    image: Image.Image,
    edit: Edit,
    settings: Settings,
    count: int = 1,
    prompt: str | None = None,
    strength: float | None = None,
    tries: int = 1,
    progress: Progress = iter,
) -> list[Version]:
    """Make some versions of an edit, by a solver that adds noise (`pipe.noisy_solver`).

    Of the image that was made, what the edit did not change is put back (`Edit.changed`).

    Args:
        pipe: the pipeline.
        image: the image of the map that the edit was made from.
        edit: the edit.
        settings: steps, guidance by prompt and map, and batch.
        count: number of versions.
        prompt: what the region should show; by default the edit's own.
        strength: how much of what is in the region is lost, above 0 to 1; all of it by default.
        tries: draws for each version, of which that is kept in whose image the model sees best
            what the edit asked for (`choice.score`), less what shows of its border
            (`choice.shows`); they take turns with the edit's shapes (`shapes`). Draw k is made
            from the seed (seed, k).
        progress: wraps the batches of draws.

    Raises:
        InputError: if image and map differ in size.
    """
    if image.size != edit.map.size:
        got = " and ".join(f"{w} x {h}" for w, h in (image.size, edit.map.size))
        raise InputError("image and map of one size", got, "resize them")
    text = edit.prompt if prompt is None else prompt
    seeds = [sample_seed(settings.seed, k) for k in range(count * tries)]
    pipe.set_progress_bar_config(disable=True)
    plans = shapes(pipe, edit, settings, count, tries)
    made: list[Version] = []
    for start in progress(range(0, len(seeds), settings.batch_size)):
        part = slice(start, start + settings.batch_size)
        with pipe.noisy_solver():
            out = pipe(
                [text] * len(seeds[part]),
                image=image,
                map=[plan.map for plan in plans[part]],
                known=[plan.known for plan in plans[part]],
                strength=strength,
                negative_prompt=edit.negative_prompt,
                num_inference_steps=settings.steps,
                guidance_scale=settings.guidance_scale,
                map_guidance_scale=settings.map_guidance_scale,
                generator=[torch.Generator().manual_seed(s) for s in seeds[part]],
            )
        drawn = zip(plans[part], seeds[part], out.images, out.maps, strict=True)
        made += [
            Version(text, seed, put_back(image, one, plan, after), after, plan)
            for plan, seed, one, after in drawn
        ]
    if tries == 1:
        return made
    seen = look(pipe, [pair.image for pair in made], settings.batch_size)
    scores = [
        score(v.panoptic, one, v.edit.changed(v.panoptic), v.edit.wanted)
        - shows(image, v.image, v.edit.kept, pipe.image_size)
        for v, one in zip(made, seen, strict=True)
    ]
    return best(made, scores, tries)


def shapes(
    pipe: PanopticDiffusionPipeline, edit: Edit, settings: Settings, count: int, tries: int
) -> list[Edit]:
    """The edit in the shape of each draw: silhouettes of the model's own, in turns with boxes.

    Args:
        pipe: the pipeline.
        edit: the edit; where it brings no new thing, it takes turns with `edit.others`.
        settings: of the pictures that silhouettes are cut from.
        count: number of versions.
        tries: draws for each version.
    """
    plain = (edit, *edit.others)
    own: list[Edit] = []
    if edit.shaped is not None and edit.kind is not None:
        some = min(MOST_PICTURES, max(LEAST_PICTURES, count * (tries + 1) // 2))
        seeds = [sample_seed(settings.seed, k) for k in range(some)]
        own = [edit.shaped(one) for one in silhouettes.draw(pipe, edit.kind, seeds, settings)]
    if not own:
        return [plain[k % len(plain)] for _ in range(count) for k in range(tries)]
    mine, boxes = cycle(own), cycle(plain)
    return [next(boxes if k % 2 else mine) for _ in range(count) for k in range(tries)]


def put_back(image: Image.Image, made: Image.Image, edit: Edit, after: PanopticMap) -> Image.Image:
    """What the edit changed of the made image, the rest of the image (`Edit.changed`)."""
    return made if edit.before is None else blend(image, made, ~edit.changed(after))


def edit_folder(
    pipe: PanopticDiffusionPipeline,
    image: Image.Image,
    panoptic: PanopticMap,
    plan: Callable[[PanopticMap], Edit],
    out: Path,
    settings: Settings,
    *,
    count: int = 1,
    prompt: str | None = None,
    strength: float | None = None,
    tries: int = 1,
    progress: Progress = iter,
) -> list[Version]:
    """Write versions of an edit to `out/dataset`, and before and after to `out/grid.png`.

    Raises:
        InputError: if image and map differ in size, the edit makes no sense, or `out` is not new.
    """
    check_new(out)
    edit = plan(panoptic)
    with new_folder(out) as fresh:
        made = run(pipe, image, edit, settings, count, prompt, strength, tries, progress)
        with FolderWriter(fresh / "dataset", pipe.taxonomy) as writer:
            for pair in made:
                manifest = record(pair, settings) | ({"strength": strength} if strength else {})
                manifest |= {"tries": tries} if tries > 1 else {}
                writer.add(pair.image, pair.panoptic, captions(pair), manifest=manifest)
        both = [(image, panoptic), *((p.image, p.panoptic) for p in made[:15])]
        picture = grid([i for i, _ in both], maps=[m for _, m in both])
        picture.save(fresh / "grid.png")
    return made
