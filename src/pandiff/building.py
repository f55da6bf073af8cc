"""Layouts made from simpler things: boxes, masks, or a category for every pixel."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from pandiff.errors import InputError
from pandiff.panoptic import PanopticMap
from pandiff.taxonomy import VOID, Category, Taxonomy

Box = tuple[float, float, float, float]


def category_of(name: int | str, taxonomy: Taxonomy) -> Category:
    """A category by id or name; InputError if there is none."""
    is_id = isinstance(name, int | np.integer)
    return taxonomy.by_id(int(name)) if is_id else taxonomy.by_name(str(name))


def from_masks(
    masks: Sequence[np.ndarray], categories: Sequence[int | str], taxonomy: Taxonomy
) -> PanopticMap:
    """See `PanopticMap.from_masks`."""
    if len(masks) != len(categories) or not masks:
        got = f"{len(masks)} and {len(categories)}"
        raise InputError("a category for each of one or more masks", got, "pass as many")
    arrays = [np.asarray(m) != 0 for m in masks]
    shapes = {m.shape for m in arrays}
    if len(shapes) > 1 or arrays[0].ndim != 2:
        raise InputError("masks of one shape (H, W)", f"{sorted(shapes)}", "resize them")
    ids = np.zeros(arrays[0].shape, np.int32)
    found: dict[int, int] = {}
    stuff: dict[int, int] = {}
    for k, (mask, name) in enumerate(zip(arrays, categories, strict=True), start=1):
        category = category_of(name, taxonomy)
        segment = k if category.isthing else stuff.setdefault(category.id, k)
        ids[mask] = segment
        found[segment] = category.id
    return PanopticMap.from_ids(ids, found, taxonomy)


def from_boxes(
    boxes: Sequence[Box],
    categories: Sequence[int | str],
    size: tuple[int, int],
    taxonomy: Taxonomy,
) -> PanopticMap:
    """See `PanopticMap.from_boxes`."""
    width, height = size
    masks = []
    for box in boxes:
        x, y, w, h = _numbers(box)
        if w <= 0 or h <= 0:
            got = f"width {w:g}, height {h:g}"
            raise InputError("a box of width and height above 0", got, "make it larger")
        if x >= width or y >= height or x + w <= 0 or y + h <= 0:
            got = f"x {x:g}, y {y:g}, width {w:g}, height {h:g}"
            raise InputError(f"a box inside of {width} x {height}", got, "mend the box")
        mask = np.zeros((height, width), bool)
        mask[_pixels(y, h, height), _pixels(x, w, width)] = True
        masks.append(mask)
    return from_masks(masks, categories, taxonomy)


def _numbers(box: Box) -> Box:
    """A box in Python's own numbers; InputError if it is none."""
    what = "a box (x, y, width, height) of four finite numbers"
    try:
        x, y, width, height = (float(v) for v in box)
    except (TypeError, ValueError):
        raise InputError(what, str(box), "mend the box") from None
    if not all(map(math.isfinite, (x, y, width, height))):
        raise InputError(what, str(box), "mend the box")
    return x, y, width, height


def _pixels(start: float, length: float, side: int) -> slice:
    """The pixels of a side that an interval covers, at least one."""
    first = min(max(0, round(start)), side - 1)
    return slice(first, max(first + 1, round(start + length)))


def from_semantic(categories: np.ndarray, taxonomy: Taxonomy) -> PanopticMap:
    """See `PanopticMap.from_semantic`."""
    from skimage.measure import label

    pixels = np.asarray(categories)
    if pixels.ndim != 2 or pixels.dtype.kind not in "iu":
        got = f"{pixels.shape} {pixels.dtype}"
        raise InputError("category ids of shape (H, W) and an integer type", got, "convert them")
    ids = np.zeros(pixels.shape, np.int32)
    found: dict[int, int] = {}
    for number in np.unique(pixels[pixels != VOID]).tolist():
        category = taxonomy.by_id(number)
        mask = pixels == number
        parts = label(mask, connectivity=2) if category.isthing else mask.astype(np.int32)
        first = len(found)
        ids[mask] = first + parts[mask]
        found.update({first + k: number for k in range(1, int(parts.max()) + 1)})
    return PanopticMap.from_ids(ids, found, taxonomy)
