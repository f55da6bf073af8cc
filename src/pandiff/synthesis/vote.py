"""Several maps of one image to the map that most of them agree on, and how far they do.

The samples of a generator for one image differ where it is unsure. They are compared over the
runs of pixels on which none of them changes, of which there are far fewer than pixels.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pandiff.errors import InputError
from pandiff.panoptic import PanopticMap
from pandiff.taxonomy import VOID, Taxonomy

MATCH = 0.5
"""Things of two samples are one instance if their IoU is above this (Kirillov et al. 2019)."""


@dataclass(frozen=True, eq=False)
class Vote:
    """What several maps of one image agree on.

    Attributes:
        panoptic: the map; a segment's score is the mean agreement on its pixels, 0..1.
        uncertainty: (H, W) float32 in 0..1: the share of maps that say otherwise at each pixel.
    """

    panoptic: PanopticMap
    uncertainty: np.ndarray


@dataclass(frozen=True, eq=False)
class _Sample:
    """One map: the part at each run (R,), in the order of appearance; each part's class (S,)."""

    parts: np.ndarray
    classes: np.ndarray


def vote(maps: Sequence[PanopticMap]) -> Vote:
    """Let maps of one image vote: on what there is, then on each pixel.

    Things of two maps are one instance if they have one category and an IoU above MATCH; they are
    compared with those of the most central map (the medoid, whose panoptic quality against the
    others is best), and what it lacks with those of the next. A stuff category or an instance is
    there if at least half of the maps have it. A pixel belongs to the category of these that most
    maps see at it, and there to the instance that most maps see; ties go to the more central
    map. Where all see what is not there, the vote is among that.

    The order of the maps and their ids mean nothing; the result's ids are 1, 2, ... Crowds are
    taken as things.

    Args:
        maps: at least one, of one size and taxonomy.

    Raises:
        InputError: if there is none, or they differ in size or taxonomy.
    """
    _check(maps)
    taxonomy, shape = maps[0].taxonomy, maps[0].ids.shape
    starts = _starts(maps)
    lengths = np.diff(starts, append=maps[0].ids.size)
    samples = sorted((_read(m, starts) for m in maps), key=_key)
    labels, classes = _label(samples, lengths, taxonomy)
    chosen = _elect(labels, classes)
    doubt = (labels != chosen).mean(axis=0)
    return Vote(
        _build(chosen, classes, 1 - doubt, lengths, shape, taxonomy),
        np.repeat(doubt.astype(np.float32), lengths).reshape(shape),
    )


def _check(maps: Sequence[PanopticMap]) -> None:
    if not maps:
        raise InputError("at least one map", "none", "give some")
    sizes = sorted({f"{m.width} x {m.height}" for m in maps})
    if len(sizes) > 1:
        raise InputError("maps of one size", " and ".join(sizes), "resize them")
    if any(m.taxonomy != maps[0].taxonomy for m in maps):
        raise InputError("maps of one taxonomy", "several", "convert them")


def _starts(maps: Sequence[PanopticMap]) -> np.ndarray:
    """(R,) the first pixel of each run on which no map changes."""
    changes = np.ones(maps[0].ids.size, dtype=bool)
    changes[1:] = False
    for ids in (m.ids.ravel() for m in maps):
        changes[1:] |= ids[1:] != ids[:-1]
    return np.flatnonzero(changes)


def _read(panoptic: PanopticMap, starts: np.ndarray) -> _Sample:
    """A map at the runs: each thing is a part, each stuff category, and void."""
    taxonomy = panoptic.taxonomy
    classes = np.array([VOID] + [taxonomy.index(s.category_id) for s in panoptic.segments])
    position = panoptic.position(panoptic.ids.ravel()[starts])
    thing = taxonomy.isthing[classes[position]]
    units = np.where(thing, taxonomy.num_classes + position, classes[position])
    _, first, parts = np.unique(units, return_index=True, return_inverse=True)
    order = np.argsort(first)
    return _Sample(np.argsort(order)[parts], classes[position[first[order]]])


def _key(sample: _Sample) -> tuple[bytes, bytes]:
    """What two samples have in common only if they are the same but for their ids."""
    return sample.parts.tobytes(), sample.classes.tobytes()


def _label(
    samples: Sequence[_Sample], lengths: np.ndarray, taxonomy: Taxonomy
) -> tuple[np.ndarray, np.ndarray]:
    """Name the parts of all samples alike.

    Returns:
        (N, R) labels, a row for each sample, the most central first, and (L,) each label's class.
    """
    ious = [[_iou(one, other, lengths) for other in samples] for one in samples]
    central = np.argsort([-sum(map(_quality, row)) for row in ious], kind="stable")
    classes = list(range(taxonomy.num_classes))
    references: dict[int, np.ndarray] = {}
    rows: list[np.ndarray] = []
    for n in central:
        kinds = samples[n].classes
        names = np.where(taxonomy.isthing[kinds], _match(ious[n], references), kinds)
        fresh = np.flatnonzero(names < 0)
        names[fresh] = len(classes) + np.arange(len(fresh))
        classes += kinds[fresh].tolist()
        references[n] = np.full(len(kinds), -1)
        references[n][fresh] = names[fresh]
        rows.append(names[samples[n].parts])
    return np.stack(rows), np.array(classes)


def _iou(one: _Sample, other: _Sample, lengths: np.ndarray) -> np.ndarray:
    """(S, S') IoU of the parts of two samples; 0 where the classes differ."""
    shape = len(one.classes), len(other.classes)
    cells = one.parts * shape[1] + other.parts
    shared = np.bincount(cells, lengths, shape[0] * shape[1]).reshape(shape)
    union = shared.sum(axis=1, keepdims=True) + shared.sum(axis=0) - shared
    return np.where(one.classes[:, None] == other.classes, shared / union, 0)


def _quality(iou: np.ndarray) -> float:
    """Panoptic quality of two samples, over all parts, for no category counts more."""
    return float(2 * iou[iou > MATCH].sum() / sum(iou.shape))


def _match(ious: Sequence[np.ndarray], references: dict[int, np.ndarray]) -> np.ndarray:
    """(S,) the label of the reference that each part of a sample matches best; -1 for none.

    Args:
        ious: of the sample with each other.
        references: for the samples before it, the label of each part that is a reference, or -1.
    """
    names, best = np.full(len(ious[0]), -1), np.full(len(ious[0]), MATCH)
    for n, known in references.items():
        iou = np.where(known >= 0, ious[n], 0)
        nearest = iou.argmax(axis=1)
        better = iou.max(axis=1) > best
        names[better], best[better] = known[nearest[better]], iou.max(axis=1)[better]
    return names


def _elect(labels: np.ndarray, classes: np.ndarray) -> np.ndarray:
    """(N, R) labels -> (R,): of the class that most samples see, the label that most see."""
    n, runs = len(labels), np.arange(labels.shape[1])
    holders = np.sum([np.isin(np.arange(len(classes)), row) for row in labels], axis=0)
    there, kinds = 2 * holders[labels] >= n, classes[labels]
    kind = kinds[(_votes(kinds) + n * there).argmax(axis=0), runs]
    votes = (_votes(labels) + n * there) * (kinds == kind)
    chosen: np.ndarray = labels[votes.argmax(axis=0), runs]
    return chosen


def _votes(values: np.ndarray) -> np.ndarray:
    """(N, R): how many of the N rows say the same in this column."""
    return np.stack([(values == row).sum(axis=0) for row in values])


def _build(
    labels: np.ndarray,
    classes: np.ndarray,
    agreement: np.ndarray,
    lengths: np.ndarray,
    shape: tuple[int, ...],
    taxonomy: Taxonomy,
) -> PanopticMap:
    """The map of (R,) labels, whose segments have the mean agreement as their score."""
    names = np.union1d([VOID], labels)
    ids = np.searchsorted(names, labels)
    area = np.bincount(ids, lengths, len(names))
    score = np.bincount(ids, lengths * agreement, len(names)) / np.maximum(area, 1)
    return PanopticMap.from_ids(
        np.repeat(ids, lengths).reshape(shape),
        dict(enumerate(taxonomy.category_ids[classes[names]].tolist())),
        taxonomy,
        scores=dict(enumerate(score.tolist())),
    )
