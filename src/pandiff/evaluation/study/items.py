"""The questions of a study, before anyone is asked: which samples of which sets are judged."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from pandiff.errors import InputError
from pandiff.evaluation.study.sources import Source

MAPS, PAIRS, SCORE = "maps", "pairs", "score"
"""One image and two maps; two images with their maps; one image with its map."""
SCALE = (1, 2, 3, 4, 5)
"""Answers to how good a map is."""
LEFT, SAME, RIGHT = "left", "same", "right"
CHOICES = (LEFT, SAME, RIGHT)
"""Answers to which of two fits better."""


@dataclass(frozen=True)
class Item:
    """One question.

    Attributes:
        kind: "maps", "pairs" or "score".
        key: of the samples.
        sets: numbers of the sets, ascending: two to choose from, or the one that is scored.
    """

    kind: str
    key: str
    sets: tuple[int, ...]

    @property
    def answers(self) -> tuple[str, ...]:
        """What may be answered."""
        return tuple(map(str, SCALE)) if self.kind == SCORE else CHOICES


def choose_items(sources: Sequence[Source], pairs: int, scores: int, seed: int) -> list[Item]:
    """The questions: first choices, in turn from each pair of sets, then scores of each set.

    Args:
        sources: the sets; choices need two or more.
        pairs: number of choices, fewer where the sets have fewer samples in common.
        scores: number of samples that are scored, likewise.
        seed: chooses the samples.

    Raises:
        InputError: if the sets have nothing in common to be compared.
    """
    keys = common_keys(sources)
    order = [keys[k] for k in np.random.default_rng(seed).permutation(len(keys))]
    rivals = list(combinations(range(len(sources)), 2))
    chosen = [
        _choice(sources, order[n // len(rivals)], rivals[n % len(rivals)])
        for n in range(min(pairs, len(rivals) * len(order)))
    ]
    scored = [
        Item(SCORE, order[n // len(sources)], (n % len(sources),))
        for n in range(min(scores, len(sources) * len(order)))
    ]
    if not chosen and not scored:
        raise InputError("at least one question", "none", "raise --pairs or --scores")
    return chosen + scored


def common_keys(sources: Sequence[Source]) -> list[str]:
    """The names of the samples that all sets have; InputError if there is none."""
    first = sources[0]
    for other in sources[1:]:
        if other.folder.taxonomy != first.folder.taxonomy:
            raise InputError(f"sets of the categories of {first.path}", f"others in {other.path}",
                             "choose sets of one list")  # fmt: skip
    keys = [key for key in first.keys if all(key in s.keys for s in sources)]
    if not keys:
        raise InputError("sets whose images have names in common", "none", "choose others")
    return keys


def _choice(sources: Sequence[Source], key: str, rivals: tuple[int, int]) -> Item:
    """Two maps of one image, or two pairs of one prompt."""
    one, other = (sources[k] for k in rivals)
    if one.image(key).tobytes() == other.image(key).tobytes():
        return Item(MAPS, key, rivals)
    if one.prompt(key) == other.prompt(key) != "":
        return Item(PAIRS, key, rivals)
    raise InputError(
        "sets of the same images or the same prompts",
        f"neither for {key} in {one.path} and {other.path}",
        "choose sets that answer the same questions",
    )
