"""Images and maps read from a dataset, ready for the encoders: all that needs no network."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from itertools import islice
from typing import Any, NamedTuple, TypeVar

from torch import Tensor

from pandiff.coco import PanopticFolder, ids_to_png, segment_to_coco
from pandiff.data.encoded import fit_map
from pandiff.data.images import fit
from pandiff.errors import InputError
from pandiff.models.encoders import to_pixels
from pandiff.panoptic import PanopticMap
from pandiff.taxonomy import VOID

T = TypeVar("T")
R = TypeVar("R")


class Loaded(NamedTuple):
    """One image of a dataset, its short side scaled to the size and the middle square cut.

    Attributes:
        pixels: (3, size, size) float32 in [-1, 1].
        png: the map of the same square as a PNG of ids.
        meta: the content of the sample's .json.
        void: whether the map has void or a crowd.
    """

    pixels: Tensor
    png: bytes
    meta: dict[str, Any]
    void: bool


def load(folder: PanopticFolder, k: int, size: int) -> Loaded:
    """Read image k; InputError if a file is bad, or image and map differ in size."""
    image, panoptic = folder.image(k), folder.panoptic(k)
    if image.size != panoptic.size:
        raise InputError(
            f"a map of {panoptic.size} as its image {folder.images[k].file_name}",
            f"an image of {image.size}",
            "run pandiff validate",
        )
    square, buffer = fit_map(panoptic, size), BytesIO()
    ids_to_png(square.ids).save(buffer, "PNG")
    void = bool((square.ids == VOID).any()) or any(s.is_crowd for s in square.segments)
    meta = _meta(folder, k, panoptic, square)
    return Loaded(to_pixels(fit(image, size)), buffer.getvalue(), meta, void)


def _meta(
    folder: PanopticFolder, k: int, panoptic: PanopticMap, square: PanopticMap
) -> dict[str, Any]:
    """Width and height are the original's; the segments are those of the square."""
    return {
        "key": f"{k:09d}",
        "image_id": folder.images[k].id,
        "file_name": folder.images[k].file_name,
        "width": panoptic.width,
        "height": panoptic.height,
        "captions": folder.captions(k),
        "segments_info": [segment_to_coco(s) for s in square.segments],
    }


def map_ahead(work: Callable[[T], R], items: Iterable[T], workers: int, ahead: int) -> Iterator[R]:
    """`map(work, items)` on threads, in order, at most `ahead` results early; 0 workers: here."""
    if not workers:
        yield from map(work, items)
        return
    with ThreadPoolExecutor(workers) as pool:
        left = iter(items)
        pending = deque(pool.submit(work, item) for item in islice(left, ahead))
        while pending:
            done = pending.popleft().result()
            pending.extend(pool.submit(work, item) for item in islice(left, 1))
            yield done
