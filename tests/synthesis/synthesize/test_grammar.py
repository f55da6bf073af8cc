"""Composed prompts: their claims are those of their words, and every category can be asked for."""

from __future__ import annotations

import numpy as np
import pytest

from pandiff.data.scenes import TAXONOMY as SCENES
from pandiff.errors import InputError
from pandiff.prompts.vocabulary import Vocabulary
from pandiff.synthesis.synthesize.grammar import grammar_of
from pandiff.taxonomy import Category, Taxonomy

PLAIN = Taxonomy(
    (
        Category(1, "person", True, supercategory="person"),
        Category(2, "traffic light", True),
        Category(3, "bus", True),
        Category(4, "wall-other-merged", False),
        Category(5, "sky-other-merged", False),
    )
)
THINGS = Taxonomy((Category(1, "box", True), Category(2, "ball", True)))
STUFF = Taxonomy((Category(1, "grass", False), Category(2, "sky", False)))
ALL = {"scenes": SCENES, "plain": PLAIN, "things": THINGS, "stuff": STUFF}


@pytest.mark.parametrize("taxonomy", ALL.values(), ids=ALL)
def test_claims_are_those_of_the_words(taxonomy: Taxonomy) -> None:
    grammar, vocabulary = grammar_of(taxonomy), Vocabulary(taxonomy)
    rng = np.random.default_rng(0)
    for _ in range(300):
        caption = grammar.compose(rng, grammar.natural)
        read = vocabulary.read(caption.text)
        assert set(read.categories) == set(caption.categories), caption
        assert set(read.counts) == set(caption.counts), caption


@pytest.mark.parametrize("taxonomy", ALL.values(), ids=ALL)
def test_every_category_can_be_asked_for(taxonomy: Taxonomy) -> None:
    grammar, rng = grammar_of(taxonomy), np.random.default_rng(0)
    assert set(grammar.natural) == {c.name for c in taxonomy.categories}
    for category in taxonomy.categories:
        weights = dict.fromkeys(grammar.natural, 0.0) | {category.name: 1.0}
        named = [grammar.compose(rng, weights).categories for _ in range(20)]
        assert sum(category.name in some for some in named) >= 5, category.name


def test_people_and_animals_are_not_painted() -> None:
    grammar, rng = grammar_of(PLAIN), np.random.default_rng(0)
    painted = {c for _ in range(500) for c, *_ in grammar.compose(rng, grammar.natural).colors}
    assert painted == {"traffic light", "bus"}


def test_names_that_cannot_be_spoken() -> None:
    with pytest.raises(InputError, match="names in Latin letters"):
        grammar_of(Taxonomy((Category(1, "猫", True),)))
