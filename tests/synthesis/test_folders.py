"""Output folders: whole or not at all, and never a foreign one."""

from __future__ import annotations

from pathlib import Path

import pytest

from pandiff.errors import InputError
from pandiff.synthesis.demo import check_replaceable
from pandiff.synthesis.folders import check_new, new_folder


def test_new_and_empty_folders(tmp_path: Path) -> None:
    check_new(tmp_path / "new")
    check_new(tmp_path)
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match="a folder that is not empty"):
        check_new(tmp_path)
    with pytest.raises(InputError, match="a file"):
        check_new(tmp_path / "file")


@pytest.mark.parametrize("out", [".", "..", ""])
def test_the_working_folder_is_not_replaced(
    out: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    for use in (check_new, check_replaceable, lambda path: new_folder(path).__enter__()):
        with pytest.raises(InputError, match="the folder that this runs in"):
            use(Path(out))
    assert list(tmp_path.rglob("*")) == [tmp_path / "here"]


def test_it_appears_at_the_end(tmp_path: Path) -> None:
    out = tmp_path / "deep/out"
    with new_folder(out) as fresh:
        (fresh / "file").touch()
        assert not out.exists()
    assert [p.name for p in out.iterdir()] == ["file"]
    assert [p.name for p in out.parent.iterdir()] == ["out"]


def test_it_takes_the_place_of_another(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out/old").touch()
    with new_folder(tmp_path / "out") as fresh:
        (fresh / "new").touch()
    assert [p.name for p in (tmp_path / "out").iterdir()] == ["new"]
    assert [p.name for p in tmp_path.iterdir()] == ["out"]


@pytest.mark.parametrize("error", [KeyboardInterrupt, ValueError])
def test_nothing_is_left_of_a_failure(error: type[BaseException], tmp_path: Path) -> None:
    with pytest.raises(error), new_folder(tmp_path / "out") as fresh:
        (fresh / "file").touch()
        raise error
    assert not list(tmp_path.iterdir())
