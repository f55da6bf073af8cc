"""A COCO instances file that stays on disk: which annotations are whose, and where they stand."""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from pandiff.coco.files import malformed
from pandiff.synthesis.importers.json_items import read_item, scan


class ImageRecord(NamedTuple):
    """One entry of `images`; width and height in pixels, `number` is the index's own."""

    number: int
    file_name: str
    width: int
    height: int


class InstancesIndex:
    """The images and categories of a file, and the places of its annotations: 24 bytes for each.

    Attributes:
        path: the .json.
        images: in the file's order.
        categories: in the file's order, as they stand there.

    Raises:
        InputError: if the file is missing or malformed.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.images: list[ImageRecord] = []
        self.categories: list[dict[str, Any]] = []
        self._numbers: dict[Any, int] = {}
        self._places = (array("q"), array("q"), array("q"))
        try:
            for item in scan(path):
                if item.name == "annotations":
                    self._note(item.value["image_id"], item.offset, len(item.raw))
                elif item.name == "images":
                    self._add(self._number(item.value["id"]), item.exact())
                elif item.name == "categories":
                    self.categories.append(item.exact())
        except (KeyError, TypeError) as error:
            raise malformed(path, error) from None
        owners, offsets, lengths = (np.frombuffer(p, np.int64) for p in self._places)
        order = np.argsort(owners, kind="stable")
        self._owners, self._offsets, self._lengths = owners[order], offsets[order], lengths[order]

    def _number(self, image_id: Any) -> int:
        """A number for an image id, which may be text; annotations may come before images."""
        return self._numbers.setdefault(image_id, len(self._numbers))

    def _note(self, image_id: Any, offset: int, length: int) -> None:
        for places, value in zip(
            self._places, (self._number(image_id), offset, length), strict=True
        ):
            places.append(value)

    def _add(self, number: int, entry: dict[str, Any]) -> None:
        record = ImageRecord(number, entry["file_name"], entry["width"], entry["height"])
        self.images.append(record)

    def annotations(self, image: ImageRecord) -> Iterator[dict[str, Any]]:
        """The annotations of an image, in the file's order, read when they are asked for."""
        first, last = np.searchsorted(self._owners, (image.number, image.number + 1)).tolist()
        offsets, lengths = self._offsets[first:last].tolist(), self._lengths[first:last].tolist()
        with self.path.open("rb") as file:
            for offset, length in zip(offsets, lengths, strict=True):
                yield read_item(file, offset, length)
