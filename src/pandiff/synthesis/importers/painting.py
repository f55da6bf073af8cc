"""Maps from masks: the category of each pixel, and the number of its object."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from pandiff.coco import open_image, png_to_ids
from pandiff.errors import InputError
from pandiff.panoptic import PanopticMap, unique_ids
from pandiff.taxonomy import VOID, Taxonomy


def read_mask(path: Path) -> np.ndarray:
    """(H, W) int64 values of a gray or palette image; of an RGB one, R + 256 G + 65536 B.

    Raises:
        InputError: if it cannot be read, has another mode or values below 0.
    """
    image = open_image(path)
    if image.mode == "RGB":
        return png_to_ids(image).astype(np.int64)
    if image.mode not in ("1", "L", "P", "I") and not image.mode.startswith("I;16"):
        raise InputError(f"a gray, palette or RGB mask {path}", image.mode, "write it as PNG")
    values = np.asarray(image).astype(np.int64)
    if values.min(initial=0) < 0:
        raise InputError(f"values of 0 or more in {path}", str(values.min()), "write 0 for none")
    return values


def to_panoptic(semantic: np.ndarray, instances: np.ndarray, taxonomy: Taxonomy) -> PanopticMap:
    """Join two masks.

    A category of stuff is one segment; a thing's pixels of one number are one; those without a
    number are a crowd, for nobody has counted them.

    Args:
        semantic: (H, W) category ids, 0 = void.
        instances: (H, W) numbers of objects, 0 = none; they need be unique in a category only, and
            those of stuff do not count.
        taxonomy: the categories.

    Raises:
        InputError: if a category id is not in the taxonomy.
    """
    things = [c.id for c in taxonomy.categories if c.isthing]
    numbers = np.where(np.isin(semantic, things), instances, 0)
    radix = int(numbers.max(initial=0)) + 1
    keys = semantic.astype(np.int64) * radix + numbers
    found = unique_ids(keys)
    categories, firsts = found // radix, found % radix
    ids = np.searchsorted(found, keys) + (0 if VOID in found else 1)
    segments = np.unique(ids).tolist()
    return PanopticMap.from_ids(
        ids,
        dict(zip(segments, categories.tolist(), strict=True)),
        taxonomy,
        crowds=[
            k
            for k, category, number in zip(segments, categories, firsts, strict=True)
            if number == 0 and category in things
        ],
    )


def check_categories(semantic: np.ndarray, taxonomy: Taxonomy, path: Path) -> None:
    """InputError, with the file's name, if a value is neither void nor a category's id."""
    for value in unique_ids(semantic).tolist():
        if value != VOID and value not in taxonomy:
            known = ", ".join(str(c.id) for c in taxonomy.categories)
            raise InputError(
                f"category ids of the taxonomy ({known}) or 0 in {path}",
                str(value),
                "add the category, or write the pixels as 0",
            )
