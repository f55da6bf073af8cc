"""What prompts claim, read off their words."""

from __future__ import annotations

import pytest

from pandiff.data.scenes import TAXONOMY as SCENES
from pandiff.data.scenes import make_scene
from pandiff.prompts.vocabulary import Vocabulary
from pandiff.prompts.words import counted, plural
from pandiff.taxonomy import Category, Taxonomy

COCO = Taxonomy(
    (
        Category(1, "person", True),
        Category(2, "bus", True),
        Category(3, "dog", True),
        Category(4, "hot dog", True),
        Category(5, "traffic light", True),
        Category(6, "sheep", True),
        Category(7, "wall-other-merged", False),
        Category(8, "car, auto", True),
    )
)


@pytest.mark.parametrize(
    ("prompt", "categories", "counts"),
    [
        ("two red cars on a road", ["car", "road"], {"car": 2}),
        ("two red cars and a blue car", ["car"], {"car": 3}),
        ("a couple of sheep in a meadow", ["sheep", "grass"], {"sheep": 2}),
        ("some trees under the stars", ["tree", "sky"], {}),
        ("a hot air balloon in the air", ["balloon", "sky"], {"balloon": 1}),
        ("14 birds", ["bird"], {"bird": 14}),
        ("a dog; the dog is brown", ["dog"], {"dog": 1}),
        ("the two dogs", ["dog"], {"dog": 2}),
        ("a field of snow without people", ["snow"], {"person": 0}),
        ("no cars on the road", ["road"], {"car": 0}),
        ("a person walking dogs", ["person", "dog"], {"person": 1}),
        ("a flock of sheep", ["sheep"], {}),
        ("cars and two more cars", ["car"], {}),
        ("Three BOATS, a dog!", ["boat", "dog"], {"boat": 3, "dog": 1}),
        ("a beautiful evening", [], {}),
        ("", [], {}),
    ],
)
def test_scenes(prompt: str, categories: list[str], counts: dict[str, int]) -> None:
    caption = Vocabulary(SCENES).read(prompt)
    assert (caption.text, set(caption.categories)) == (prompt, set(categories))
    assert dict(caption.counts) == counts


@pytest.mark.parametrize(
    ("prompt", "categories", "counts"),
    [
        ("two hot dogs and a dog", ["hot dog", "dog"], {"hot dog": 2, "dog": 1}),
        ("three buses at traffic-lights", ["bus", "traffic light"], {"bus": 3}),
        ("an auto and a car by a wall", ["car, auto", "wall-other-merged"], {"car, auto": 2}),
        ("five people in a meadow", ["person"], {"person": 5}),
        ("a large brown friendly dog", ["dog"], {"dog": 1}),
        ("a very large brown friendly dog", ["dog"], {}),
    ],
)
def test_any_taxonomy(prompt: str, categories: list[str], counts: dict[str, int]) -> None:
    caption = Vocabulary(COCO).read(prompt)
    assert set(caption.categories) == set(categories)
    assert dict(caption.counts) == counts


def test_captions_of_scenes_are_understood() -> None:
    """What is read is what their makers claim; "a" in a caption without numbers is a number."""
    vocabulary = Vocabulary(SCENES)
    captions = [c for k in range(60) for c in make_scene(1, k, 64).captions]
    read = [vocabulary.read(c.text) for c in captions]
    pairs = list(zip(captions, read, strict=True))
    assert sum(set(a.categories) == set(b.categories) for a, b in pairs) >= 0.99 * len(pairs)
    assert all(set(a.counts) <= set(b.counts) for a, b in pairs)


def test_words() -> None:
    nouns = ("dog", "bus", "traffic light", "person", "sheep", "berry", "toy", "bench")
    several = ("dogs", "buses", "traffic lights", "people", "sheep", "berries", "toys", "benches")
    assert tuple(map(plural, nouns)) == several
    assert counted("orange", "bus", 1) == "an orange bus"
    assert counted("", "person", 3) == "three people"
    assert counted("red", "car", 14) == "14 red cars"


def test_names_that_are_no_words() -> None:
    taxonomy = Taxonomy((Category(1, "猫", True),))
    assert Vocabulary(taxonomy).read("a cat").categories == ()
