"""Prompts to a dataset folder, by a pipeline."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from PIL import Image

from pandiff.coco import FolderWriter
from pandiff.draw import grid
from pandiff.errors import InputError
from pandiff.panoptic import PanopticMap
from pandiff.pipeline import PanopticDiffusionPipeline

Progress = Callable[[Sequence[Any]], Iterable[Any]]


@dataclass(frozen=True)
class Settings:
    """How samples are made.

    Attributes:
        steps: steps of the scheduler.
        guidance_scale: weight of the prompt.
        seed: sample k of a run is made from the seed (seed, k), whatever the batch.
        batch_size: samples at a time; changes speed and memory only.
    """

    steps: int = 20
    guidance_scale: float = 3.0
    seed: int = 0
    batch_size: int = 8


@dataclass(frozen=True)
class Pair:
    """One sample: its prompt, its seed, its image and its map."""

    prompt: str
    seed: int
    image: Image.Image
    panoptic: PanopticMap


def sample_seed(seed: int, index: int) -> int:
    """Seed of sample `index` of the run `seed`."""
    return seed * 1_000_003 + index


def pairs(
    pipe: PanopticDiffusionPipeline,
    prompts: Sequence[str],
    settings: Settings,
    *,
    map: PanopticMap | None = None,
    image: Image.Image | None = None,
    progress: Progress = iter,
) -> Iterator[Pair]:
    """One pair for each prompt, in order; `map` or `image` is what all of them are given."""
    pipe.set_progress_bar_config(disable=True)
    starts = range(0, len(prompts), settings.batch_size)
    for start in progress(starts):
        some = list(prompts[start : start + settings.batch_size])
        seeds = [sample_seed(settings.seed, start + k) for k in range(len(some))]
        out = pipe(
            some,
            map=map,
            image=image,
            num_inference_steps=settings.steps,
            guidance_scale=settings.guidance_scale,
            generator=[torch.Generator().manual_seed(s) for s in seeds],
        )
        for one in zip(some, seeds, out.images, out.maps, strict=True):
            yield Pair(*one)


def generate(
    pipe: PanopticDiffusionPipeline,
    prompts: Sequence[str],
    out: Path,
    settings: Settings,
    *,
    map: PanopticMap | None = None,
    image: Image.Image | None = None,
    progress: Progress = iter,
) -> list[Pair]:
    """Make a pair for each prompt and write `out/dataset` and the picture `out/grid.png`.

    The dataset is a COCO panoptic folder with a manifest.jsonl of prompt, seed and settings.
    Everything is written beside `out` first and appears whole.

    Raises:
        InputError: if `out` exists and is not empty.
    """
    if out.exists() and any(out.iterdir()):
        raise InputError("an empty or new folder", str(out), "choose another --out")
    fresh = out.with_name(f".{out.name}.new")
    shutil.rmtree(fresh, ignore_errors=True)
    made = list(pairs(pipe, prompts, settings, map=map, image=image, progress=progress))
    try:
        with FolderWriter(fresh / "dataset", pipe.taxonomy) as writer:
            for pair in made:
                writer.add(
                    pair.image, pair.panoptic, [pair.prompt], manifest=_record(pair, settings)
                )
        picture(made).save(fresh / "grid.png")
        if out.exists():
            out.rmdir()
        fresh.replace(out)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
    return made


def picture(made: Sequence[Pair]) -> Image.Image:
    """Images above their maps, prompts below."""
    return grid(
        [p.image for p in made],
        maps=[p.panoptic for p in made],
        prompts=[p.prompt for p in made],
    )


def _record(pair: Pair, settings: Settings) -> dict[str, Any]:
    scores = [s.score * s.area for s in pair.panoptic.segments]
    area = sum(s.area for s in pair.panoptic.segments)
    return {
        "prompt": pair.prompt,
        "seed": pair.seed,
        "num_inference_steps": settings.steps,
        "guidance_scale": settings.guidance_scale,
        "confidence": round(sum(scores) / max(1, area), 4),
    }
