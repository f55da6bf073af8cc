"""One image of a dataset folder: its files and its entries in the JSON files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from PIL import Image

from pandiff.coco.pixels import ids_to_png
from pandiff.errors import InputError
from pandiff.panoptic import PanopticMap, Segment
from pandiff.rgb import to_rgb

Entry = dict[str, Any]
"""`{"image": ..., "annotation": ..., "captions": [...], "manifest": {...} or None}`."""


def save_sample(
    path: Path,
    image_id: int,
    file_name: str,
    image: Image.Image,
    panoptic: PanopticMap,
    captions: Sequence[str] = (),
    manifest: Mapping[str, Any] | None = None,
) -> Entry:
    """Write the two files of one image below `path`; returns the entry for `append`.

    Safe to call from many processes at once, each with its own ids and names.

    Raises:
        InputError: if the image and the map differ in size.
    """
    if image.size != panoptic.size:
        raise InputError(f"an image of {panoptic.size} as its map", f"{image.size}", "resize one")
    png_name = f"{Path(file_name).stem}.png"
    for folder in ("images", "panoptic"):
        (path / folder).mkdir(parents=True, exist_ok=True)
    to_rgb(image).save(path / "images" / file_name, quality=95)
    ids_to_png(panoptic.ids).save(path / "panoptic" / png_name)
    width, height = image.size
    segments = [segment_to_coco(s) for s in panoptic.segments]
    return {
        "image": {"id": image_id, "file_name": file_name, "width": width, "height": height},
        "annotation": {"image_id": image_id, "file_name": png_name, "segments_info": segments},
        "captions": list(captions),
        "manifest": None if manifest is None else dict(manifest),
    }


def segment_to_coco(segment: Segment) -> Entry:
    """One entry of `segments_info`; `score` is kept only where it is not 1."""
    entry: Entry = {
        "id": segment.id,
        "category_id": segment.category_id,
        "area": segment.area,
        "bbox": list(segment.bbox),
        "iscrowd": int(segment.is_crowd),
    }
    return entry if segment.score == 1 else entry | {"score": segment.score}
