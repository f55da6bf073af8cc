"""The store: many raters at once, double submits, a process that is killed."""

from __future__ import annotations

import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from pandiff.evaluation.study.ratings import NameTaken, Ratings
from pandiff.evaluation.study.turns import Turn


def test_what_was_said_comes_back(tmp_path: Path) -> None:
    ratings = Ratings(tmp_path / "r.sqlite")
    rater = ratings.rater(ratings.join("Ann"))
    assert rater == 0
    assert ratings.add(0, 0, Turn(5, flipped=True), "left", 1.5)
    (one,) = Ratings(tmp_path / "r.sqlite").all()
    assert (one.rater, one.slot, one.item, one.flipped, one.again, one.answer, one.seconds) == (
        0, 0, 5, True, False, "left", 1.5,
    )  # fmt: skip


def test_the_first_answer_counts(tmp_path: Path) -> None:
    ratings = Ratings(tmp_path / "r.sqlite")
    ratings.join("Ann")
    assert ratings.add(0, 0, Turn(5), "left", 1)
    assert not ratings.add(0, 0, Turn(5), "right", 2)
    assert [r.answer for r in ratings.all()] == ["left"] and ratings.answered(0) == 1


def test_names_are_not_shared(tmp_path: Path) -> None:
    ratings = Ratings(tmp_path / "r.sqlite")
    token = ratings.join("Ann")
    with pytest.raises(NameTaken, match="nobody has, got 'ann'; choose another"):
        ratings.join("ann")
    assert ratings.rater(token) == 0 and ratings.rater("nonsense") is None


def test_many_at_once(tmp_path: Path) -> None:
    path = tmp_path / "r.sqlite"
    Ratings(path)

    def rate(name: int) -> int:
        ratings = Ratings(path)
        rater = ratings.rater(ratings.join(str(name)))
        assert rater is not None
        for slot in range(10):
            assert ratings.add(rater, slot, Turn(slot), "same", 0.1)
            assert not ratings.add(rater, slot, Turn(slot), "same", 0.1)
        return rater

    with ThreadPoolExecutor(8) as pool:
        raters = list(pool.map(rate, range(8)))
    assert sorted(raters) == list(range(8))
    assert len(Ratings(path).all()) == 80


KILLED = """
import os, signal, sys
from pathlib import Path
from pandiff.evaluation.study.ratings import Ratings
from pandiff.evaluation.study.turns import Turn
ratings = Ratings(Path(sys.argv[1]))
ratings.join("Ann")
for slot in range(5):
    ratings.add(0, slot, Turn(slot), "same", 1.0)
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_crash_loses_nothing(tmp_path: Path) -> None:
    path = tmp_path / "r.sqlite"
    done = subprocess.run([sys.executable, "-c", KILLED, str(path)], timeout=300)
    assert done.returncode == -signal.SIGKILL
    assert len(Ratings(path).all()) == 5
