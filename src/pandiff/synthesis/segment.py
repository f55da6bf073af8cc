"""Images to a dataset folder with their maps, by a pipeline."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from pandiff.coco import FolderWriter, Progress
from pandiff.draw import grid
from pandiff.errors import InputError
from pandiff.pipeline import PanopticDiffusionPipeline
from pandiff.synthesis.folders import check_new, new_folder
from pandiff.synthesis.generate import GRID, Pair, Settings, record, sample_seed
from pandiff.synthesis.inputs import read_image
from pandiff.synthesis.vote import vote

KEPT = (".png", ".jpg", ".jpeg")
"""Formats that a dataset folder holds; pictures of others become .png."""


def segment(
    pipe: PanopticDiffusionPipeline,
    paths: Sequence[Path],
    out: Path,
    settings: Settings,
    *,
    samples: int = 1,
    progress: Progress = iter,
) -> int:
    """Find the map of each image; write `out/dataset` and `out/grid.png`, images and overlays.

    The dataset keeps the images' file names and sizes: see `pandiff.data.frame` for how a
    picture of any size is brought to the model's square, and its map back. The map of an image
    depends on its place in `paths` and the seed, not on the batch.

    Several samples of an image vote on its map (`vote`). A segment's score is then their
    agreement, and `out/uncertainty/NAME.png` (8-bit gray) says where they disagree: 0 nowhere,
    255 wholly.

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
            for path, found in _found(pipe, paths, settings, samples, progress):
                pair, doubt = _agree(found)
                manifest = record(pair, settings) | ({} if doubt is None else {"samples": samples})
                writer.add(pair.image, pair.panoptic, file_name=file_name(path), manifest=manifest)
                row = [pair.image, pair.panoptic.overlay(pair.image)]
                if doubt is not None:
                    row.append(doubt)
                    _save(doubt, fresh / "uncertainty" / f"{path.stem}.png")
                cells += row if len(cells) < len(row) * GRID else []
        grid(cells, columns=min(len(cells), 4 if samples == 1 else 3)).save(fresh / "grid.png")
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


def _found(
    pipe: PanopticDiffusionPipeline,
    paths: Sequence[Path],
    settings: Settings,
    samples: int,
    progress: Progress,
) -> Iterator[tuple[Path, list[Pair]]]:
    """Each path with its image and the maps found for it, made by the batch."""
    tasks = [path for path in paths for _ in range(samples)]
    found: list[Pair] = []
    for start in progress(range(0, len(tasks), settings.batch_size)):
        some = tasks[start : start + settings.batch_size]
        seeds = [sample_seed(settings.seed, start + k) for k in range(len(some))]
        images = {path: read_image(path) for path in dict.fromkeys(some)}
        out = pipe(
            [""] * len(some),
            image=[images[path] for path in some],
            generator=[torch.Generator().manual_seed(s) for s in seeds],
            **settings.arguments(),
        )
        for path, *pair in zip(some, seeds, out.images, out.maps, strict=True):
            found.append(Pair("", *pair))
            if len(found) == samples:
                yield path, found
                found = []


def _agree(found: Sequence[Pair]) -> tuple[Pair, Image.Image | None]:
    """The samples of an image as one, and how far they disagree, if there are several."""
    if len(found) == 1:
        return found[0], None
    result = vote([one.panoptic for one in found])
    doubt = Image.fromarray(np.rint(255 * result.uncertainty).astype(np.uint8))
    return replace(found[0], panoptic=result.panoptic), doubt


def _save(picture: Image.Image, path: Path) -> None:
    path.parent.mkdir(exist_ok=True)
    picture.save(path)
