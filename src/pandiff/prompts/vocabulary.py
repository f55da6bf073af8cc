"""What a prompt claims about its picture, read off its words: categories and their numbers."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from pandiff.data.scenes import TAXONOMY as SCENES
from pandiff.data.scenes import Caption
from pandiff.prompts.words import NUMBERS, plain, plural
from pandiff.taxonomy import Taxonomy

SYNONYMS = {
    "grass": ("meadow", "field", "garden", "lawn"),
    "water": ("lake", "sea", "ocean"),
    "sand": ("beach", "desert"),
    "road": ("street",),
    "snow": ("field of snow",),
    "sky": ("air", "star"),
    "balloon": ("hot air balloon",),
    "person": ("man", "woman"),
}
"""Other words for categories of the built-in world."""
STOPS = frozenset(
    re.findall(
        r"\S+",
        "and or of in on with under near by at to from is are over behind above next front "
        "between around for into some many several , . ; : ! ? ( )",
    )
)
"""What parts a noun from the number of another."""
ADJECTIVES = 3
"""Most words between a number and its noun."""
_TOKEN = re.compile(r"[a-z]+|\d+|[^\sa-z\d]")
_TWO = re.compile(r"\ba (couple|pair) of\b")


class Mention(NamedTuple):
    """A category named in a prompt.

    Attributes:
        category: its name in the taxonomy.
        number: how many there are said to be; None if nothing is said.
        definite: whether it was named before ("the dog").
    """

    category: str
    number: int | None
    definite: bool


class _Form(NamedTuple):
    """A category that some words name, and whether they do so for one and for several."""

    category: str
    one: bool
    several: bool


class Vocabulary:
    """The words for the categories of a taxonomy.

    Names are taken without case, punctuation and COCO's suffixes, in singular and plural; a name
    may hold several, divided by commas. The built-in world has some synonyms more.
    """

    def __init__(self, taxonomy: Taxonomy) -> None:
        self._things = {c.name for c in taxonomy.categories if c.isthing}
        self._forms: dict[tuple[str, ...], _Form] = {}
        others = SYNONYMS if taxonomy == SCENES else {}
        for c in taxonomy.categories:
            self._add(plain(c.name), c.name)
        for c in taxonomy.categories:
            for noun in (*re.split(r"[,;]", c.name), *others.get(c.name, ())):
                self._add(plain(noun), c.name)
        self._longest = max(map(len, self._forms), default=1)

    def _add(self, noun: str, category: str) -> None:
        many = plural(noun)
        for form, one, several in ((noun, True, noun == many), (many, noun == many, True)):
            if form:
                self._forms.setdefault(tuple(form.split(" ")), _Form(category, one, several))

    def read(self, prompt: str) -> Caption:
        """A prompt with its claims: the categories it names, the numbers of things it states.

        The numbers of several mentions add up ("two red cars and a blue car"). "No cars" and
        "without cars" state the number 0, and do not name the category.
        """
        found: dict[str, list[Mention]] = {}
        for mention in self._mentions(_tokens(prompt)):
            found.setdefault(mention.category, []).append(mention)
        totals = {c: _total(mentions) for c, mentions in found.items()}
        counts = tuple((c, n) for c, n in totals.items() if n is not None and c in self._things)
        return Caption(prompt, tuple(c for c, n in totals.items() if n != 0), counts)

    def _mentions(self, words: Sequence[str]) -> Iterator[Mention]:
        start = end = 0
        while start < len(words):
            length, form = self._at(words, start)
            if form is not None:
                yield _mention(form, words[end:start])
                end = start + length
            start += length

    def _at(self, words: Sequence[str], start: int) -> tuple[int, _Form | None]:
        """The longest name that begins at a word; 1 and None if there is none."""
        for length in range(self._longest, 0, -1):
            form = self._forms.get(tuple(words[start : start + length]))
            if form is not None and start + length <= len(words):
                return length, form
        return 1, None


def _tokens(prompt: str) -> list[str]:
    return _TOKEN.findall(_TWO.sub("two", prompt.lower()).replace("-", " "))


def _mention(form: _Form, before: Sequence[str]) -> Mention:
    """A mention, with the number found among the words before it."""
    for word in reversed(before[-ADJECTIVES - 1 :]):
        if word in STOPS:
            break
        if word == "the":
            return Mention(form.category, None, True)
        number = int(word) if word.isdigit() else NUMBERS.get(word)
        if number is not None:
            fits = form.one if number == 1 else form.several or number == 0
            return Mention(form.category, number if fits else None, False)
    return Mention(form.category, None, False)


def _total(mentions: Sequence[Mention]) -> int | None:
    """The number that the mentions of a category state together; None if they state none."""
    numbers = [m.number for m in mentions if not m.definite]
    stated = [n for n in numbers if n is not None]
    return sum(stated) if numbers and len(stated) == len(numbers) else None
