"""The journal: lines are whole or not there, whatever happens."""

from __future__ import annotations

import os
import resource
from pathlib import Path

import pytest

from pandiff.errors import InputError
from pandiff.synthesis.synthesize.journal import Journal, Line, Place


def lines(journal: Journal) -> list[Line]:
    return [line for _, line in journal.news()]


def test_all_parts_are_read_once(tmp_path: Path) -> None:
    with Journal(tmp_path, 0) as one, Journal(tmp_path, 1) as other:
        assert one.add({"slot": 0}) == Place(0, 0)
        place = other.add({"slot": 1})
        assert lines(one) == [{"slot": 1}], "its own it knows"
        assert lines(other) == [{"slot": 0}]
        assert lines(one) == lines(other) == []
        other.add({"slot": 3})
        assert lines(one) == [{"slot": 3}]
        assert one.at(place) == {"slot": 1}


def test_a_new_process_reads_its_own_too(tmp_path: Path) -> None:
    with Journal(tmp_path, 0) as journal:
        places = [journal.add({"slot": k}) for k in range(3)]
    with Journal(tmp_path, 0) as journal:
        assert list(journal.news()) == [(p, {"slot": k}) for k, p in enumerate(places)]
        last = journal.add({"slot": 3})
        assert lines(journal) == []
        assert journal.at(last) == {"slot": 3}


@pytest.mark.parametrize("torn", [b'{"slot": 1', b"{", b'{"slot": 1}'])
def test_half_a_line_is_not_there(torn: bytes, tmp_path: Path) -> None:
    with Journal(tmp_path, 0) as journal:
        journal.add({"slot": 0})
    part = tmp_path / "part-00000.jsonl"
    part.write_bytes(part.read_bytes() + torn)
    with Journal(tmp_path, 1) as other:
        assert lines(other) == [{"slot": 0}]
    with Journal(tmp_path, 0) as journal:
        assert lines(journal) == [{"slot": 0}]
        journal.add({"slot": 1})
    assert part.read_bytes() == b'{"slot": 0}\n{"slot": 1}\n'


def test_a_full_disk_leaves_no_half_line(tmp_path: Path) -> None:
    """A limit on the size of files fails as a full disk does, in the middle of a line."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    with Journal(tmp_path, 0) as journal:
        journal.add({"slot": 0})
        try:
            resource.setrlimit(resource.RLIMIT_FSIZE, (30, before[1]))
            with pytest.raises(OSError, match="File too large"):
                journal.add({"slot": 1, "text": "x" * 100})
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)
        assert (tmp_path / "part-00000.jsonl").read_bytes() == b'{"slot": 0}\n'
        assert journal.at(journal.add({"slot": 1})) == {"slot": 1}


def test_one_process_at_a_time(tmp_path: Path) -> None:
    with Journal(tmp_path / "set" / "work", 0):
        with pytest.raises(InputError, match=r"got another process at work in \S+/set; wait"):
            Journal(tmp_path / "set" / "work", 0)
        Journal(tmp_path / "set" / "work", 1)
    Journal(tmp_path / "set" / "work", 0)
    assert len(os.listdir(tmp_path / "set" / "work")) == 2
