"""The answers of a study, in an SQLite file that many raters write to at once."""

from __future__ import annotations

import secrets
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from pandiff.errors import InputError
from pandiff.evaluation.study.turns import Turn

SCHEMA = """
CREATE TABLE IF NOT EXISTS raters (
  number INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE COLLATE NOCASE,
  token TEXT NOT NULL UNIQUE, joined TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS answers (
  rater INTEGER NOT NULL REFERENCES raters(number), slot INTEGER NOT NULL,
  item INTEGER NOT NULL, flipped INTEGER NOT NULL, again INTEGER NOT NULL,
  answer TEXT NOT NULL, seconds REAL NOT NULL, at TEXT NOT NULL, PRIMARY KEY (rater, slot));
"""
JOIN = "INSERT INTO raters SELECT COALESCE(MAX(number) + 1, 0), ?, ?, ? FROM raters"
ANSWER = """INSERT INTO answers VALUES (?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (rater, slot) DO NOTHING"""
PATIENCE = 30
"""Seconds that a writer waits for the others."""


class NameTaken(InputError):
    """Another rater has this name."""


@dataclass(frozen=True)
class Rating:
    """One answer.

    Attributes:
        rater: his number, from 0.
        slot: number of his question.
        item, flipped, again: see `Turn`.
        answer: "left", "same" or "right", or a number from 1 to 5.
        seconds: from the pictures to the answer.
        at: when it came, UTC.
    """

    rater: int
    slot: int
    item: int
    flipped: bool
    again: bool
    answer: str
    seconds: float
    at: str


class Ratings:
    """The raters and their answers. Each call stands alone; what it returns from is on disk.

    Args:
        path: the SQLite file, made where missing.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        with self._open() as base:
            base.executescript(SCHEMA)

    def join(self, name: str) -> str:
        """Enter a rater; returns the secret by which he is known.

        Raises:
            NameTaken: if another has this name, letter case apart.
        """
        token = secrets.token_urlsafe(12)
        try:
            with self._open() as base:
                base.execute(JOIN, (name, token, _now()))
        except sqlite3.IntegrityError:
            raise NameTaken("a name that nobody has", repr(name), "choose another") from None
        return token

    def rater(self, token: str) -> int | None:
        """The number of a rater, if there is one."""
        with self._open() as base:
            row = base.execute("SELECT number FROM raters WHERE token = ?", (token,)).fetchone()
        return None if row is None else int(row[0])

    def answered(self, rater: int) -> int:
        """How many questions a rater has answered."""
        with self._open() as base:
            query = "SELECT COUNT(*) FROM answers WHERE rater = ?"
            return int(base.execute(query, (rater,)).fetchone()[0])

    def add(self, rater: int, slot: int, turn: Turn, answer: str, seconds: float) -> bool:
        """Note an answer; the first to a question counts. Returns whether it was that."""
        row = (rater, slot, turn.item, turn.flipped, turn.again, answer, seconds, _now())
        with self._open() as base:
            return base.execute(ANSWER, row).rowcount == 1

    def all(self) -> list[Rating]:
        """Every answer, by rater and question."""
        with self._open() as base:
            rows = base.execute("SELECT * FROM answers ORDER BY rater, slot").fetchall()
        return [Rating(r[0], r[1], r[2], bool(r[3]), bool(r[4]), *r[5:]) for r in rows]

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        """A connection whose changes are on disk, or undone, when it closes."""
        with closing(sqlite3.connect(self.path, timeout=PATIENCE)) as base, base:
            yield base


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
