"""What the numbers of a panoptic map mean: categories, in an order, with void before them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from pandiff.errors import InputError

VOID = 0
"""Id of the pixels that belong to no segment, and index of "no category"."""


@dataclass(frozen=True)
class Category:
    """One category of a taxonomy, as in the `categories` of a COCO panoptic file.

    Attributes:
        id: positive id, unique in its taxonomy; need not be contiguous (COCO's run to 200).
        name: human name.
        isthing: True for countable things, False for stuff.
        color: (R, G, B), each 0..255, for drawing.
        supercategory: name of the group that it belongs to; may be empty.
    """

    id: int
    name: str
    isthing: bool
    color: tuple[int, int, int] = (128, 128, 128)
    supercategory: str = ""


@dataclass(frozen=True)
class Taxonomy:
    """An ordered set of categories. Index 0 is void; category k of the tuple has index k + 1.

    Raises:
        InputError: if it is empty, or an id or name is not positive or not unique.
    """

    categories: tuple[Category, ...]

    def __post_init__(self) -> None:
        ids, names = [c.id for c in self.categories], [c.name for c in self.categories]
        if not ids:
            raise InputError("at least one category", "none", "add categories to the taxonomy")
        if min(ids) < 1:
            raise InputError("category ids of 1 or more", str(min(ids)), "0 is kept for void")
        named: tuple[tuple[str, list[Any]], ...] = (("id", ids), ("name", names))
        for what, values in named:
            twice = sorted({v for v in values if values.count(v) > 1}, key=str)
            if twice:
                raise InputError(f"unique category {what}s", f"{twice[0]!r} twice", "rename one")

    def __len__(self) -> int:
        """Number of categories, void not counted."""
        return len(self.categories)

    @property
    def num_classes(self) -> int:
        """Number of class indices: the categories and void."""
        return len(self.categories) + 1

    @cached_property
    def category_ids(self) -> np.ndarray:
        """(num_classes,) int64: the category id of each index; 0 for void."""
        return np.array([VOID] + [c.id for c in self.categories], dtype=np.int64)

    @cached_property
    def isthing(self) -> np.ndarray:
        """(num_classes,) bool: whether each index is a thing; False for void."""
        return np.array([False] + [c.isthing for c in self.categories])

    @cached_property
    def colors(self) -> np.ndarray:
        """(num_classes, 3) uint8: the color of each index; black for void."""
        return np.array([(0, 0, 0)] + [c.color for c in self.categories], dtype=np.uint8)

    @cached_property
    def _index_by_id(self) -> dict[int, int]:
        return {c.id: k for k, c in enumerate(self.categories, start=1)}

    @cached_property
    def _by_name(self) -> dict[str, Category]:
        return {c.name: c for c in self.categories}

    def __contains__(self, category_id: int) -> bool:
        return category_id in self._index_by_id

    def index(self, category_id: int) -> int:
        """Index 1..len(self) of a category id; InputError if the id is not known."""
        try:
            return self._index_by_id[category_id]
        except KeyError:
            known = ", ".join(map(str, self._index_by_id))
            raise InputError(
                f"a category id of the taxonomy ({known})", str(category_id), "check the taxonomy"
            ) from None

    def by_id(self, category_id: int) -> Category:
        """The category with this id; InputError if there is none."""
        return self.categories[self.index(category_id) - 1]

    def by_name(self, name: str) -> Category:
        """The category with this name; InputError if there is none."""
        try:
            return self._by_name[name]
        except KeyError:
            known = ", ".join(self._by_name)
            raise InputError(
                f"a category of the taxonomy ({known})", repr(name), "check the spelling"
            ) from None

    @classmethod
    def from_coco(cls, categories: Sequence[Mapping[str, Any]]) -> Taxonomy:
        """Read the `categories` list of a COCO panoptic file; `color` is optional there.

        Raises:
            InputError: if an entry lacks its id, name or isthing, or has odd values.
        """
        colors = default_palette(len(categories)).tolist()
        return cls(tuple(_category(c, rgb) for c, rgb in zip(categories, colors, strict=True)))

    @classmethod
    def from_file(cls, path: str | Path) -> Taxonomy:
        """Read a .json or .yaml file: a list as `from_coco` takes it, or `categories: [...]`.

        Raises:
            InputError: if the file cannot be read, or is no such list.
        """
        content = _read_file(Path(path))
        entries = content.get("categories") if isinstance(content, Mapping) else content
        if not isinstance(entries, list):
            raise InputError(f"a list of categories in {path}", type(entries).__name__, "mend it")
        return cls.from_coco(entries)

    def to_coco(self) -> list[dict[str, Any]]:
        """The `categories` list of a COCO panoptic file."""
        return [
            {
                "id": c.id,
                "name": c.name,
                "isthing": int(c.isthing),
                "color": list(c.color),
                "supercategory": c.supercategory,
            }
            for c in self.categories
        ]


def _read_file(path: Path) -> Any:
    import yaml

    try:
        text = path.read_text(encoding="utf-8")
        return json.loads(text) if path.suffix == ".json" else yaml.safe_load(text)
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise InputError(f"a taxonomy in JSON or YAML, {path}", f"{error}", "mend it") from None


def _category(entry: Mapping[str, Any], default_color: Sequence[int]) -> Category:
    try:
        r, g, b = (int(v) for v in entry.get("color", default_color))
        return Category(
            id=int(entry["id"]),
            name=str(entry["name"]),
            isthing=bool(entry["isthing"]),
            color=(r, g, b),
            supercategory=str(entry.get("supercategory", "")),
        )
    except (KeyError, TypeError, ValueError, AttributeError):
        raise InputError(
            "a category with id, name, isthing and perhaps color [R, G, B]", f"{entry}", "mend it"
        ) from None


def default_palette(n: int) -> np.ndarray:
    """(n, 3) uint8: well separated colors, hues by the golden ratio."""
    import colorsys

    hsv = [((k * 0.618034) % 1.0, 0.55 + 0.1 * (k % 4), 0.95 - 0.12 * (k % 3)) for k in range(n)]
    rgb = [colorsys.hsv_to_rgb(*c) for c in hsv]
    return (np.array(rgb).reshape(n, 3) * 255).astype(np.uint8)
