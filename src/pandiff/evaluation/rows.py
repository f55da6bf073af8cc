"""What was measured of each sample, by its number: the accumulator under all metrics."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from io import BytesIO
from pathlib import Path

import numpy as np

from pandiff.errors import InputError
from pandiff.evaluation.ranks import gather_bytes

SEPARATOR = "#"
"""Between a name and "numbers" in the stored file."""


class Rows:
    """Rows of measurements of samples, under names.

    Metrics are functions of the whole table in the order of the samples. So they are exact: no
    batch, no order and no number of processes changes a bit, and a sample that was measured twice,
    as samplers do to fill up a last batch, counts once.
    """

    def __init__(self) -> None:
        self._rows: dict[str, dict[int, np.ndarray]] = {}

    def add(
        self, name: str, numbers: Iterable[int], rows: Sequence[np.ndarray] | np.ndarray
    ) -> None:
        """Note a row for each of some samples.

        Args:
            name: what was measured.
            numbers: of the samples, 0 or more.
            rows: one for each, a number or an array, all of one shape and type.
        """
        place = self._rows.setdefault(name, {})
        place.update((int(n), np.asarray(row)) for n, row in zip(numbers, rows, strict=True))

    def merge(self, other: Rows) -> None:
        """Take up the rows of another."""
        for name, rows in other._rows.items():
            self._rows.setdefault(name, {}).update(rows)

    def __contains__(self, name: str) -> bool:
        return bool(self._rows.get(name))

    def __iter__(self) -> Iterator[str]:
        return iter(self._rows)

    def numbers(self, name: str) -> np.ndarray:
        """(N,) int64: the numbers of the samples that have rows of this name, ascending."""
        return np.array(sorted(self._rows.get(name, ())), dtype=np.int64)

    def __getitem__(self, name: str) -> np.ndarray:
        """(N, ...): the rows of a name, in the order of the samples' numbers.

        Raises:
            InputError: if nothing was measured under this name.
        """
        if name not in self:
            known = ", ".join(self._rows) or "none"
            raise InputError(f"a measurement ({known})", repr(name), "measure it first")
        return np.stack([self._rows[name][n] for n in self.numbers(name).tolist()])

    def gathered(self) -> Rows:
        """The rows of all processes; each gets all of them."""
        whole = Rows()
        for part in gather_bytes(self._to_bytes()):
            whole.merge(Rows._from_bytes(part))
        return whole

    def save(self, path: Path) -> None:
        """Write an .npz file, complete or not at all."""
        temporary = path.with_name(f".{path.name}.tmp")
        temporary.write_bytes(self._to_bytes())
        os.replace(temporary, path)

    @classmethod
    def load(cls, path: Path) -> Rows:
        """Read what `save` wrote; InputError if the file is missing or another."""
        try:
            return cls._from_bytes(path.read_bytes())
        except (OSError, ValueError, KeyError) as error:
            expected = f"measurements in {path}"
            raise InputError(expected, str(error), "run pandiff evaluate again") from None

    def _to_bytes(self) -> bytes:
        arrays = {name: self[name] for name in self._rows if name in self}
        numbers = {f"{name}{SEPARATOR}numbers": self.numbers(name) for name in arrays}
        file = BytesIO()
        np.savez_compressed(file, **arrays, **numbers)  # type: ignore[arg-type]
        return file.getvalue()

    @classmethod
    def _from_bytes(cls, content: bytes) -> Rows:
        rows = cls()
        with np.load(BytesIO(content), allow_pickle=False) as file:
            for name in file.files:
                if SEPARATOR not in name:
                    rows.add(name, file[f"{name}{SEPARATOR}numbers"].tolist(), file[name])
        return rows
