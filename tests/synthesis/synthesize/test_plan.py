"""Plans: prompts from files and grammars, with the wished balance, slot by slot."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest

from pandiff.data.scenes import TAXONOMY as SCENES
from pandiff.errors import InputError
from pandiff.synthesis.synthesize.plan import Plan, candidate_seed, read_plan


def shares(plan: Plan, count: int = 1500) -> dict[str, float]:
    """Each category's share of all mentions."""
    named = Counter(c for slot in range(count) for c in plan(slot).categories)
    return {c.name: named[c.name] / named.total() for c in SCENES.categories}


def test_prompts_of_a_file_in_turn(tmp_path: Path) -> None:
    path = tmp_path / "prompts.txt"
    path.write_text("﻿a red  car \n\ntwo dogs\r\n", encoding="utf-8")
    plan = read_plan(str(path), SCENES, 0)
    assert [plan(k).text for k in range(4)] == ["a red car", "two dogs"] * 2
    assert plan(1).counts == (("dog", 2),)


def test_captions(tmp_path: Path) -> None:
    path = tmp_path / "captions.json"
    entries = [{"id": k, "image_id": 1, "caption": t} for k, t in enumerate(["a dog", "a car"])]
    path.write_text(json.dumps({"images": [], "annotations": entries}))
    plan = read_plan(str(path), SCENES, 0)
    assert [plan(k).text for k in range(3)] == ["a dog", "a car", "a dog"]


@pytest.mark.parametrize("balance", ["natural", "lift"])
def test_a_slot_does_not_depend_on_others(balance: str) -> None:
    one, other = (read_plan("compose", SCENES, 5, balance) for _ in range(2))
    assert one.settings == other.settings
    assert [one(k) for k in range(20)] == [other(k) for k in reversed(range(20))][::-1]
    assert [one(k) for k in range(20)] != [read_plan("compose", SCENES, 6)(k) for k in range(20)]


def test_another_turn_is_another_prompt(tmp_path: Path) -> None:
    """Of prompts in turn the next; of others another draw."""
    path = tmp_path / "prompts.txt"
    path.write_text("a car\na dog\na boat\n")
    plan = read_plan(str(path), SCENES, 0)
    assert [plan(1, turn).text for turn in range(3)] == ["a dog", "a boat", "a car"]
    for drawn in (read_plan(str(path), SCENES, 0, "lift"), read_plan("compose", SCENES, 0)):
        assert len({drawn(1, turn).text for turn in range(9)}) > 1
        assert drawn(1) == drawn(1, 0)


def test_composed_prompts_lift_the_long_tail() -> None:
    natural, lifted = (shares(read_plan("compose", SCENES, 0, b)) for b in ("natural", "lift"))
    assert min(natural.values()) < 0.02
    assert min(lifted.values()) > 0.03
    assert max(lifted.values()) < 0.15


def test_a_wish(tmp_path: Path) -> None:
    path = tmp_path / "wish.json"
    path.write_text('{"car": 3, "dog": 1}')
    found = shares(read_plan("compose", SCENES, 0, str(path)))
    assert found["car"] > 1.5 * found["dog"] > 0
    assert found["boat"] == 0


def test_given_prompts_lift_the_long_tail(tmp_path: Path) -> None:
    path = tmp_path / "prompts.txt"
    path.write_text("\n".join(["a car"] * 98 + ["a dog", "a boat and a car"]))
    lifted = shares(read_plan(str(path), SCENES, 0, "lift"))
    assert lifted["dog"] == pytest.approx(1 / 3, abs=0.08)
    assert lifted["boat"] > 0.1
    texts = {read_plan(str(path), SCENES, 0, "lift").settings["draws"] for _ in range(2)}
    assert len(texts) == 1


def test_seeds_of_candidates_differ() -> None:
    seeds = {candidate_seed(s, i, k) for s in (0, 1) for i in range(50) for k in range(20)}
    assert len(seeds) == 2000
    assert all(0 <= seed < 2**63 for seed in seeds)


@pytest.mark.parametrize(
    ("name", "content", "balance", "message"),
    [
        ("p.txt", "\n \n", "natural", "expected prompts in .*, got none"),
        ("p.json", "{}", "natural", "captions as COCO has them"),
        ("p.json", "[", "natural", "a correct COCO file"),
        ("p.txt", "a car", "w.json", "a readable file w.json"),
        ("p.txt", "a car", '{"cat": 1}', "a category of the taxonomy"),
        ("p.txt", "a car", '{"car": -1}', "weights of 0 or more .* got car: -1"),
        ("p.txt", "a car", '{"car": true}', "weights of 0 or more"),
        ("p.txt", "a car", "[1]", "an object of weights"),
        ("p.txt", "a car", '{"dog": 1}', "prompts that name a wished category, got none"),
        ("", "", '{"dog": 0}', "a wish for categories that prompts can name, got none"),
    ],
)
def test_wrong_input(name: str, content: str, balance: str, message: str, tmp_path: Path) -> None:
    source = tmp_path / name
    if name:
        source.write_text(content)
    if balance[0] in "[{":
        (tmp_path / "wish.json").write_text(balance)
        balance = str(tmp_path / "wish.json")
    with pytest.raises(InputError, match=message):
        read_plan(str(source) if name else "compose", SCENES, 0, balance)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="prompts in UTF-8"):
        read_plan(str(tmp_path / "no.txt"), SCENES, 0)
    (tmp_path / "odd.txt").write_bytes(b"\xff\xfe\xff")
    with pytest.raises(InputError, match="prompts in UTF-8"):
        read_plan(str(tmp_path / "odd.txt"), SCENES, 0)
