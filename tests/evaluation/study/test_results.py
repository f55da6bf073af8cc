"""The report against raters whose minds are known."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest

from pandiff.evaluation.study.answers import CHOICE, Answers, value
from pandiff.evaluation.study.items import SCORE
from pandiff.evaluation.study.ratings import Rating
from pandiff.evaluation.study.report import write_report
from pandiff.evaluation.study.results import results
from pandiff.evaluation.study.study import Settings, Study, make_study
from pandiff.evaluation.study.words import sentences


def opinion(study: Study, rater: int, how: str) -> None:
    """All answers of a rater who follows confidence, its opposite, or the left side."""
    token = study.ratings.join(f"{how} {rater}")
    number = study.ratings.rater(token)
    assert number is not None
    for slot, turn in enumerate(study.turns(number)):
        item = study.items[turn.item]
        sure = [study.shown[k, item.key].measures["confidence"] for k in item.sets]
        sign = -1 if how == "contrary" else 1
        if item.kind == SCORE:
            answer = str(round(3 + sign * 5 * (sure[0] - 0.65)))
        elif how == "left":
            answer = "left"
        else:
            second = sign * (sure[1] - sure[0]) > 0
            answer = "left" if second == turn.flipped else "right"
        study.ratings.add(number, slot, turn, answer, 2.0 + slot)


def report_of(study: Study) -> dict:  # type: ignore[type-arg]
    return results(Answers(study, study.ratings.all()))


def test_raters_who_follow_confidence(study: Study) -> None:
    for rater in range(3):
        opinion(study, rater, "sure")
    report = report_of(study)
    (row,) = report["preference"]
    assert row["sets"] == ["right", "worse"]
    assert row["share"]["value"] == row["share"]["high"] == 0 and row["answers"]["second"] == 0
    assert report["agreement"][SCORE]["alpha"]["value"] == 1
    assert report["agreement"][CHOICE]["identical"]["value"] == 1
    for kind in (CHOICE, SCORE):
        assert report["consistency"][kind]["same"]["value"] == 1
        assert report["per_question"][kind]["most"] - report["per_question"][kind]["fewest"] <= 1
    scored = report["measures"][SCORE]["confidence"]["spearman"]
    assert scored["value"] > 0.8 and scored["n"] == 6
    assert report["measures"][CHOICE]["confidence"]["same_choice"]["value"] == 1
    assert report["score"]["right"]["mean"]["value"] > report["score"]["worse"]["mean"]["value"]
    assert report["answers"] == 24 and len(report["raters"]) == 3
    assert abs(report["left"]["value"] - 0.5) <= 0.2
    assert "People prefer right to worse: 100" in " ".join(sentences(report))


def test_contrary_raters_turn_everything_round(study: Study) -> None:
    opinion(study, 0, "contrary")
    report = report_of(study)
    assert report["preference"][0]["share"]["value"] == 1
    assert report["measures"][SCORE]["confidence"]["spearman"]["value"] < -0.8
    assert report["measures"][CHOICE]["confidence"]["same_choice"]["value"] == 0
    assert report["agreement"][SCORE]["alpha"]["n"] == 0  # one rater has nobody to agree with


def test_a_rater_who_does_not_look(study: Study) -> None:
    for rater in range(4):
        opinion(study, rater, "left")
    report = report_of(study)
    assert report["left"]["value"] == 1
    assert report["consistency"][CHOICE]["same"]["value"] == 0  # the sides were changed
    assert 0.3 <= report["preference"][0]["share"]["value"] <= 0.7
    assert "It is not decided" in " ".join(sentences(report))


def test_repeats_do_not_count_twice(study: Study) -> None:
    opinion(study, 0, "sure")
    answers = Answers(study, study.ratings.all())
    assert len(answers.ratings) > len(answers.first) == 8
    assert len(answers.twice(CHOICE)) + len(answers.twice(SCORE)) == len(answers.ratings) - 8


@pytest.mark.parametrize(
    ("answer", "flipped", "expected"),
    [("left", False, -1), ("right", False, 1), ("left", True, 1), ("right", True, -1),
     ("same", True, 0), ("4", False, 4)],
)  # fmt: skip
def test_sides_are_undone(answer: str, flipped: bool, expected: float) -> None:
    assert value(Rating(0, 0, 0, flipped, False, answer, 1.0, "")) == expected


def test_mcd_counts_the_other_way(study: Study) -> None:
    for k, shown in enumerate(study.shown.values()):
        shown.measures.update(mcd=k / 10)  # type: ignore[attr-defined]
    opinion(study, 0, "sure")
    points = Answers(study, study.ratings.all()).points(SCORE, "mcd")
    known = [study.shown[study.items[k].sets[0], study.items[k].key] for k in points.items]
    assert np.array_equal(points.measure, [-s.measures["mcd"] for s in known])


def test_the_page(study: Study) -> None:
    for rater in range(3):
        opinion(study, rater, "sure")
    said = write_report(study.path)
    content = json.loads((study.path / "report.json").read_text())
    assert content["sentences"] == said and said[0] == "3 raters gave 24 answers."
    page = (study.path / "report.html").read_text()
    for heading in ("Summary", "Preferences", "Scores", "Measures", "Agreement", "Examples"):
        assert f">{heading}</h2>" in page
    assert all(u.startswith("data:image/png") for u in re.findall(r"url\(([^)]*)\)", page))
    assert not re.search(r"(src|href)=[\"']?https?:", page)
    words = re.sub(r"url\([^)]*\)", "", page)
    assert "NaN" not in words and ">nan" not in words
    assert "sure 0" not in words  # the names of raters stay private


def test_nobody_has_answered(study: Study) -> None:
    assert write_report(study.path) == ["Nobody has answered yet."]
    json.loads((study.path / "report.json").read_text())


def test_three_sets_have_strengths(sets: dict[str, Path], tmp_path: Path) -> None:
    study = make_study(tmp_path / "s", Settings(tuple(map(str, sets.values())), 9, 6, 15))
    for rater in range(3):
        opinion(study, rater, "sure")
    found = report_of(study)["strength"]
    assert found["right"]["value"] > max(found["worse"]["value"], found["other"]["value"])
    assert "strength" in (write_report(study.path) and (study.path / "report.html").read_text())
