"""Scenes on disk, in the layout of the other dataset folders."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from itertools import islice
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from pandiff.data.scenes.scene import Scene, check_numbers, make_scene, scene_to_json
from pandiff.data.scenes.taxonomy import TAXONOMY
from pandiff.errors import InputError
from pandiff.panoptic import PanopticMap

FORMATS = ("png", "jpg")
"""Formats of the images; maps are always PNG."""

_SETTINGS = "scenes.settings.json"
_OURS = {"images", "panoptic", "panoptic.json", "captions.json", "scenes.json", _SETTINGS}

Progress = Callable[[int, int], None]


def write_scenes(
    out: Path,
    count: int,
    seed: int = 0,
    size: int = 128,
    start: int = 0,
    workers: int = 0,
    image_format: str = "png",
    progress: Progress | None = None,
) -> None:
    """Write scenes `start` .. `start + count - 1` of the world `seed` as a dataset folder.

    The folder gets `images/`, `panoptic/` (PNG, id = R + 256 G + 65536 B), `panoptic.json`,
    `captions.json` (both as COCO has them) and `scenes.json` (claims and objects); the JSON files
    come last. Scene k is the image k + 1. The same command on a partial folder goes on where it
    stopped, and gives the same bytes.

    Args:
        out: folder; new, empty, or begun by the same command.
        count: number of scenes, 1 or more.
        seed: of the world; see `SPLITS`.
        size: side in pixels, 32..512.
        start: index of the first scene.
        workers: processes beside this one; 0 works in this one alone.
        image_format: "png" or "jpg" (quality 95).
        progress: called with (scenes done, count) after each scene.

    Raises:
        InputError: if an argument is out of range, or `out` holds something else.
    """
    _check(count, workers, image_format)
    check_numbers(seed, start, size)
    settings = {"seed": seed, "size": size, "start": start, "count": count, "format": image_format}
    _claim(out, settings)
    render = partial(_write_one, out, seed, size, image_format)
    records = []
    for record in _mapped(render, range(start, start + count), workers):
        records.append(record)
        if progress is not None:
            progress(len(records), count)
    _write_annotations(out, records)


def _check(count: int, workers: int, image_format: str) -> None:
    if count < 1:
        raise InputError("a count of 1 or more", str(count), "choose another")
    if workers < 0:
        raise InputError("0 or more workers", str(workers), "choose another")
    if image_format not in FORMATS:
        raise InputError(
            f"an image format ({', '.join(FORMATS)})", repr(image_format), "choose one"
        )


def _claim(out: Path, settings: dict[str, Any]) -> None:
    """Make the folder ours; InputError if it is a file or holds anything else."""
    if out.exists() and not out.is_dir():
        raise InputError("a folder", f"the file {out}", "choose another path")
    names = {p.name for p in out.iterdir()} if out.exists() else set()
    noted = out / _SETTINGS
    if names and not noted.is_file():
        raise InputError("a new or empty folder", f"{out} with other files", "choose another path")
    if noted.is_file() and json.loads(noted.read_text()) != settings:
        raise InputError(
            f"the settings that {out} was begun with", json.dumps(settings), "choose another folder"
        )
    foreign = sorted(n for n in names - _OURS if not n.startswith(".tmp-"))
    if foreign:
        raise InputError("a folder of scenes alone", f"{foreign[0]} in {out}", "move it away")
    for folder in ("images", "panoptic"):
        (out / folder).mkdir(parents=True, exist_ok=True)
    _write_json(noted, settings)


def _mapped(
    render: Callable[[int], dict[str, Any]], indices: range, workers: int
) -> Iterator[dict[str, Any]]:
    """The records in order; at most a few hundred scenes are under way at once."""
    if workers == 0:
        yield from map(render, indices)
        return
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        todo = iter(indices)
        while chunk := list(islice(todo, 128 * workers)):
            yield from pool.map(render, chunk, chunksize=16)


def _write_one(out: Path, seed: int, size: int, image_format: str, index: int) -> dict[str, Any]:
    """Write the two files of a scene, if they do not exist, and return its annotations."""
    scene = make_scene(seed, index, size)
    stem = f"{index + 1:012d}"
    image, panoptic = out / "images" / f"{stem}.{image_format}", out / "panoptic" / f"{stem}.png"
    if not panoptic.exists():
        _save(id_image(scene.panoptic), panoptic)
    if not image.exists():
        _save(Image.fromarray(scene.image), image)
    return _record(scene, index, image.name, panoptic.name)


def id_image(panoptic: PanopticMap) -> Image.Image:
    """The ids as COCO writes them: id = R + 256 G + 65536 B."""
    ids = panoptic.ids
    return Image.fromarray(np.stack([ids & 255, ids >> 8 & 255, ids >> 16], -1).astype(np.uint8))


def _save(image: Image.Image, path: Path) -> None:
    part = path.with_name(f".tmp-{os.getpid()}-{path.name}")
    if path.suffix == ".jpg":
        image.save(part, quality=95)
    else:
        image.save(part, compress_level=1)
    os.replace(part, path)


def _record(scene: Scene, index: int, image_name: str, map_name: str) -> dict[str, Any]:
    number, size = index + 1, scene.image.shape[0]
    segments = [
        {
            "id": s.id,
            "category_id": s.category_id,
            "area": s.area,
            "bbox": list(s.bbox),
            "iscrowd": 0,
        }
        for s in scene.panoptic.segments
    ]
    return {
        "image": {"id": number, "file_name": image_name, "height": size, "width": size},
        "annotation": {"image_id": number, "file_name": map_name, "segments_info": segments},
        "captions": [
            {"image_id": number, "id": 10 * number + k, "caption": caption.text}
            for k, caption in enumerate(scene.captions)
        ],
        "scene": {"image_id": number, "index": index, **scene_to_json(scene)},
    }


def _write_annotations(out: Path, records: list[dict[str, Any]]) -> None:
    images = [r["image"] for r in records]
    captions = [c for r in records for c in r["captions"]]
    _write_json(out / "scenes.json", {"scenes": [r["scene"] for r in records]})
    _write_json(out / "captions.json", {"images": images, "annotations": captions})
    annotations = [r["annotation"] for r in records]
    _write_json(
        out / "panoptic.json",
        {"images": images, "annotations": annotations, "categories": TAXONOMY.to_coco()},
    )


def _write_json(path: Path, value: dict[str, Any]) -> None:
    part = path.with_name(f".tmp-{os.getpid()}-{path.name}")
    part.write_text(json.dumps(value, separators=(",", ":")))
    os.replace(part, path)
