"""What raters may ask and answer; what they are not told."""

from __future__ import annotations

import json

import pytest

from pandiff.errors import InputError
from pandiff.evaluation.study.desk import Desk, NotJoined
from pandiff.evaluation.study.study import Study


@pytest.fixture
def desk(study: Study) -> Desk:
    return Desk(study, study.ratings)


def test_from_the_first_question_to_the_last(desk: Desk) -> None:
    token = desk.join("  Ann  Lee ")["rater"]
    state, turns = desk.question(token), desk.study.turns(0)
    for slot, turn in enumerate(turns):
        asked = state["question"]
        assert (state["done"], state["total"], asked["slot"]) == (slot, len(turns), slot)
        assert state == desk.question(token)  # a reload shows the same
        state = desk.answer(token, slot, asked["answers"][0], 1.25)
        assert desk.ratings.all()[-1].item == turn.item
    assert state == {"done": len(turns), "total": len(turns), "question": None}
    assert len(desk.ratings.all()) == len(turns) > 8


def test_sides_are_those_of_the_design(desk: Desk) -> None:
    for rater in range(4):
        token = desk.join(str(rater))["rater"]
        for turn in desk.study.turns(rater):
            asked, item = desk.question(token)["question"], desk.study.items[turn.item]
            sets = item.sets[::-1] if turn.flipped else item.sets
            expected = [desk.study.shown[k, item.key].panoptic for k in sets]
            assert [s["map"] for s in asked["shown"]] == expected
            desk.answer(token, asked["slot"], asked["answers"][-1], 1)


def test_nothing_tells_which_set_is_which(desk: Desk) -> None:
    token = desk.join("Ann")["rater"]
    for slot in range(len(desk.study.turns(0))):
        state = desk.question(token)
        words = json.dumps(state)
        assert "right/" not in words and "worse" not in words and "confidence" not in words
        assert set(state["question"]) == {"slot", "kind", "shown", "legend", "answers", "scored"}
        desk.answer(token, slot, state["question"]["answers"][0], 1)


def test_a_double_submit_counts_once(desk: Desk) -> None:
    token = desk.join("Ann")["rater"]
    one = desk.answer(token, 0, "left", 1)
    assert desk.answer(token, 0, "right", 1) == one and one["done"] == 1
    assert [r.answer for r in desk.ratings.all()] == ["left"]


@pytest.mark.parametrize(
    ("slot", "answer", "seconds", "message"),
    [
        (1, "left", 1, "an answer to question 0, got one to 1"),
        (-1, "left", 1, "a question of 0 to"),
        (99, "left", 1, "a question of 0 to"),
        (True, "left", 1, "a question of 0 to"),
        ("0", "left", 1, "a question of 0 to"),
        (None, "left", 1, "a question of 0 to"),
        (0, "3", 1, "one of left, same, right, got '3'"),
        (0, ["left"], 1, "one of left, same, right"),
        (0, None, 1, "one of left, same, right"),
        (0, "left", "soon", "seconds, got 'soon'"),
        (0, "left", float("nan"), "seconds, got nan"),
        (0, "left", None, "seconds, got None"),
    ],
)
def test_odd_answers_leave_nothing(
    desk: Desk, slot: object, answer: object, seconds: object, message: str
) -> None:
    token = desk.join("Ann")["rater"]
    with pytest.raises(InputError, match=message):
        desk.answer(token, slot, answer, seconds)
    assert desk.ratings.all() == []


def test_strangers(desk: Desk) -> None:
    for token in (None, 0, "", "nonsense", ["x"]):
        with pytest.raises(NotJoined):
            desk.question(token)
        with pytest.raises(NotJoined):
            desk.answer(token, 0, "left", 1)


@pytest.mark.parametrize("name", ["", "   ", None, 7, "x" * 61])
def test_odd_names(desk: Desk, name: object) -> None:
    with pytest.raises(InputError, match="a name of 1 to 60 letters"):
        desk.join(name)


def test_times_are_kept_in_bounds(desk: Desk) -> None:
    token = desk.join("Ann")["rater"]
    desk.answer(token, 0, "left", -3)
    desk.answer(token, 1, "left", 1e9)
    assert [r.seconds for r in desk.ratings.all()] == [0, 86400]
