"""A made map around the given part of another: which of its segments are the given ones."""

from __future__ import annotations

import numpy as np

from pandiff.panoptic import PanopticMap
from pandiff.taxonomy import VOID


def merge_maps(given: PanopticMap, made: PanopticMap, known: np.ndarray) -> PanopticMap:
    """The given map where it is known, exactly; the made one elsewhere.

    A made segment goes on with the given segment of its category that holds most of it where
    both are known, if that is at least half of it there; stuff goes on with the stuff of its
    category. Other segments get new ids.

    Args:
        given, made: maps of one size and taxonomy.
        known: (H, W) bool.
    """
    names = _same(given, made, known)
    fresh = 1 + max([s.id for s in given.segments], default=0)
    table = np.zeros(1 + len(made.segments), np.int64)
    for k, segment in enumerate(made.segments, start=1):
        if segment.id in names:
            table[k] = names[segment.id]
        else:
            table[k], fresh = fresh, fresh + 1
    ids = np.where(known, given.ids, table[made.position(made.ids)])
    both = [(s.id, s) for s in given.segments]
    both += [(int(table[k]), s) for k, s in enumerate(made.segments, 1) if s.id not in names]
    return PanopticMap.from_ids(
        ids,
        {i: s.category_id for i, s in both},
        given.taxonomy,
        scores={i: s.score for i, s in both},
        crowds=[i for i, s in both if s.is_crowd],
    )


def _same(given: PanopticMap, made: PanopticMap, known: np.ndarray) -> dict[int, int]:
    """The given id of each made segment that is a given one."""
    pairs, counts = np.unique(
        np.stack([made.ids[known], given.ids[known]]), axis=1, return_counts=True
    )
    stuff = _stuff(given)
    names: dict[int, int] = {}
    for segment in made.segments:
        here = pairs[0] == segment.id
        total, best = counts[here].sum(), 0
        for other, count in zip(pairs[1][here], counts[here], strict=True):
            same = other != VOID and given[int(other)].category_id == segment.category_id
            if same and count > best and 2 * count >= total:
                names[segment.id], best = int(other), count
        if segment.category_id in stuff:
            names[segment.id] = stuff[segment.category_id]
    return names


def _stuff(given: PanopticMap) -> dict[int, int]:
    """The id of each stuff category's segment."""
    isthing = {c.id: c.isthing for c in given.taxonomy.categories}
    return {s.category_id: s.id for s in given.segments if not isthing[s.category_id]}
