"""COCO's JSON files left on disk: where the items of their lists stand, and whose they are."""

from __future__ import annotations

from array import array
from collections.abc import Mapping
from hashlib import blake2b
from pathlib import Path
from typing import Any

import numpy as np

from pandiff.coco.files import malformed
from pandiff.synthesis.exporters.json_items import Item, read_item, scan


class Places:
    """The items of one list, found by their place in it or by a key: 24 bytes are held of each.

    Attributes:
        keys: (n,) int64 the key of each, in the file's order; text is hashed.
    """

    def __init__(self, path: Path, items: tuple[array[int], array[int], array[int]]) -> None:
        self._path = path
        self.keys, self._offsets, self._lengths = (np.frombuffer(a, np.int64) for a in items)
        self._order = np.argsort(self.keys, kind="stable").astype(np.int32)

    def __len__(self) -> int:
        return len(self.keys)

    def __getitem__(self, k: int) -> Any:
        """Item k of the list."""
        return self._read([k])[0]

    def of(self, key: int) -> list[Any]:
        """The items of a key, in the file's order."""
        first, last = np.searchsorted(self.keys, (key, key + 1), sorter=self._order).tolist()
        return self._read(self._order[first:last].tolist())

    def _read(self, places: list[int]) -> list[Any]:
        with self._path.open("rb") as file:
            return [read_item(file, int(self._offsets[k]), int(self._lengths[k])) for k in places]


class JsonIndex:
    """Some lists of a JSON object, one pass over the file, whatever its size.

    Args:
        path: the .json.
        keys: of which lists to note the places, and the name of the key of their items.

    Attributes:
        places: of the items of these lists.
        kept: the items of `categories`, which are few.
        whole_keys: whether all keys are whole numbers.

    Raises:
        InputError: if the file is missing or malformed, or an item lacks its key.
    """

    def __init__(self, path: Path, keys: Mapping[str, str]) -> None:
        self.kept: list[Any] = []
        self.whole_keys = True
        noted = {name: (array("q"), array("q"), array("q")) for name in keys}
        try:
            for item in scan(path):
                if item.name in keys:
                    self._note(noted[item.name], item, item.value[keys[item.name]])
                elif item.name == "categories":
                    self.kept.append(item.exact())
        except (KeyError, TypeError, OverflowError) as error:
            raise malformed(path, error) from None
        self.places = {name: Places(path, items) for name, items in noted.items()}

    def _note(self, noted: tuple[array[int], ...], item: Item, key: Any) -> None:
        self.whole_keys &= isinstance(key, int)
        for values, value in zip(noted, (_number(key), item.offset, len(item.raw)), strict=True):
            values.append(value)


def _number(key: Any) -> int:
    """A key as 64 bits; some converters write ids that are text."""
    if isinstance(key, int):
        return key
    if not isinstance(key, str):
        raise TypeError(f"the id {key!r}")
    return int.from_bytes(blake2b(key.encode(), digest_size=8).digest(), "big", signed=True)
