"""The arguments of `pandiff edit`: what does not belong to a verb is refused before any work."""

from __future__ import annotations

from pathlib import Path

import pytest

from pandiff.cli import main

SEGMENT, CATEGORY = ("--segment", "4"), ("--category", "dog")
BOX = ("--box", "0", "0", "9", "9")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["remove", *SEGMENT, *CATEGORY, *BOX],
            "--segment to remove, got --category and --box too; leave out the rest",
        ),
        (["remove", *SEGMENT, *BOX], "--segment to remove, got --box too"),
        (["add", *CATEGORY, *BOX, *SEGMENT], "--category and --box to add, got --segment too"),
        (["replace", *SEGMENT, *CATEGORY, *BOX], "--segment and --category to replace, got --box"),
        (["redo", *SEGMENT, *BOX], "--segment or --box to redo, got both; leave one out"),
        (["redo", *BOX, *CATEGORY], "--segment or --box to redo, got --category too"),
        (["remove", *SEGMENT, "--prompt", "  "], "prompts with words, got a blank one"),
    ],
)
def test_what_is_refused(
    arguments: list[str], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given = ["--image", "a.png", "--map", "b.png", "--out", str(tmp_path / "out")]
    assert main(["edit", *arguments, *given]) == 2
    out, err = capsys.readouterr()
    assert message in err
    assert (out, err.count("\n")) == ("", 1)
    assert not (tmp_path / "out").exists()


def test_an_empty_prompt_means_any(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    given = ["--image", str(tmp_path / "none.png"), "--map", "b.png", "--out", str(tmp_path / "o")]
    assert main(["edit", "remove", *SEGMENT, "--prompt", "", *given]) == 2
    assert "a readable image" in capsys.readouterr().err
