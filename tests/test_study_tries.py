"""What the script says of tries is so for tries that are known, and it runs."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest


@pytest.fixture(scope="module")
def script(load_script: Callable[[str], ModuleType]) -> ModuleType:
    return load_script("study_tries")


@pytest.fixture
def prompts(script: ModuleType) -> list[dict[str, list[Any]]]:
    """Three tries of two prompts; the first claims two categories and a count, the other one."""

    def held(*found: tuple[int, int], claims: tuple[int, int]) -> list[Any]:
        return [script.Held(*one, *claims) for one in found]

    two, one = (2, 1), (1, 0)
    return [
        {
            "0.25": held((2, 1), (1, 1), (2, 1), claims=two),
            "1.0": held((1, 0), (1, 1), (2, 1), claims=two),
        },
        {
            "0.25": held((0, 0), (0, 0), (1, 0), claims=one),
            "1.0": held((0, 0), (1, 0), (1, 0), claims=one),
        },
    ]


def test_the_first_of_the_best(script: ModuleType, prompts: list[Any]) -> None:
    assert script.best_of(prompts, 1) == (1 / 3, 0.0, 1.0)
    assert script.best_of(prompts, 2) == (2 / 3, 1.0, 2.0)
    assert script.best_of(prompts, 3) == (1.0, 1.0, 2.5)


def test_what_an_early_look_promises(script: ModuleType, prompts: list[Any]) -> None:
    kept, dropped = script.promise(prompts, "0.25")
    assert kept == pytest.approx(2 / 3)  # of the three that end whole two looked so
    assert dropped == pytest.approx(2 / 3)  # of the three others two did not


def test_it_runs(script: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "tries.json"
    script.main(
        [*["--prompts", "2", "--tries", "2", "--steps", "4", "--kept", "1", "3", "--out"], str(out)]
    )
    found = json.loads(out.read_text())
    assert [len(one["0.25"]) for one in found["prompts"]] == [2, 2]
    assert found["settings"]["steps"] == 4
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "| tries | categories | counts exact | tries made |"
    assert len(lines) == 2 + 2 + 1 + 2 + 3 + 1 + 2 + 2
    assert lines[-2].startswith("| 1 | ") and lines[-1].startswith("| 3 | ")
    first = found["kept"]["1"]
    assert first["held"] == [one["1.0"][0] for one in found["prompts"]], "the first try is the same"
    assert first["tries"] == [1, 1] and max(found["kept"]["3"]["tries"]) <= 3


def test_too_few_steps_to_look_at(script: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        script.main(["--steps", "3"])
    assert "expected --steps of 4 or more, got 3" in capsys.readouterr().err
