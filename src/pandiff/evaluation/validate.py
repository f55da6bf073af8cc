"""Is this a correct COCO panoptic dataset? Every way it is not, with the place.

The rules are those of https://cocodataset.org/#format-data and of the PNG encoding.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image

from pandiff.coco import CocoLayout, Progress, open_image, png_to_ids, read_json
from pandiff.errors import InputError
from pandiff.evaluation.coco_schema import (
    ANNOTATION,
    CAPTION,
    CATEGORY,
    IMAGE,
    SEGMENT,
    Problem,
    Report,
    well_formed,
)
from pandiff.panoptic import measure

Entry = Mapping[str, Any]


def validate(
    path: str | Path, split: str | None = None, *, progress: Progress = iter
) -> list[Problem]:
    """Check a dataset: both layouts of `CocoLayout.find`, every file and every pixel of the maps.

    Args:
        path: dataset folder or panoptic .json; beside a bare .json the images may be missing.
        split: which split of the original COCO layout.
        progress: wraps the list of images, to show how far it is.

    Returns:
        All problems, in the order of the files; empty if the dataset is correct.

    Raises:
        InputError: if there is no dataset at this path.
    """
    layout = CocoLayout.find(path, split)
    report = Report()
    with_images = layout.images.is_dir() or Path(path).is_dir()
    dataset = _read_dataset(layout.panoptic_json, report)
    if dataset is None:
        return report.problems
    _check_listed(layout.maps, [a["file_name"] for a in dataset.annotations], report)
    if with_images:
        _check_listed(layout.images, [i["file_name"] for i in dataset.images.values()], report)
        for image in progress(list(dataset.images.values())):
            _open(layout.images / image["file_name"], image, report)
    for annotation in progress(dataset.annotations):
        _check_map(layout.maps, annotation, dataset, report)
    if layout.captions_json.is_file():
        _check_captions(layout.captions_json, dataset, report)
    return report.problems


@dataclass(frozen=True)
class _Dataset:
    """The well-formed entries of a panoptic .json, images and categories by id."""

    name: str
    images: Mapping[int, Entry]
    annotations: Sequence[Entry]
    categories: Mapping[int, Entry]


def _read_dataset(path: Path, report: Report) -> _Dataset | None:
    """The entries of a panoptic .json; None if there is nothing to check the files against."""
    name, content = path.name, _read(path, report)
    images = well_formed(content, "images", IMAGE, name, report)
    annotations = well_formed(content, "annotations", ANNOTATION, name, report)
    categories = well_formed(content, "categories", CATEGORY, name, report)
    if images is None or annotations is None or categories is None:
        return None
    for what, values in (
        ("image id", [i["id"] for i in images]),
        ("image file_name", [i["file_name"] for i in images]),
        ("annotation image_id", [a["image_id"] for a in annotations]),
        ("annotation file_name", [a["file_name"] for a in annotations]),
        ("category id", [c["id"] for c in categories]),
        ("category name", [c["name"] for c in categories]),
    ):
        _check_unique(name, what, values, report)
    dataset = _Dataset(name, _by_id(images), annotations, _by_id(categories))
    _check_paired(dataset, report)
    return dataset


def _read(path: Path, report: Report) -> Any:
    """The content of a .json file; None, and reported, if it is malformed."""
    try:
        return read_json(path)
    except InputError as error:
        report.add(path.name, "a JSON file", str(error))
        return None


def _by_id(entries: Iterable[Entry]) -> dict[int, Entry]:
    return {e["id"]: e for e in entries}


def _check_unique(where: str, what: str, values: Sequence[Any], report: Report) -> None:
    for value, times in Counter(values).items():
        if times > 1:
            report.add(where, f"a unique {what}", f"{value!r} {times} times")


def _check_paired(dataset: _Dataset, report: Report) -> None:
    """Each image has an annotation and the reverse."""
    annotated = {a["image_id"] for a in dataset.annotations}
    for image_id in sorted(dataset.images.keys() - annotated):
        report.add(dataset.name, f"an annotation of image id {image_id}", "none")
    for image_id in sorted(annotated - dataset.images.keys()):
        report.add(dataset.name, f"an image of id {image_id}, as annotated", "none")


def _check_listed(folder: Path, listed: Sequence[str], report: Report) -> None:
    """The folder holds the listed files and no other; hidden files do not count."""
    files = (f.relative_to(folder) for f in folder.rglob("*") if f.is_file())
    found = {f.as_posix() for f in files if not f.name.startswith(".")}
    for name in sorted(set(listed) - found):
        report.add(f"{folder.name}/{name}", "a file", "none")
    for name in sorted(found - set(listed)):
        report.add(f"{folder.name}/{name}", "only files that the JSON lists", "an extra one")


def _open(path: Path, record: Entry | None, report: Report) -> Image.Image | None:
    """The image, if it can be read; a missing file has been reported before."""
    if not path.is_file():
        return None
    where = f"{path.parent.name}/{path.name}"
    try:
        image = open_image(path)
    except InputError as error:
        report.add(where, "a readable image", str(error))
        return None
    if record is not None and image.size != (record["width"], record["height"]):
        size = f"{record['width']} x {record['height']} px"
        report.add(where, size, f"{image.width} x {image.height}")
    return image


def _check_map(folder: Path, annotation: Entry, dataset: _Dataset, report: Report) -> None:
    where = f"{folder.name}/{annotation['file_name']}"
    segments = _check_segments(where, annotation, dataset, report)
    record = dataset.images.get(annotation["image_id"])
    png = _open(folder / annotation["file_name"], record, report)
    if png is not None and png.mode != "RGB":
        report.add(where, "a PNG of mode RGB", png.mode)
    elif png is not None:
        found = {k: (area, box) for k, area, box in zip(*measure(png_to_ids(png)), strict=True)}
        entries = (s for s in annotation["segments_info"] if isinstance(s, dict))
        declared = {s["id"] for s in entries if isinstance(s.get("id"), int)}
        for odd in sorted(found.keys() - declared):
            report.add(where, f"a segment for id {odd} of the PNG", "none")
        _check_measures(where, found, segments, report)


def _check_segments(
    where: str, annotation: Entry, dataset: _Dataset, report: Report
) -> Sequence[Entry]:
    """The well-formed entries of `segments_info`; their ids are unique, their categories known."""
    segments = well_formed(annotation, "segments_info", SEGMENT, where, report) or []
    _check_unique(where, "segment id", [s["id"] for s in segments], report)
    for s in segments:
        if s["category_id"] not in dataset.categories:
            got = f"{s['category_id']} in segment {s['id']}"
            report.add(where, "a category_id of the categories", got)
    return segments


def _check_measures(
    where: str,
    found: Mapping[int, tuple[int, tuple[int, int, int, int]]],
    segments: Sequence[Entry],
    report: Report,
) -> None:
    """Each segment has pixels; areas and boxes are as measured."""
    for s in segments:
        if s["id"] not in found:
            report.add(where, f"pixels of segment {s['id']}", "none")
            continue
        area, box = found[s["id"]]
        if s["area"] != area:
            report.add(where, f"area {area} of segment {s['id']}", str(s["area"]))
        if tuple(s["bbox"]) != box:
            report.add(where, f"bbox {list(box)} of segment {s['id']}", str(s["bbox"]))


def _check_captions(path: Path, dataset: _Dataset, report: Report) -> None:
    content = _read(path, report)
    captions = well_formed(content, "annotations", CAPTION, path.name, report) or []
    _check_unique(path.name, "caption id", [c["id"] for c in captions], report)
    for c in captions:
        if c["image_id"] not in dataset.images:
            got = f"{c['image_id']} in caption {c['id']}"
            report.add(path.name, "an image_id of the images", got)
