"""What is imported: images, each with its map, of one taxonomy."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol

import numpy as np

from pandiff.errors import InputError
from pandiff.panoptic import PanopticMap
from pandiff.taxonomy import VOID, Taxonomy

IMAGE_SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".bmp", ".tif", ".tiff")


class Source(Protocol):
    """A dataset of another layout, read one image at a time; its length is their number."""

    @property
    def taxonomy(self) -> Taxonomy:
        """Of all maps."""

    @property
    def captions_json(self) -> Path | None:
        """Captions that come with it, as `read_captions` takes them; None if there are none."""

    def __len__(self) -> int: ...

    def image(self, k: int) -> Path:
        """Where image k lies."""

    def panoptic(self, k: int) -> PanopticMap:
        """The map of image k; InputError, with the file's name, if anything of it is wrong."""


class Listed:
    """What sources have in common whose images are found in folders, without captions.

    Args:
        images: of `images_below`: text, for a `Path` takes several times as much memory.
    """

    captions_json: Path | None = None

    def __init__(self, images: Sequence[str]) -> None:
        self._images = images

    def __len__(self) -> int:
        return len(self._images)

    def image(self, k: int) -> Path:
        """Where image k lies."""
        return Path(self._images[k])


def images_below(folder: Path) -> list[str]:
    """The images of a folder and of those within it, by name; InputError if there are none."""
    if not folder.is_dir():
        raise InputError(f"the folder {folder}", "no such folder", "check the layout")
    shown = (p for p in folder.rglob("*") if not p.name.startswith("."))
    images = (str(p) for p in shown if p.suffix.lower() in IMAGE_SUFFIXES)
    found = sorted(images, key=lambda name: name.split(os.sep))
    if not found:
        raise InputError(f"images below {folder}", "none", "check the layout")
    return found


def choose_split(folder: Path, split: str | None) -> str:
    """A folder of a split; `split` may be None where there is but one to choose from."""
    found = sorted(p.name for p in folder.iterdir() if p.is_dir()) if folder.is_dir() else []
    if split is None and len(found) == 1:
        return found[0]
    if split not in found:
        known = ", ".join(found) or "none"
        got = "no split" if split is None else repr(split)
        raise InputError(f"a split of {folder} ({known})", got, "name one with --split")
    return split


def renumbering(native: Mapping[str, int], taxonomy: Taxonomy) -> np.ndarray:
    """(largest native id + 1,) int64: the taxonomy's id of each native id, matched by name.

    Native categories that the taxonomy does not have become void.

    Args:
        native: the id of every name of the source.
        taxonomy: the wished one.

    Raises:
        InputError: if the source has none of the taxonomy's categories.
    """
    table = np.full(max(native.values()) + 1, VOID, np.int64)
    for category in taxonomy.categories:
        if category.name in native:
            table[native[category.name]] = category.id
    if not table.any():
        raise InputError(
            f"a taxonomy with names of the source ({', '.join(native)})",
            ", ".join(c.name for c in taxonomy.categories),
            "rename its categories",
        )
    return table
