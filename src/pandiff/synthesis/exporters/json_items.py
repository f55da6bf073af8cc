"""The items of the lists in a JSON file, one at a time: such files exceed the memory."""

from __future__ import annotations

import json
from collections.abc import Iterator
from json import JSONDecoder
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

from pandiff.coco.files import malformed

CHUNK = 1 << 20
_SPACE = " \t\r\n"
_AFTER = tuple(",:]}" + _SPACE)
"""What ends a value. A number may go on in the next chunk, even behind its decimal point."""


class Item(NamedTuple):
    """One item of a list at the top of a JSON file.

    Attributes:
        name: of the list.
        value: the item; text in it is right where it is ASCII.
        offset: its place in the file, in bytes.
        raw: its bytes.
    """

    name: str
    value: Any
    offset: int
    raw: bytes

    def exact(self) -> Any:
        """The item, its text read as UTF-8."""
        return json.loads(self.raw)


def scan(path: Path, chunk: int = CHUNK) -> Iterator[Item]:
    """Yield every item of every list that a JSON object has as a value.

    The file is read as Latin-1, a character a byte, so that places in the text are places in the
    file. Values that are no lists are passed over.

    Raises:
        InputError: if the file is missing or no such JSON.
    """
    try:
        with path.open("rb") as file:
            yield from _Scanner(file, chunk).items()
    except (ValueError, IndexError) as error:
        raise malformed(path, error) from None


def read_item(file: BinaryIO, offset: int, length: int) -> Any:
    """The item at a place that `scan` has told."""
    file.seek(offset)
    return json.loads(file.read(length))


class _Scanner:
    """A window that moves over the file; `start` is the window's place in it."""

    def __init__(self, file: BinaryIO, chunk: int) -> None:
        self._file, self._chunk = file, chunk
        self._text, self._start, self._at = "", 0, 0
        self._decode = JSONDecoder().raw_decode

    def items(self) -> Iterator[Item]:
        self._expect("{")
        for _ in self._separated("}"):
            name, _, _ = self._value()
            self._expect(":")
            if self._next() == "[":
                self._expect("[")
                for _ in self._separated("]"):
                    yield Item(name, *self._value())
            else:
                self._value()

    def _separated(self, end: str) -> Iterator[None]:
        """Stand before each value of a list or object in turn, and at last behind its end."""
        if self._next() != end:
            yield
            while self._next() != end:
                self._expect(",")
                yield
        self._expect(end)

    def _next(self) -> str:
        """The next character that is no space; IndexError at the end."""
        while True:
            while self._at < len(self._text) and self._text[self._at] in _SPACE:
                self._at += 1
            if self._at < len(self._text) or not self._read():
                return self._text[self._at]

    def _expect(self, character: str) -> None:
        if self._next() != character:
            raise ValueError(f"no {character!r} at byte {self._start + self._at}")
        self._at += 1

    def _value(self) -> tuple[Any, int, bytes]:
        """A whole value, its place in the file and its bytes."""
        self._next()
        while True:
            try:
                value, end = self._decode(self._text, self._at)
            except ValueError:
                if not self._read():
                    raise
            else:
                if self._text[end : end + 1] in _AFTER or not self._read():
                    place, raw = self._start + self._at, self._text[self._at : end]
                    self._at = end
                    return value, place, raw.encode("latin-1")

    def _read(self) -> bool:
        """Move the window on: drop what is behind, append a chunk; False at the end."""
        more = self._file.read(max(self._chunk, len(self._text) - self._at))
        self._text = self._text[self._at :] + more.decode("latin-1")
        self._start, self._at = self._start + self._at, 0
        return bool(more)
