"""Images to a dataset folder with their maps, by a pipeline."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import torch
from PIL import Image

from pandiff.coco import FolderWriter, Progress
from pandiff.draw import grid
from pandiff.errors import InputError
from pandiff.pipeline import PanopticDiffusionPipeline
from pandiff.synthesis.folders import check_new, new_folder
from pandiff.synthesis.generate import GRID, Pair, Settings, record, sample_seed
from pandiff.synthesis.inputs import read_image

KEPT = (".png", ".jpg", ".jpeg")
"""Formats that a dataset folder holds; pictures of others become .png."""


def segment(
    pipe: PanopticDiffusionPipeline,
    paths: Sequence[Path],
    out: Path,
    settings: Settings,
    progress: Progress = iter,
) -> int:
    """Find the map of each image; write `out/dataset` and `out/grid.png`, images and overlays.

    The dataset keeps the images' file names and sizes: see `pandiff.data.frame` for how a
    picture of any size is brought to the model's square, and its map back. The map of an image
    depends on its place in `paths` and the seed, not on the batch.

    Returns:
        The number of images.

    Raises:
        InputError: if an image cannot be read, two have one name, or `out` is not empty.
    """
    check_new(out)
    check_images(paths)
    pipe.set_progress_bar_config(disable=True)
    with new_folder(out) as fresh:
        cells: list[Image.Image] = []
        with FolderWriter(fresh / "dataset", pipe.taxonomy) as writer:
            for path, pair in _pairs(pipe, paths, settings, progress):
                manifest = record(pair, settings)
                writer.add(pair.image, pair.panoptic, file_name=file_name(path), manifest=manifest)
                if len(cells) < 2 * GRID:
                    cells += [pair.image, pair.panoptic.overlay(pair.image)]
        grid(cells, columns=min(4, len(cells))).save(fresh / "grid.png")
    return len(paths)


def check_images(paths: Sequence[Path]) -> None:
    """InputError if an image cannot be read, or two would have maps of one name."""
    seen: dict[str, Path] = {}
    for path in paths:
        other = seen.setdefault(path.stem, path)
        if other is not path:
            raise InputError("images of different names", f"{other} and {path}", "rename one")
        read_image(path)


def file_name(path: Path) -> str:
    """The image's name in the dataset folder."""
    return path.name if path.suffix.lower() in KEPT else f"{path.stem}.png"


def _pairs(
    pipe: PanopticDiffusionPipeline, paths: Sequence[Path], settings: Settings, progress: Progress
) -> Iterator[tuple[Path, Pair]]:
    """Each path with its image and map, read and made by the batch."""
    for start in progress(range(0, len(paths), settings.batch_size)):
        some = paths[start : start + settings.batch_size]
        seeds = [sample_seed(settings.seed, start + k) for k in range(len(some))]
        out = pipe(
            [""] * len(some),
            image=[read_image(path) for path in some],
            num_inference_steps=settings.steps,
            guidance_scale=settings.guidance_scale,
            generator=[torch.Generator().manual_seed(s) for s in seeds],
        )
        for path, seed, image, panoptic in zip(some, seeds, out.images, out.maps, strict=True):
            yield path, Pair("", seed, image, panoptic)
