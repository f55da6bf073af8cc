"""JSON files of long lists, written item by item."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pandiff.coco import atomic_text


class JsonLists:
    """A JSON object of lists, each item on a line of its own; none of them is held in memory.

    The items wait in hidden files, one a list, until `close` joins them to the file itself.

    Args:
        path: the .json file; its folder is made where missing.
        names: the lists, in the file's order.
    """

    def __init__(self, path: Path, names: Sequence[str]) -> None:
        self.path = path
        self._waiting = {name: path.with_name(f".{path.name}.{name}") for name in names}
        self._counts = dict.fromkeys(names, 0)
        path.parent.mkdir(parents=True, exist_ok=True)
        for waiting in self._waiting.values():
            waiting.write_bytes(b"")

    def next_id(self, name: str) -> int:
        """The place that the next item of a list will have: 1, 2, ..."""
        return self._counts[name] + 1

    def add(self, name: str, item: Any) -> None:
        """Append an item to a list."""
        with self._waiting[name].open("a", encoding="utf-8") as file:
            file.write((",\n" if self._counts[name] else "\n") + json.dumps(item))
        self._counts[name] += 1

    def close(self) -> None:
        """Write the file."""
        with atomic_text(self.path) as file:
            for k, (name, waiting) in enumerate(self._waiting.items()):
                file.write(f"{',' if k else '{'}\n{json.dumps(name)}: [")
                with waiting.open(encoding="utf-8") as items:
                    shutil.copyfileobj(items, file)
                file.write("\n]")
            file.write("\n}\n")
        for waiting in self._waiting.values():
            waiting.unlink()
