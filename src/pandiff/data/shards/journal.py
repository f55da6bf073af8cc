"""What of an unfinished folder of shards is finished, and with which settings it was begun."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pandiff.coco import atomic_text
from pandiff.data.shards.index import INDEX, ShardIndex, ShardRecord, shard_name
from pandiff.errors import InputError

OURS = re.compile(r"shards\.json|shard-\d{6}\.tar|\.shard-\d{6}\.(tar\.tmp|json)|\.\S+\.json\.tmp")
"""What a folder of shards, finished or not, may hold."""


@dataclass(frozen=True)
class Journal:
    """The finished shards of a folder: a hidden .json each, until the index takes them up.

    Attributes:
        out: folder of the shards.
        settings: what they are made of.
    """

    out: Path
    settings: Mapping[str, Any]

    @classmethod
    def open(cls, out: Path, settings: Mapping[str, Any]) -> Journal:
        """Make the folder ours; InputError if it is a file, or holds anything else."""
        if out.exists() and not out.is_dir():
            raise InputError("a folder", f"the file {out}", "choose another path")
        out.mkdir(parents=True, exist_ok=True)
        foreign = sorted(p.name for p in out.iterdir() if not OURS.fullmatch(p.name))
        if foreign:
            odd = f"{foreign[0]} in {out}"
            raise InputError("a new or empty folder", odd, "choose another folder")
        journal = cls(out, settings)
        for begun in journal._begun():
            _check_same(begun, settings, out)
        return journal

    def add(self, number: int, record: ShardRecord) -> None:
        """Note that a shard is finished."""
        with atomic_text(self._part(number)) as file:
            json.dump({"settings": self.settings, "record": record.to_json()}, file)

    def finished(self, numbers: Iterable[int]) -> dict[int, ShardRecord]:
        """The records of those shards that are there in full.

        The parts are read before the index: who finds a part gone finds the index written.
        """
        parts = {n: _read(self._part(n)) for n in numbers}
        known = {s.name: s for s in self._index_shards()}
        records = {
            n: ShardRecord.from_json(part["record"]) if part else known.get(shard_name(n))
            for n, part in parts.items()
        }
        return {n: r for n, r in records.items() if r is not None and is_whole(self.out, r)}

    def clear(self) -> None:
        """Forget the parts, which the index holds."""
        for part in self.out.glob(".shard-*.json"):
            part.unlink(missing_ok=True)

    def _part(self, number: int) -> Path:
        return self.out / f".{Path(shard_name(number)).stem}.json"

    def _index_shards(self) -> tuple[ShardRecord, ...]:
        path = self.out / INDEX
        return ShardIndex.read(path).shards if path.exists() else ()

    def _begun(self) -> Iterator[Mapping[str, Any]]:
        paths = [self.out / INDEX, *sorted(self.out.glob(".shard-*.json"))]
        yield from (found["settings"] for found in map(_read, paths) if found)


def is_whole(out: Path, record: ShardRecord) -> bool:
    """Whether the file of a record is there and has its size."""
    path = out / record.name
    return path.is_file() and path.stat().st_size == record.size


def _read(path: Path) -> Any:
    """The content of a .json; None if it is gone, or torn by a crash of the machine."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return None


def _check_same(begun: Mapping[str, Any], settings: Mapping[str, Any], out: Path) -> None:
    mine, theirs = (dict(_flat(s)) for s in (settings, begun))
    for name, value in mine.items():
        if value != theirs.get(name):
            raise InputError(
                f"the settings with which {out} was begun",
                f"another {name}: {value!s:.20}, there {theirs.get(name)!s:.20}",
                "repeat that command or choose another --out",
            )


def _flat(settings: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in settings.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{name}.")
        else:
            yield prefix + name, value
