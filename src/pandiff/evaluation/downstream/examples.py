"""Pairs to learn from: of a folder, some of them, or its images with maps of a segmenter's."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple, Protocol

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from pandiff.coco import PanopticFolder
from pandiff.data.encoded import fit_map
from pandiff.data.images import fit
from pandiff.errors import InputError
from pandiff.evaluation.segmenters import Segmenter
from pandiff.panoptic import PanopticMap
from pandiff.taxonomy import Taxonomy

KEPT = 4096
"""Examples of a folder that are kept in memory once they have been read."""
BATCH = 16
"""Images that a segmenter labels at a time."""


class Example(NamedTuple):
    """One pair.

    Attributes:
        pixels: (3, S, S) uint8.
        segments: (S, S) int16: 1 + the number of the segment; 0 where none is.
        classes: (n,) int64: the class of each segment, 0 for the taxonomy's first category.
    """

    pixels: Tensor
    segments: Tensor
    classes: Tensor


class Examples(Protocol):
    """A sequence of examples."""

    def __len__(self) -> int: ...

    def __getitem__(self, k: int, /) -> Example: ...


class FolderExamples:
    """The pairs of a folder, read as they are asked for.

    Attributes:
        folder: the folder.

    Args:
        path: of the folder.
        size: side of the square, cut as for any training.
        taxonomy: what the classes mean.

    Raises:
        InputError: if the folder cannot be read, is empty, or has other categories.
    """

    def __init__(self, path: Path, size: int, taxonomy: Taxonomy | None = None) -> None:
        self.folder, self.size = PanopticFolder.open(path), size
        self.taxonomy = taxonomy or self.folder.taxonomy
        check_same(self.folder.taxonomy, self.taxonomy, path)
        if not len(self):
            raise InputError(f"pairs in {path}", "none", "choose another folder")
        self._example = lru_cache(KEPT)(self._read)

    def __len__(self) -> int:
        return len(self.folder)

    def __getitem__(self, k: int) -> Example:
        return self._example(k)

    def image(self, k: int) -> Image.Image:
        """Image k, as a square."""
        return fit(self.folder.image(k), self.size)

    def panoptic(self, k: int) -> PanopticMap:
        """Map k, as a square."""
        return fit_map(self.folder.panoptic(k), self.size)

    def _read(self, k: int) -> Example:
        return to_example(self.image(k), self.panoptic(k), self.taxonomy)


class Chosen:
    """Some of the examples.

    Args:
        of: the examples.
        numbers: which ones.
    """

    def __init__(self, of: Examples, numbers: Sequence[int]) -> None:
        self.of, self.numbers = of, list(numbers)

    def __len__(self) -> int:
        return len(self.numbers)

    def __getitem__(self, k: int) -> Example:
        return self.of[self.numbers[k]]


def chosen(examples: Examples, count: int, seed: int) -> Chosen:
    """`count` of the examples, drawn by the seed; all of them if there are fewer."""
    order = torch.randperm(len(examples), generator=torch.Generator().manual_seed(seed))
    return Chosen(examples, order[:count].tolist())


def relabelled(
    examples: FolderExamples, segmenter: Segmenter, progress: Iterable[int]
) -> list[Example]:
    """The images of a folder with the maps that a segmenter finds in them.

    Args:
        examples: the folder's.
        segmenter: of the same categories.
        progress: passes on the numbers 0, BATCH, 2 * BATCH, ... below their count.
    """
    found: list[Example] = []
    for start in progress:
        numbers = range(start, min(start + BATCH, len(examples)))
        images = [examples.image(k) for k in numbers]
        pairs = zip(images, segmenter(images), strict=True)
        found += [to_example(*pair, examples.taxonomy) for pair in pairs]
    return found


def to_example(image: Image.Image, panoptic: PanopticMap, taxonomy: Taxonomy) -> Example:
    """A pair as tensors; crowds, which are no instance to learn, become void."""
    segments = [s for s in panoptic.segments if not s.is_crowd]
    number = {s.id: n for n, s in enumerate(segments, start=1)}
    positions = panoptic.lookup(
        np.array([number.get(s.id, 0) for s in panoptic.segments], dtype=np.int16)
    )
    classes = [taxonomy.index(s.category_id) - 1 for s in segments]
    pixels = torch.from_numpy(np.array(image.convert("RGB"))).permute(2, 0, 1)
    return Example(pixels.contiguous(), torch.from_numpy(positions), torch.tensor(classes).long())


def check_same(found: Taxonomy, wanted: Taxonomy, path: Path) -> None:
    """InputError unless both lists have the same categories; colors may differ."""
    ours, theirs = ({(c.id, c.name, c.isthing) for c in t.categories} for t in (wanted, found))
    for number, name, _ in sorted(ours ^ theirs)[:1]:
        expected = f"the test pairs' categories in {path}"
        raise InputError(expected, f"{name} ({number}) in one only", "use one list for all")
