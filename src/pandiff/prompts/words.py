"""English, as far as prompts need it: plain names, numbers, articles, plurals."""

from __future__ import annotations

import re

NUMBER_WORDS = (
    "no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven",
    "twelve",
)  # fmt: skip
NUMBERS = {word: k for k, word in enumerate(NUMBER_WORDS)} | {"a": 1, "an": 1, "without": 0}
"""What words before a noun say about its number."""
SUFFIXES = ("merged", "other", "stuff", "thing")
"""Words that COCO adds to names of categories: "tree-merged", "wall-other-merged"."""
_IRREGULAR = {
    "person": "people", "sheep": "sheep", "child": "children", "man": "men", "woman": "women",
    "mouse": "mice", "knife": "knives", "shelf": "shelves", "leaf": "leaves", "foot": "feet",
    "fish": "fish", "scissors": "scissors", "skis": "skis", "deer": "deer",
}  # fmt: skip


def plain(name: str) -> str:
    """A name without case, punctuation and COCO's suffixes: "Wall-other-merged" -> "wall"."""
    words = re.findall(r"[a-z0-9]+", name.lower())
    kept = [w for w in words if w not in SUFFIXES]
    return " ".join(kept or words)


def plural(noun: str) -> str:
    """The plural of a noun of one or more words: "traffic light" -> "traffic lights"."""
    *before, last = noun.split(" ")
    return " ".join([*before, _IRREGULAR.get(last) or _regular(last)])


def _regular(word: str) -> str:
    if word.endswith(("s", "x", "z", "ch", "sh")):
        return f"{word}es"
    if word.endswith("y") and word[-2:-1] not in ("", *"aeiou"):
        return f"{word[:-1]}ies"
    return f"{word}s"


def with_article(noun: str) -> str:
    """A noun with "a" or "an"."""
    return f"an {noun}" if noun[:1] in set("aeiou") else f"a {noun}"


def counted(adjective: str, noun: str, n: int) -> str:
    """A noun with its number: "a red car", "two dogs", "14 birds"; the adjective may be empty."""
    if n == 1:
        return with_article(f"{adjective} {noun}".strip())
    number = NUMBER_WORDS[n] if n < len(NUMBER_WORDS) else str(n)
    return " ".join(filter(None, [number, adjective, plural(noun)]))
