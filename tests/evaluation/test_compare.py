"""Comparison of runs: the same run, a better one, and runs that cannot be compared."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest

from pandiff.cli import main
from pandiff.data.scenes import TAXONOMY
from pandiff.errors import InputError
from pandiff.evaluation.compare import better, compare, holm
from pandiff.evaluation.evaluate import METRICS, ROWS, SETTINGS, report
from pandiff.evaluation.measuring import Judges, Measuring
from pandiff.evaluation.questions import SceneQuestions
from pandiff.evaluation.rows import Rows
from pandiff.evaluation.run_names import short_names
from pandiff.evaluation.sample_sets import REFERENCE, TEXT, Make, Sample, fill, real

COUNT = 10
SETUP = {"model": "m", "data": "scenes", "count": COUNT, "seed": 0, "steps": 1, "clip": None,
         "guidance_scale": 3, "date": "2026-01-01", "segmenter": None, "command": ""}  # fmt: skip


def write_run(path: Path, make: Make, **setup: object) -> Path:
    """A run whose samples are made without a model."""
    questions = SceneQuestions(32)
    makers = {REFERENCE: real(questions), TEXT: make}
    sets = {n: fill(path / "samples" / n, TAXONOMY, COUNT, 5, m) for n, m in makers.items()}
    rows = Measuring(sets, Judges()).run()
    rows.save(path / ROWS)
    (path / METRICS).write_text(json.dumps(report(rows, TAXONOMY, SETUP | setup)))
    (path / SETTINGS).write_text("{}")
    return path


def wrong(numbers):  # type: ignore[no-untyped-def]
    """Samples that show another scene than the prompt's."""
    for k, asked in ((k, SceneQuestions(32)(k)) for k in numbers):
        other = SceneQuestions(32)(k + 100)
        yield Sample(other.image, other.panoptic, {"prompt": asked.prompt, "sharpness": 0.2})


def right(numbers):  # type: ignore[no-untyped-def]
    for one in real(SceneQuestions(32))(numbers):
        yield Sample(one.image, one.panoptic, {**one.record, "sharpness": 0.9})


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Samples of wrong scenes, and of the right ones."""
    root = tmp_path_factory.mktemp("runs")
    return write_run(root / "wrong", wrong), write_run(root / "right", right)


def row_of(result: dict, section: str, name: str) -> dict:  # type: ignore[type-arg]
    (row,) = [r for r in result["metrics"] if (r["section"], r["name"]) == (section, name)]
    return row


def test_a_better_run(runs: tuple[Path, Path], tmp_path: Path) -> None:
    result = compare(runs, tmp_path)
    assert json.loads((tmp_path / "compare.json").read_text()) == result
    row = row_of(result, "truth_map", "categories")
    (found,) = row["differences"]
    assert (
        found["value"] == pytest.approx(row["values"][1] - row["values"][0]) and found["value"] > 0
    )
    assert 0 < found["low"] <= found["value"] <= found["high"]
    assert found["significant"] and found["better"]
    mcd = row_of(result, "map", "mcd")["differences"][0]
    assert mcd["value"] < 0 and mcd["better"] and mcd["significant"]
    assert {r["section"] for r in result["metrics"]} == {"map", "truth_map"}


def test_the_other_way_round(runs: tuple[Path, Path], tmp_path: Path) -> None:
    one, other = compare(runs, tmp_path), compare(runs[::-1], tmp_path)
    for a, b in zip(one["metrics"], other["metrics"], strict=True):
        x, y = a["differences"][0], b["differences"][0]
        assert x["value"] == -y["value"] and x["significant"] == y["significant"]
        assert x["p"] == pytest.approx(y["p"])


def test_the_same_run_does_not_differ(runs: tuple[Path, Path], tmp_path: Path) -> None:
    shutil.copytree(runs[0], tmp_path / "again")
    result = compare([runs[0], tmp_path / "again"], tmp_path / "out")
    found = [r["differences"][0] for r in result["metrics"]]
    assert {d["value"] for d in found} == {0.0} and {d["p"] for d in found} == {1.0}
    assert not any(d["significant"] for d in found)


def test_by_command(
    runs: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["evaluate", "--compare", *map(str, runs), "--out", str(tmp_path)]) == 0
    assert re.search(r"right: \d+ of \d+ numbers are significantly better", capsys.readouterr().out)
    page = (tmp_path / "compare.html").read_text()
    assert 'name="viewport"' in page and "Comparison of wrong and right" in page
    assert not re.search(r"(src|href)=[\"']?https?:", page)


@pytest.mark.parametrize(
    ("setup", "message"),
    [({"seed": 3}, "runs of one seed, 0"), ({"segmenter": "other"}, "runs of one segmenter, None")],
)
def test_runs_that_cannot_be_compared(
    runs: tuple[Path, Path], tmp_path: Path, setup: dict[str, object], message: str
) -> None:
    shutil.copytree(runs[0], tmp_path / "odd")
    content = json.loads((tmp_path / "odd" / METRICS).read_text())
    content["setup"] |= setup
    (tmp_path / "odd" / METRICS).write_text(json.dumps(content))
    with pytest.raises(InputError, match=message):
        compare([runs[0], tmp_path / "odd"], tmp_path / "out")


def test_an_unfinished_run(runs: tuple[Path, Path], tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"a finished evaluation in .*no settings\.json"):
        compare([runs[0], tmp_path], tmp_path / "out")
    with pytest.raises(InputError, match="two or more runs"):
        compare(runs[:1], tmp_path / "out")


def test_short_names(tmp_path: Path) -> None:
    paths = [tmp_path / p for p in ("a/run", "b/run", "c/other")]
    assert short_names(paths[1:]) == ["run", "other"]
    assert short_names(paths) == ["a/run", "b/run", "c/other"]
    with pytest.raises(InputError, match="runs that differ"):
        short_names([tmp_path, tmp_path])


def test_holm() -> None:
    assert holm([0.01, 0.04, 0.03, 0.005]) == [True, False, False, True]
    assert holm([0.04]) == [True] and holm([]) == []
    assert holm([0.2, 0.001]) == [False, True]


def test_which_way_is_better() -> None:
    assert better("inception.frechet", -1) is True and better("pq_all", -0.1) is False
    assert better("border_ratio", 0.2) is None and better("miou_ratio", 0.0) is None


def test_rows_of_both_are_of_the_same_prompts(runs: tuple[Path, Path]) -> None:
    one, other = (Rows.load(run / ROWS) for run in runs)
    assert np.array_equal(one["reference/shares"], other["reference/shares"])
    assert not np.array_equal(one["text/shares"], other["text/shares"])
