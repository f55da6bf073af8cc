"""Scenes on disk, in the layout of the other dataset folders."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from itertools import islice
from multiprocessing import get_context
from pathlib import Path
from typing import NamedTuple

from PIL import Image

from pandiff.coco import atomic_text, ids_to_png, read_json, segment_to_coco
from pandiff.data.scenes.scene import Scene, check_numbers, make_scene, scene_to_json
from pandiff.data.scenes.taxonomy import TAXONOMY
from pandiff.errors import InputError

FORMATS = ("png", "jpg")
"""Formats of the images; maps are always PNG."""

_SETTINGS = ".scenes.json"
_OURS = {"images", "panoptic", "panoptic.json", "captions.json", "scenes.json", _SETTINGS}

Progress = Callable[[int, int], None]
Settings = dict[str, int | str]


class _Entry(NamedTuple):
    """What the JSON files say of one scene: JSON already, for it takes a tenth of the memory."""

    image: str
    annotation: str
    captions: str
    scene: str


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
    out = Path(out)
    _check(count, workers, image_format)
    check_numbers(seed, start, size)
    _claim(out, {"seed": seed, "size": size, "start": start, "count": count, "as": image_format})
    write_one = partial(_write_one, out, seed, size, image_format)
    entries = []
    for entry in _mapped(write_one, range(start, start + count), workers):
        entries.append(entry)
        if progress is not None:
            progress(len(entries), count)
    _write_annotations(out, entries)


def _check(count: int, workers: int, image_format: str) -> None:
    if count < 1:
        raise InputError("a count of 1 or more", str(count), "choose another")
    if workers < 0:
        raise InputError("0 or more workers", str(workers), "choose another")
    if image_format not in FORMATS:
        raise InputError(
            f"an image format ({', '.join(FORMATS)})", repr(image_format), "choose one"
        )


def _claim(out: Path, settings: Settings) -> None:
    """Make the folder ours; InputError if it is a file or holds anything else."""
    if out.exists() and not out.is_dir():
        raise InputError("a folder", f"the file {out}", "choose another path")
    names = {p.name for p in out.iterdir()} if out.exists() else set()
    foreign = sorted(names - _OURS)
    if foreign or (names and _SETTINGS not in names):
        odd = foreign[0] if foreign else "another dataset"
        raise InputError("a new or empty folder", f"{odd} in {out}", "choose another folder")
    if names and (begun := read_json(out / _SETTINGS)) != settings:
        raise InputError(f"the settings {begun}, with which {out} was begun", f"{settings}",
                         "repeat that command or choose another folder")  # fmt: skip
    for folder in ("images", "panoptic"):
        (out / folder).mkdir(parents=True, exist_ok=True)
        for leftover in (out / folder).glob(".*"):
            leftover.unlink()
    with atomic_text(out / _SETTINGS) as file:
        json.dump(settings, file)


def _mapped(write_one: Callable[[int], _Entry], indices: range, workers: int) -> Iterator[_Entry]:
    """The entries in order; at most a hundred scenes a worker are under way at once."""
    if workers == 0:
        yield from map(write_one, indices)
        return
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        left = iter(indices)
        while chunk := list(islice(left, 128 * workers)):
            yield from pool.map(write_one, chunk, chunksize=16)


def _write_one(out: Path, seed: int, size: int, image_format: str, index: int) -> _Entry:
    """Write the two files of a scene, where they do not exist, and tell of it."""
    scene = make_scene(seed, index, size)
    stem = f"{index + 1:012d}"
    panoptic, image = out / "panoptic" / f"{stem}.png", out / "images" / f"{stem}.{image_format}"
    if not panoptic.exists():
        _save(ids_to_png(scene.panoptic.ids), panoptic)
    if not image.exists():
        _save(Image.fromarray(scene.image), image)
    return _entry(scene, index, image.name, panoptic.name)


def _save(image: Image.Image, path: Path) -> None:
    temporary = path.with_name(f".{path.name}")
    image.save(temporary, quality=95, compress_level=1)  # each format takes its own
    os.replace(temporary, path)


def _entry(scene: Scene, index: int, image_name: str, map_name: str) -> _Entry:
    number, size = index + 1, scene.image.shape[0]
    segments = [segment_to_coco(s) for s in scene.panoptic.segments]
    captions = [
        {"image_id": number, "id": 10 * number + k, "caption": caption.text}
        for k, caption in enumerate(scene.captions)
    ]
    return _Entry(
        json.dumps({"id": number, "file_name": image_name, "width": size, "height": size}),
        json.dumps({"image_id": number, "file_name": map_name, "segments_info": segments}),
        ",\n".join(map(json.dumps, captions)),
        json.dumps({"image_id": number, "index": index, **scene_to_json(scene)}),
    )


def _write_annotations(out: Path, entries: Sequence[_Entry]) -> None:
    """The three JSON files; `panoptic.json` last, for it makes the folder a dataset."""
    images = [e.image for e in entries]
    categories = [json.dumps(c) for c in TAXONOMY.to_coco()]
    _write_lists(out / "scenes.json", {"scenes": [e.scene for e in entries]})
    _write_lists(
        out / "captions.json", {"images": images, "annotations": [e.captions for e in entries]}
    )
    _write_lists(
        out / "panoptic.json",
        {
            "images": images,
            "annotations": [e.annotation for e in entries],
            "categories": categories,
        },
    )


def _write_lists(path: Path, lists: dict[str, list[str]]) -> None:
    """A JSON object of lists whose items are JSON already, one a line."""
    with atomic_text(path) as file:
        for k, (name, items) in enumerate(lists.items()):
            file.write(f'{"," if k else "{"}\n"{name}": [\n')
            file.writelines(f"{',' if n else ''}{item}\n" for n, item in enumerate(items))
            file.write("]")
        file.write("\n}\n")
