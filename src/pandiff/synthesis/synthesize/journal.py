"""What has been done so far: a file of each process, a line for each candidate."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from pandiff.errors import InputError

Line = dict[str, Any]


class Place(NamedTuple):
    """Where a line begins: which part, and the byte in it."""

    part: int
    offset: int


class Journal:
    """The journal of a run of several processes; each adds to its own part and reads all.

    A line is there whole or not at all: half of one, which a kill or a full disk may leave at the
    end of a part, is not read, and is removed when the part is gone on with.

    Args:
        folder: of the parts; made if missing.
        rank: this process.

    Raises:
        InputError: if another process writes this part.
    """

    def __init__(self, folder: Path, rank: int) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder, self._rank = folder, rank
        self._ends: dict[int, int] = {}
        self._file = _locked(self._path(rank))
        _cut(self._file, _whole(self._path(rank)))

    def __enter__(self) -> Journal:
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._file)

    def add(self, line: Line) -> Place:
        """Write a line; OSError, and nothing written, where there is no room for it."""
        start, data = self._end, json.dumps(line).encode() + b"\n"
        try:
            left = memoryview(data)
            while left:
                left = left[os.write(self._file, left) :]
        except OSError:
            _cut(self._file, start)
            raise
        self._ends[self._rank] = start + len(data)
        return Place(self._rank, start)

    def news(self) -> Iterator[tuple[Place, Line]]:
        """The lines that were not read before, of all parts; never those that `add` wrote."""
        for path in sorted(self._folder.glob("part-*.jsonl")):
            yield from self._news_of(int(path.stem.removeprefix("part-")))

    def at(self, place: Place) -> Line:
        """The line at a place."""
        with self._path(place.part).open("rb") as file:
            file.seek(place.offset)
            return json.loads(file.readline())

    def _news_of(self, part: int) -> Iterator[tuple[Place, Line]]:
        start = self._ends.get(part, 0)
        try:
            file = self._path(part).open("rb")
        except FileNotFoundError:  # the first process has finished, and removed it
            return
        with file:
            file.seek(start)
            for data in file:
                if not data.endswith(b"\n"):
                    return
                place, start = Place(part, start), start + len(data)
                self._ends[part] = start
                yield place, json.loads(data)

    @property
    def _end(self) -> int:
        return os.fstat(self._file).st_size

    def _path(self, part: int) -> Path:
        return self._folder / f"part-{part:05d}.jsonl"


def _locked(path: Path) -> int:
    """A file descriptor to append to, which no other process has."""
    file = os.open(path, os.O_CREAT | os.O_RDWR | os.O_APPEND, 0o644)
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(file)
        got = f"another process at work in {path.parent.parent}"
        raise InputError("a folder of one's own", got, "wait for it, or choose another") from None
    return file


def _whole(path: Path) -> int:
    """Number of bytes up to the end of the last whole line."""
    return path.read_bytes().rfind(b"\n") + 1


def _cut(file: int, length: int) -> None:
    if os.fstat(file).st_size > length:
        os.ftruncate(file, length)
