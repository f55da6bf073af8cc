"""Prompts composed from a taxonomy: counts, colours, grounds and backgrounds, with their claims."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

import numpy as np

from pandiff.data.scenes import TAXONOMY as SCENES
from pandiff.data.scenes import Caption, Setting
from pandiff.data.scenes.light import FREQUENCY
from pandiff.data.scenes.palette import COLORS, WARDROBE, weighted
from pandiff.data.scenes.phrases import color_phrases, count_phrase, joined, listed
from pandiff.data.scenes.scenery import behind, on, when
from pandiff.errors import InputError
from pandiff.prompts.words import counted, plain
from pandiff.taxonomy import Category, Taxonomy

Weights = Mapping[str, float]

NUMBERS = {1: 0.5, 2: 0.27, 3: 0.14, 4: 0.09}
"""How often there are so many things of a category."""
OTHERS = (0.5, 0.35, 0.15)
"""How often there are 0, 1, 2 categories of things beside the first."""
HABITATS: dict[str, tuple[float, Weights]] = {
    "grass": (40, {"sheep": 4, "tree": 3, "dog": 2, "person": 2.5, "flower": 3, "house": 2,
                   "ball": 1.2, "bird": 1, "umbrella": 0.5}),
    "road": (25, {"car": 9, "person": 1.2, "dog": 0.4}),
    "water": (18, {"boat": 6, "bird": 1}),
    "sand": (15, {"umbrella": 3, "person": 3, "ball": 3, "dog": 1.4, "tree": 1.4, "bird": 1}),
    "snow": (10, {"house": 2.5, "tree": 3.5, "person": 3, "dog": 2, "ball": 1, "bird": 1}),
    "sky": (8, {"balloon": 5, "bird": 3}),
}  # fmt: skip
"""The built-in world: where things are, how often, and how often which."""
BACKDROPS = {"mountain": 4.0, "forest": 3.0}
"""What lies behind them, how often."""
STUFF_SHARE = 0.1
"""How often a prompt starts from stuff."""
UNPAINTED = ("person", "animal", "food")
"""Supercategories whose things have no colour of their own choice."""


class Grammar(Protocol):
    """Makes prompts from a taxonomy."""

    @property
    def natural(self) -> Weights:
        """How often each category is what a prompt starts from, relatively."""

    def compose(self, rng: np.random.Generator, weights: Weights) -> Caption:
        """A prompt with its claims; categories are drawn by weight, where they fit together."""


def grammar_of(taxonomy: Taxonomy) -> Grammar:
    """The grammar of a taxonomy: that of the built-in world, or one that knows names only."""
    return ScenesGrammar() if taxonomy == SCENES else PlainGrammar(taxonomy)


class ScenesGrammar:
    """Speaks as the captions of the built-in world do."""

    def __init__(self) -> None:
        total = sum(weight for weight, _ in HABITATS.values())
        natural = {name: STUFF_SHARE * weight / total for name, (weight, _) in HABITATS.items()}
        natural |= {name: STUFF_SHARE * weight / total for name, weight in BACKDROPS.items()}
        for weight, things in HABITATS.values():
            for name, share in things.items():
                part = weight / total * share / sum(things.values())
                natural[name] = natural.get(name, 0.0) + part
        self.natural: Weights = natural

    def compose(self, rng: np.random.Generator, weights: Weights) -> Caption:
        """A prompt like "two red cars on a road with mountains behind at dusk"."""
        subject = weighted(rng, weights)
        ground = self._ground(rng, subject, weights)
        things = _things(rng, subject, _product(HABITATS[ground][1], weights))
        back = subject if subject in BACKDROPS else self._backdrop(rng, weights)
        setting = _setting(rng, (ground, back, "sky"))
        place = on(rng, setting, ground)
        far = behind(rng, _with_stuff(setting, (back,)), ()) if back else Caption("")
        time = when(rng, setting) if ground != "sky" and rng.random() < 0.6 else Caption("")
        return joined("{}{}{}{}", listed([_noun(rng, c) for c in things]), place, far, time)

    def _ground(self, rng: np.random.Generator, subject: str, weights: Weights) -> str:
        if subject in HABITATS:
            return subject
        fits = {
            name: weight * (things.get(subject, 0.0) / sum(things.values()))
            for name, (weight, things) in HABITATS.items()
        }
        natural = {name: weight for name, (weight, _) in HABITATS.items()}
        return weighted(rng, _product(fits if any(fits.values()) else natural, weights))

    def _backdrop(self, rng: np.random.Generator, weights: Weights) -> str:
        if rng.random() < 0.7:
            return ""
        return weighted(rng, _product(BACKDROPS, weights))


def _noun(rng: np.random.Generator, category: str) -> Caption:
    """Things of a category of the built-in world: counted, or all of one colour."""
    n = _number(rng)
    if rng.random() < 0.45:
        return count_phrase(rng, category, n)
    return listed(color_phrases(rng, category, {weighted(rng, WARDROBE[category]): n}))


def _setting(rng: np.random.Generator, stuff: tuple[str, ...]) -> Setting:
    weather = weighted(rng, FREQUENCY)
    body = ("moon" if weather == "night" else "sun") if rng.random() < 0.5 else ""
    cloudy, stars = bool(rng.random() < 0.4), weather == "night" and bool(rng.random() < 0.6)
    return Setting("", weather, body, cloudy, stars, stuff)


def _with_stuff(setting: Setting, stuff: tuple[str, ...]) -> Setting:
    return Setting(setting.place, setting.weather, "", False, False, stuff)


class PlainGrammar:
    """Knows of a taxonomy the names alone.

    Raises:
        InputError: if a category has no name in Latin letters.
    """

    PATTERNS = ("{} with {}", "{} in front of {}", "{} near {}", "a photo of {} and {}")

    def __init__(self, taxonomy: Taxonomy) -> None:
        self._categories = {c.name: c for c in taxonomy.categories}
        self._things = [c.name for c in taxonomy.categories if c.isthing]
        self._stuff = [c.name for c in taxonomy.categories if not c.isthing]
        if any(not plain(name) for name in self._categories):
            raise InputError("names in Latin letters to compose from", "another", "list prompts")
        share = STUFF_SHARE if self._things else 1.0
        self.natural: Weights = {
            **dict.fromkeys(self._things, 1.0),
            **dict.fromkeys(self._stuff, share * max(1, len(self._things)) / len(self._categories)),
        }

    def compose(self, rng: np.random.Generator, weights: Weights) -> Caption:
        """A prompt like "two red cars in front of a wall"."""
        subject = weighted(rng, weights)
        things = _things(rng, subject, {c: weights.get(c, 0.0) for c in self._things})
        stuff = {c: weights.get(c, 0.0) for c in self._stuff}
        back = subject if subject in stuff else ""
        if not back and any(stuff.values()) and rng.random() < 0.6:
            back = weighted(rng, stuff)
        nouns = [self._noun(rng, self._categories[c]) for c in things]
        ground = Caption(plain(back), (back,))
        if not nouns or not back:
            return listed(nouns) if nouns else ground
        pattern = self.PATTERNS[int(rng.integers(len(self.PATTERNS)))]
        return joined(pattern, listed(nouns), ground)

    def _noun(self, rng: np.random.Generator, category: Category) -> Caption:
        n, names = _number(rng), list(COLORS)
        painted = category.supercategory not in UNPAINTED and rng.random() < 0.3
        color = names[int(rng.integers(len(names)))] if painted else ""
        text = counted(color, plain(category.name), n)
        colors = ((category.name, color, n),) if color else ()
        return Caption(text, (category.name,), ((category.name, n),), colors)


def _number(rng: np.random.Generator) -> int:
    return int(weighted(rng, {str(n): share for n, share in NUMBERS.items()}))


def _things(rng: np.random.Generator, subject: str, choice: Weights) -> Sequence[str]:
    """The categories of things of a prompt, different ones: the subject, if it is one, first."""
    others = int(weighted(rng, {str(k): share for k, share in enumerate(OTHERS)}))
    chosen = [subject] if subject in choice else []
    left = {c: w for c, w in choice.items() if c not in chosen and w > 0}
    while left and len(chosen) < 1 + others:
        chosen.append(weighted(rng, left))
        del left[chosen[-1]]
    return chosen


def _product(first: Weights, second: Weights) -> Weights:
    """Both weights multiplied; the first alone where that leaves nothing."""
    both = {c: w * second.get(c, 0.0) for c, w in first.items()}
    return both if any(both.values()) else first
