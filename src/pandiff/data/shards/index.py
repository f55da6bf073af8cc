"""What a folder of shards holds: the content of its `shards.json`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from pandiff.errors import InputError
from pandiff.taxonomy import Taxonomy

FORMAT = 1
"""Version of the layout: of the index, and of the members of a sample."""
INDEX = "shards.json"
"""Name of the index, beside the tars."""
EXTENSIONS = ("json", "moments.npy", "panoptic.png", "tokens.npy")
"""The members of every sample, in their order in the tar."""
PROMPT = "prompt.npy"
"""The member that samples have besides, where they were encoded for image prompts."""


def shard_name(number: int) -> str:
    """File name of a shard: shard-000000.tar."""
    return f"shard-{number:06d}.tar"


class Place(NamedTuple):
    """Where a sample lies: number of its shard, its row there."""

    shard: int
    row: int


@dataclass(frozen=True, eq=False)
class ShardRecord:
    """One tar.

    Attributes:
        name: of the file.
        size: of the file in bytes.
        sha256: of the file, hexadecimal.
        keys: of its samples, in their order.
        members: (samples, members, 2) int64: first byte and number of bytes of each member.
        void: whether a map has pixels without a segment, or a crowd, which trains as void.
        without_captions: number of images that have none.
    """

    name: str
    size: int
    sha256: str
    keys: tuple[str, ...]
    members: np.ndarray
    void: bool
    without_captions: int

    def __len__(self) -> int:
        """Number of samples."""
        return len(self.keys)

    def to_json(self) -> dict[str, Any]:
        """The record as plain JSON values; `members` one flat row a sample."""
        rows = self.members.reshape(len(self), -1).tolist()
        return {**vars(self), "keys": list(self.keys), "members": rows}

    @classmethod
    def from_json(cls, entry: Mapping[str, Any]) -> ShardRecord:
        """The inverse of `to_json`; KeyError, TypeError or ValueError if it is malformed."""
        members = np.array(entry["members"], dtype=np.int64).reshape(len(entry["keys"]), -1, 2)
        return cls(**{**entry, "keys": tuple(entry["keys"]), "members": members})


@dataclass(frozen=True, eq=False)
class ShardIndex:
    """All shards of a folder.

    Attributes:
        settings: what the shards were made of: `data`, `encoders` (hashes and sizes), `shard_size`.
        taxonomy: of the maps.
        extensions: the members of every sample, in their order.
        shards: the tars, in the order of the samples.
    """

    settings: Mapping[str, Any]
    taxonomy: Taxonomy
    extensions: tuple[str, ...]
    shards: tuple[ShardRecord, ...]

    def __len__(self) -> int:
        """Number of samples."""
        return int(self._ends[-1]) if self.shards else 0

    @cached_property
    def _ends(self) -> np.ndarray:
        return np.cumsum([len(s) for s in self.shards])

    @property
    def void(self) -> bool:
        """Whether a map has void or crowds: what `PanopticCodec.void` should be."""
        return any(s.void for s in self.shards)

    @property
    def without_captions(self) -> int:
        """Number of images that have no caption."""
        return sum(s.without_captions for s in self.shards)

    @property
    def size(self) -> int:
        """Size of all tars together."""
        return sum(s.size for s in self.shards)

    def locate(self, i: int) -> Place:
        """Where sample i lies; IndexError outside 0..len - 1."""
        if not 0 <= i < len(self):
            raise IndexError(i)
        shard = int(np.searchsorted(self._ends, i, side="right"))
        return Place(shard, i - int(self._ends[shard]) + len(self.shards[shard]))

    def to_text(self) -> str:
        """The content of shards.json; one shard a line."""
        head = {
            "format": FORMAT,
            "settings": self.settings,
            "taxonomy": self.taxonomy.to_coco(),
            "extensions": list(self.extensions),
        }
        lines = ",\n".join(json.dumps(s.to_json(), separators=(",", ":")) for s in self.shards)
        return f'{json.dumps(head, indent=1)[:-2]},\n "shards": [\n{lines}\n]}}\n'

    @classmethod
    def read(cls, path: Path) -> ShardIndex:
        """The index in this file; InputError if it is malformed."""
        return cls.from_text(path.read_text(encoding="utf-8"), path)

    @classmethod
    def from_text(cls, text: str, where: object) -> ShardIndex:
        """The index that `to_text` wrote; InputError, naming `where`, if it is malformed."""
        try:
            content = json.loads(text)
            if content["format"] != FORMAT:
                raise InputError(
                    f"shards of format {FORMAT}", f"{content['format']} in {where}", "prepare anew"
                )
            return cls(
                content["settings"],
                Taxonomy.from_coco(content["taxonomy"]),
                tuple(content["extensions"]),
                tuple(ShardRecord.from_json(s) for s in content["shards"]),
            )
        except (KeyError, TypeError, ValueError) as error:
            if isinstance(error, InputError):
                raise
            reason = f"{type(error).__name__} {error}"
            raise InputError(f"a correct index {where}", reason, "prepare anew") from None


def is_shards(location: str | Path) -> bool:
    """Whether this is a folder of shards, or an address, which can be nothing else."""
    return "://" in str(location) or (Path(location) / INDEX).is_file()
