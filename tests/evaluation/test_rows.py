"""The accumulator: no batch, order, repetition or number of processes changes a bit."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pandiff.errors import InputError
from pandiff.evaluation.rows import Rows

VALUES = np.random.default_rng(0).normal(size=(12, 3))


@given(st.permutations(range(12)), st.integers(1, 12), st.lists(st.integers(0, 11)))
def test_batches_order_and_repetition_change_nothing(
    order: list[int], batch: int, again: list[int]
) -> None:
    parts, whole = [], Rows()
    for start in range(0, 12, batch):
        some = order[start : start + batch]
        parts.append(Rows())
        parts[-1].add("x", some, VALUES[some])
        parts[-1].add("n", some, np.array(some))
    for part in reversed(parts):
        whole.merge(part)
    whole.add("x", again, VALUES[again])
    assert whole["x"].tobytes() == VALUES.tobytes()
    assert whole["n"].tolist() == list(range(12))


def test_two_processes_are_as_one(
    in_two_processes: Callable[[Callable[[int], None]], None], tmp_path: Path
) -> None:
    def work(rank: int) -> None:
        mine = Rows()
        mine.add("x", range(rank, 12, 2), VALUES[rank::2])
        if rank:
            mine.add("only here", [3], np.array([7]))
        mine.gathered().save(tmp_path / f"{rank}.npz")

    in_two_processes(work)
    for rank in (0, 1):
        whole = Rows.load(tmp_path / f"{rank}.npz")
        assert whole["x"].tobytes() == VALUES.tobytes()
        assert whole["only here"].tolist() == [7] and whole.numbers("only here").tolist() == [3]


def test_stored_and_loaded(tmp_path: Path) -> None:
    rows = Rows()
    rows.add("a/b", [5, 2], [np.ones((2, 2), np.float32), np.zeros((2, 2), np.float32)])
    rows.save(tmp_path / "rows.npz")
    loaded = Rows.load(tmp_path / "rows.npz")
    assert loaded["a/b"].dtype == np.float32 and loaded["a/b"][:, 0, 0].tolist() == [0, 1]
    assert list(loaded) == ["a/b"] and "a" not in loaded
    assert [p.name for p in tmp_path.iterdir()] == ["rows.npz"]


def test_what_was_not_measured() -> None:
    rows = Rows()
    rows.add("clip", [0], np.ones(1))
    with pytest.raises(InputError, match=r"expected a measurement \(clip\), got 'fid'"):
        rows["fid"]


def test_a_file_that_is_another(tmp_path: Path) -> None:
    (tmp_path / "rows.npz").write_text("no")
    for name in ("rows.npz", "missing.npz"):
        with pytest.raises(InputError, match="expected measurements in"):
            Rows.load(tmp_path / name)
