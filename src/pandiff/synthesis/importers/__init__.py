"""Dataset folders from what others have: one row a source, in `IMPORTERS`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from inspect import signature
from pathlib import Path
from typing import Any

from pandiff.coco import FolderWriter, Progress, ids_to_png, open_image, segment_to_coco
from pandiff.coco.writer import SUFFIXES
from pandiff.errors import InputError
from pandiff.panoptic import PanopticMap
from pandiff.rgb import to_rgb
from pandiff.synthesis.exporters.placing import check_size, new_file, place
from pandiff.synthesis.folders import check_new, new_folder
from pandiff.synthesis.importers.ade20k import Ade20k
from pandiff.synthesis.importers.captions import read_captions
from pandiff.synthesis.importers.cityscapes import Cityscapes
from pandiff.synthesis.importers.coco_instances import CocoInstances
from pandiff.synthesis.importers.masks import Masks
from pandiff.synthesis.importers.source import Source
from pandiff.taxonomy import Taxonomy

__all__ = ["IMPORTERS", "Source", "import_source", "open_source"]

IMPORTERS: dict[str, Callable[..., Source]] = {
    "masks": Masks,
    "coco-instances": CocoInstances,
    "cityscapes": Cityscapes,
    "ade20k": Ade20k,
}


def open_source(
    name: str,
    path: Path,
    *,
    taxonomy: Taxonomy | None = None,
    split: str | None = None,
    images: Path | None = None,
    train_ids: bool = False,
    components: bool = False,
) -> Source:
    """Open a dataset of another layout. Each takes some of the options: see its class.

    Args:
        name: of the layout, a key of `IMPORTERS`.
        path: the folder or file.
        taxonomy: categories to keep.
        split: which split.
        images: the folder of the images.
        train_ids: values count from 0.
        components: touching pixels of a thing are one instance.

    Raises:
        InputError: if there is no such layout, it lacks an option or has no use for one, or
            something of the source is missing.
    """
    if name not in IMPORTERS:
        raise InputError(f"a format ({', '.join(IMPORTERS)})", repr(name), "choose one of them")
    if not path.exists():
        raise InputError("a file or folder", f"no such path: {path}", "check the path")
    options = {
        "taxonomy": taxonomy,
        "split": split,
        "images": images,
        "train_ids": train_ids,
        "components": components,
    }
    given = {key: value for key, value in options.items() if value not in (None, False)}
    _check_options(name, given)
    return IMPORTERS[name](path, **given)


def _check_options(name: str, given: Mapping[str, Any]) -> None:
    """InputError if a layout has no use for an option, or lacks one that it needs."""
    takes = signature(IMPORTERS[name]).parameters
    for key in sorted(given.keys() - takes.keys()):
        raise InputError(f"options of {name}", f"--{key.replace('_', '-')}", "leave it out")
    for key, parameter in takes.items():
        if key != "path" and parameter.default is parameter.empty and key not in given:
            raise InputError(f"--{key} for {name}", "none", f"add --{key}")


def import_source(
    source: Source,
    out: Path,
    *,
    captions: Path | None = None,
    copy: bool = False,
    progress: Progress = iter,
) -> int:
    """Write a source as a dataset folder; `out` appears whole or not at all.

    Images keep their names, and their bytes where a dataset folder may hold their format; others
    become PNG. Maps are read and written one at a time.

    Args:
        source: of `open_source`.
        out: folder to make.
        captions: a .json as `read_captions` takes it; by default those of the source.
        copy: copy images instead of hard-linking them.
        progress: wraps the places of the images, to show how far it is.

    Returns:
        The number of images.

    Raises:
        InputError: if `out` is not empty, or a file is missing or wrong.
    """
    check_new(out)
    path = captions or source.captions_json
    known = read_captions(path) if path else {}
    with new_folder(out) as fresh, FolderWriter(fresh, source.taxonomy) as writer:
        for k in progress(range(len(source))):
            image = source.image(k)
            name = image.name if image.suffix.lower() in SUFFIXES else f"{image.stem}.png"
            panoptic = source.panoptic(k)
            check_size(image, panoptic.size)
            _place(image, fresh / "images" / name, copy)
            writer.append(_entry(fresh, k + 1, name, panoptic, known.get(image.name, [])))
    return len(source)


def _place(image: Path, target: Path, copy: bool) -> None:
    if image.suffix.lower() in SUFFIXES:
        place(image, target, copy=copy)
    else:
        to_rgb(open_image(image)).save(new_file(target, image.name))


def _entry(
    folder: Path, number: int, name: str, panoptic: PanopticMap, captions: list[str]
) -> dict[str, Any]:
    """Write a map; returns what the writer keeps of its image."""
    png = folder / "panoptic" / f"{Path(name).stem}.png"
    png.parent.mkdir(exist_ok=True)
    ids_to_png(panoptic.ids).save(png)
    width, height = panoptic.size
    segments = [segment_to_coco(s) for s in panoptic.segments]
    return {
        "image": {"id": number, "file_name": name, "width": width, "height": height},
        "annotation": {"image_id": number, "file_name": png.name, "segments_info": segments},
        "captions": captions,
        "manifest": None,
    }
