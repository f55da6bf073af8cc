"""Five captions of a scene, from terse to full, all of them true of the visible picture."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from pandiff.data.scenes.phrases import (
    Caption,
    color_phrases,
    count_phrase,
    joined,
    listed,
    plural,
)
from pandiff.data.scenes.relations import RELATIONS, relation_holds
from pandiff.data.scenes.scenery import Setting, behind, on, view, when

MOST_WORDS = 28
"""No caption has more words."""


@dataclass(frozen=True)
class SceneObject:
    """A visible thing.

    Attributes:
        segment_id: its id in the panoptic map.
        category: its category.
        color: name of its color.
        bbox: (x, y, width, height) in pixels, of what is seen of it.
        area: number of its visible pixels.
        ground: the stuff that it is on; "sky" for what flies.
    """

    segment_id: int
    category: str
    color: str
    bbox: tuple[int, int, int, int]
    area: int
    ground: str


@dataclass(frozen=True)
class _Cast:
    """The things of a scene by category, the most prominent category first."""

    objects: tuple[SceneObject, ...]

    @cached_property
    def categories(self) -> list[str]:
        area: Counter[str] = Counter()
        for item in self.objects:
            area[item.category] += item.area
        return [c for c, _ in area.most_common()]

    def all_of(self, category: str) -> list[SceneObject]:
        return [o for o in self.objects if o.category == category]

    def colors(self, category: str) -> Counter[str]:
        return Counter(o.color for o in self.all_of(category))

    def ground(self, categories: Sequence[str]) -> str:
        """The one stuff that all the things of some categories are on; "" if they differ."""
        grounds = {o.ground for c in categories for o in self.all_of(c)}
        return grounds.pop() if len(grounds) == 1 else ""

    def counted(self, rng: np.random.Generator, category: str) -> Caption:
        return count_phrase(rng, category, len(self.all_of(category)))

    def colored(self, rng: np.random.Generator, *categories: str) -> Caption:
        return listed([p for c in categories for p in color_phrases(rng, c, self.colors(c))])


_NOTHING = Caption("")


def make_captions(
    rng: np.random.Generator, objects: tuple[SceneObject, ...], setting: Setting, size: int
) -> tuple[Caption, ...]:
    """Five captions; the first is the shortest, the last the fullest.

    Args:
        rng: decides the words.
        objects: the visible things.
        setting: place, weather and visible stuff.
        size: side of the picture in pixels.
    """
    if not objects:
        return tuple(_view(rng, setting, k) for k in range(5))
    cast = _Cast(objects)
    return (
        _terse(rng, cast, setting),
        _short(_colors, 1 + int(rng.integers(2)), rng, cast, setting),
        _short(_counts, 5, rng, cast, setting),
        _related(rng, cast, setting, size),
        _short(_full, 5, rng, cast, setting),
    )


def _view(rng: np.random.Generator, setting: Setting, k: int) -> Caption:
    patterns = ("{}", "{}{}", "a picture of {}{}", "a view of {}{}", "{}{} with nobody around")
    return joined(patterns[k], view(rng, setting), *([when(rng, setting)] if k else []))


def _short(
    build: Callable[[np.random.Generator, _Cast, Setting, int], Caption],
    most: int,
    rng: np.random.Generator,
    cast: _Cast,
    setting: Setting,
) -> Caption:
    """The fullest caption of a kind that has at most `MOST_WORDS` words."""
    for n in range(min(most, len(cast.categories)), 0, -1):
        caption = build(rng, cast, setting, n)
        if len(caption.text.split()) <= MOST_WORDS:
            return caption
    return _terse(rng, cast, setting)


def _terse(rng: np.random.Generator, cast: _Cast, setting: Setting) -> Caption:
    """The main category, with its color if it has one: "two red cars on a road"."""
    main = cast.categories[0]
    plain = len(cast.colors(main)) > 1 or rng.random() < 0.35
    noun = cast.counted(rng, main) if plain else cast.colored(rng, main)
    return joined("{}{}", noun, on(rng, setting, cast.ground([main])))


def _colors(rng: np.random.Generator, cast: _Cast, setting: Setting, n: int) -> Caption:
    """The main categories by color, sometimes with the time."""
    chosen = cast.categories[:n]
    where = on(rng, setting, cast.ground(chosen))
    time = when(rng, setting) if rng.random() < 0.4 else _NOTHING
    return joined("{}{}{}", cast.colored(rng, *chosen), where, time)


def _counts(rng: np.random.Generator, cast: _Cast, setting: Setting, n: int) -> Caption:
    """Several categories, counted, without colors."""
    chosen = cast.categories[:n]
    ground = on(rng, setting, cast.ground(chosen))
    opening = ("{}{}{}{}", "a picture of {}{}{}{}", "there are {}{}{}{}")[int(rng.integers(3))]
    many = len(cast.all_of(chosen[0])) > 1
    opening = opening.replace("there are", "there are" if many else "there is")
    back = behind(rng, setting, ground.categories) if rng.random() < 0.5 else _NOTHING
    time = when(rng, setting) if rng.random() < 0.6 else _NOTHING
    return joined(opening, listed([cast.counted(rng, c) for c in chosen]), ground, back, time)


def _full(rng: np.random.Generator, cast: _Cast, setting: Setting, n: int) -> Caption:
    """Several categories with their colors, the ground, the background and the time."""
    chosen = cast.categories[:n]
    ground = on(rng, setting, cast.ground(chosen))
    back = behind(rng, setting, ground.categories)
    return joined("{}{}{}{}", cast.colored(rng, *chosen), ground, back, when(rng, setting))


def _related(rng: np.random.Generator, cast: _Cast, setting: Setting, size: int) -> Caption:
    """How two categories lie to each other; without such a pair, a caption without numbers."""
    pairs = [(a, r, b) for a in cast.categories for b in cast.categories if a != b
             for r in RELATIONS if _sensible(cast, a, r, b, size)]  # fmt: skip
    if pairs:
        caption = _relation(rng, cast, setting, *pairs[int(rng.integers(len(pairs)))])
        if len(caption.text.split()) <= MOST_WORDS:
            return caption
    where = on(rng, setting, cast.ground(cast.categories[:1]))
    return joined("{}{}{}", _vague(cast), where, when(rng, setting))


def _relation(
    rng: np.random.Generator, cast: _Cast, setting: Setting, a: str, relation: str, b: str
) -> Caption:
    """One relation, as in "a red ball to the left of a dog"."""
    first = (cast.colored if rng.random() < 0.6 else cast.counted)(rng, a)
    second = (cast.colored if rng.random() < 0.6 else cast.counted)(rng, b)
    claim = Caption(_wording(rng, relation), relations=((a, relation, b),))
    ground = on(rng, setting, cast.ground([a, b])) if rng.random() < 0.5 else _NOTHING
    time = when(rng, setting) if rng.random() < 0.5 else _NOTHING
    return joined("{} {} {}{}{}", first, claim, second, ground, time)


def _wording(rng: np.random.Generator, relation: str) -> str:
    if relation in ("left of", "right of"):
        return ("to the ", "on the ", "")[int(rng.integers(3))] + relation
    return relation


def _sensible(cast: _Cast, a: str, relation: str, b: str, size: int) -> bool:
    """Whether a relation holds and is said of such things: what flies is above, not behind."""
    ground_a, ground_b = cast.ground([a]), cast.ground([b])
    if not ground_a or not ground_b:
        return False
    high, low = ("sky" in (ground_a, ground_b)) and ground_a != ground_b, "umbrella" in (a, b)
    if relation in ("above", "under") and not (
        high or (low and relation == "under" and b == "umbrella")
    ):
        return False
    if relation in ("behind", "in front of", "next to") and (high or low or ground_a == "sky"):
        return False
    first, second = ([o.bbox for o in cast.all_of(c)] for c in (a, b))
    return relation_holds(relation, first, second, size)


def _vague(cast: _Cast) -> Caption:
    """The main category without its number: "sheep", "some flowers", "a person"."""
    main = cast.categories[0]
    if len(cast.all_of(main)) > 1:
        return Caption(f"some {plural(main)}", (main,))
    article = "an" if main[0] in "aeiou" else "a"
    return Caption(f"{article} {main}", (main,))
