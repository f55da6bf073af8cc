"""Pieces of captions: a text with what it claims, and how pieces are joined."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

T = TypeVar("T")
Counts = tuple[tuple[str, int], ...]
Colors = tuple[tuple[str, str, int], ...]
Relations = tuple[tuple[str, str, str], ...]


@dataclass(frozen=True)
class Caption:
    """A caption, or a piece of one, and the claims that it makes about the whole picture.

    Attributes:
        text: the words.
        categories: every category that the text mentions.
        counts: (category, number) of the things whose number the text states.
        colors: (category, color, number) of the things whose color the text states.
        relations: (category, relation, category), of all the instances of both.
    """

    text: str
    categories: tuple[str, ...] = ()
    counts: Counts = ()
    colors: Colors = ()
    relations: Relations = ()


def joined(pattern: str, *pieces: Caption) -> Caption:
    """The pieces put into the `{}` of a pattern; claims are united."""
    return Caption(
        pattern.format(*(p.text for p in pieces)),
        _united(p.categories for p in pieces),
        _united(p.counts for p in pieces),
        _united(p.colors for p in pieces),
        _united(p.relations for p in pieces),
    )


def _united(groups: Iterable[tuple[T, ...]]) -> tuple[T, ...]:
    return tuple(dict.fromkeys(item for group in groups for item in group))


def listed(pieces: list[Caption]) -> Caption:
    """The pieces as a list: "a, b and c"."""
    if len(pieces) == 1:
        return pieces[0]
    return joined(", ".join(["{}"] * (len(pieces) - 1)) + " and {}", *pieces)


_WORDS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight")
_PLURALS = {"person": "people", "sheep": "sheep"}


def plural(category: str) -> str:
    """The plural of a category's name."""
    return _PLURALS.get(category, category + "s")


def number(rng: np.random.Generator, n: int) -> str:
    """A number as people write it: mostly a word, sometimes a figure."""
    kind = float(rng.random())
    if n == 2 and kind < 0.12:
        return "a couple of"
    return str(n) if kind > 0.8 else _WORDS[n]


def _article(noun: str, rng: np.random.Generator) -> str:
    if rng.random() < 0.06:
        return f"one {noun}"
    return f"an {noun}" if noun[0] in "aeiou" else f"a {noun}"


def _counted(rng: np.random.Generator, singular: str, many: str, n: int) -> str:
    return _article(singular, rng) if n == 1 else f"{number(rng, n)} {many}"


def count_phrase(rng: np.random.Generator, category: str, n: int) -> Caption:
    """A category with its number: "three sheep"."""
    noun, many = category, plural(category)
    if category == "balloon" and rng.random() < 0.3:
        noun, many = "hot air balloon", "hot air balloons"
    return Caption(_counted(rng, noun, many, n), (category,), ((category, n),))


def color_phrases(
    rng: np.random.Generator, category: str, colors: Mapping[str, int]
) -> list[Caption]:
    """All the things of a category, one piece for each color: "two red cars", "a blue car"."""
    total = sum(colors.values())
    return [
        Caption(
            _colored(rng, category, color, n),
            (category,),
            ((category, total),),
            ((category, color, n),),
        )
        for color, n in sorted(colors.items(), key=lambda item: -item[1])
    ]


def _colored(rng: np.random.Generator, category: str, color: str, n: int) -> str:
    if category == "person":
        return f"{_counted(rng, 'person', 'people', n)} in {color}"
    return _counted(rng, f"{color} {category}", f"{color} {plural(category)}", n)
