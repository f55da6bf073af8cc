"""Names of other lists found in ours."""

from __future__ import annotations

import numpy as np
import pytest

from pandiff.errors import InputError
from pandiff.evaluation.names import known_categories, matched
from pandiff.prompts.words import plain
from pandiff.taxonomy import Category, Taxonomy

NAMES = ("tree-merged", "Traffic Light", "car", "wall-brick", "stuff", "cars")
OURS = Taxonomy(tuple(Category(10 * k, name, True) for k, name in enumerate(NAMES, start=1)))


@pytest.mark.parametrize(
    ("label", "category"),
    [
        ("tree", 10),
        ("tree-other-merged", 10),
        ("traffic_light", 20),
        ("car, auto, automobile", 30),
        ("automobile; car", 30),
        ("cars", 60),
        ("wall-brick", 40),
        ("wall", 0),
        ("stuff", 50),
    ],
)
def test_a_label(label: str, category: int) -> None:
    found = matched({0: "car", 7: label}, OURS)
    assert found == {0: 30, 7: category}


def test_plain() -> None:
    assert plain("Wall-other-merged") == "wall" and plain("stuff") == "stuff"


def test_what_a_segmenter_knows() -> None:
    known = known_categories(matched({0: "car", 1: "tree", 2: "moon"}, OURS), OURS)
    assert np.flatnonzero(known).tolist() == [1, 3]


def test_none_in_common() -> None:
    with pytest.raises(InputError, match=r"knows some of: tree-merged, .*got moon, sun"):
        matched({0: "moon", 1: "sun"}, OURS)
