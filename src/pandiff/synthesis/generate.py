"""Prompts to a dataset folder, by a pipeline."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from PIL import Image

from pandiff.coco import FolderWriter, Progress
from pandiff.draw import grid
from pandiff.panoptic import PanopticMap
from pandiff.pipeline import PanopticDiffusionPipeline
from pandiff.synthesis.folders import check_new, new_folder

GRID = 64
"""Most samples in the picture of a run."""


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
    return (seed * 1_000_003 + index) % 2**63


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
    check_new(out)
    with new_folder(out) as fresh:
        made = pairs(pipe, prompts, settings, map=map, image=image, progress=progress)
        return write(fresh, made, pipe, settings)


def write(
    folder: Path, made: Iterator[Pair], pipe: PanopticDiffusionPipeline, settings: Settings
) -> list[Pair]:
    """Write pairs to `folder/dataset` as they come, and the picture `folder/grid.png`."""
    done: list[Pair] = []
    with FolderWriter(folder / "dataset", pipe.taxonomy) as writer:
        for pair in made:
            manifest = record(pair, settings)
            writer.add(pair.image, pair.panoptic, captions(pair), manifest=manifest)
            done.append(pair)
    picture(done[:GRID]).save(folder / "grid.png")
    return done


def picture(made: Sequence[Pair]) -> Image.Image:
    """Images above their maps, prompts below."""
    return grid(
        [p.image for p in made],
        maps=[p.panoptic for p in made],
        prompts=[p.prompt for p in made],
    )


def captions(pair: Pair) -> list[str]:
    """A pair's captions: its prompt, if there was one."""
    return [pair.prompt] if pair.prompt else []


def record(pair: Pair, settings: Settings) -> dict[str, Any]:
    """A pair's line of the manifest."""
    return {
        "prompt": pair.prompt,
        "seed": pair.seed,
        "num_inference_steps": settings.steps,
        "guidance_scale": settings.guidance_scale,
        "confidence": round(confidence(pair.panoptic), 4),
    }


def confidence(panoptic: PanopticMap) -> float:
    """Mean score of the pixels that belong to a segment, 0..1."""
    scores = [s.score * s.area for s in panoptic.segments]
    return sum(scores) / max(1, sum(s.area for s in panoptic.segments))
