"""Categories of another data set, found in ours by name."""

from __future__ import annotations

import re
from collections.abc import Mapping

import numpy as np

from pandiff.errors import InputError
from pandiff.prompts.words import plain
from pandiff.taxonomy import VOID, Taxonomy


def matched(labels: Mapping[int, str], taxonomy: Taxonomy) -> dict[int, int]:
    """For each label of another list the category id of the same name; 0 where there is none.

    A label may have several names, divided by commas or semicolons, as in ADE20K: "car, auto". The
    same spelling goes before one that is alike but for case, punctuation and suffixes.

    Raises:
        InputError: if no name is known.
    """
    exact = {c.name: c.id for c in taxonomy.categories}
    alike: dict[str, int] = {}
    for c in taxonomy.categories:
        alike.setdefault(plain(c.name), c.id)
    found = {int(k): _find(name, exact, alike) for k, name in labels.items()}
    if not any(found.values()):
        ours, theirs = (", ".join(list(n)[:8]) for n in (exact, labels.values()))
        raise InputError(f"a segmenter that knows some of: {ours}", theirs, "choose another")
    return found


def _find(label: str, exact: Mapping[str, int], alike: Mapping[str, int]) -> int:
    names = [label, *re.split(r"\s*[,;]\s*", label)]
    return next(
        (
            category
            for table, key in ((exact, str), (alike, plain))
            for name in names
            if (category := table.get(key(name), VOID))
        ),
        VOID,
    )


def known_categories(found: Mapping[int, int], taxonomy: Taxonomy) -> np.ndarray:
    """(num_classes,) bool: the categories that some label was matched to; void is not."""
    known = np.isin(taxonomy.category_ids, list(found.values()))
    known[VOID] = False
    return known
