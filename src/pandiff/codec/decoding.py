"""From class scores and instances at the map's resolution to segments at any size."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from scipy.ndimage import uniform_filter
from torch.nn.functional import interpolate

from pandiff.codec.bits import similarity
from pandiff.codec.components import absorb_specks
from pandiff.codec.labels import majority
from pandiff.panoptic import PanopticMap
from pandiff.taxonomy import VOID, Taxonomy

NEIGHBOURHOOD = 9
"""Side in cells of the square whose classes decide where the bits do not."""
ROUNDS = 3
"""How often the neighbours are asked."""
OPENNESS = 0.005
"""What a class counts without any support in the neighbourhood."""
SHARPNESS = 3.0
"""Inverse temperature of the softmax over code words: a clean bit is worth exp(6) : 1."""


@dataclass(frozen=True)
class Reading:
    """What is read at every pixel of a map, (H, W) each.

    Attributes:
        category: class index.
        instance: 1 or more on things, 0 elsewhere.
        confidence: probability of the category, 0..1, float32.
    """

    category: np.ndarray
    instance: np.ndarray
    confidence: np.ndarray


def class_scores(bits: np.ndarray, num_classes: int, void: bool = True) -> np.ndarray:
    """(bits, H, W) -> (num_classes, H, W): probabilities, the nearest code word's the highest.

    Without `void`, index 0 has probability 0.
    """
    logits = similarity(bits, num_classes) * SHARPNESS
    if not void:
        logits[VOID] = -np.inf
    np.exp(logits - logits.max(axis=0), out=logits)
    logits /= logits.sum(axis=0)
    return logits


def in_context(scores: np.ndarray) -> np.ndarray:
    """Weigh class probabilities (K, H, W) by how much of each class is around.

    Between two classes a network's bits pass through 0, where any word that shares the common
    bits is as near as the right two. The neighbours know which two. Each round weighs the first
    probabilities by the neighbourhood's mean of the last, as a mean field does; clean bits stay.
    """
    present = np.flatnonzero(scores.max(axis=(1, 2)) > 0.01)
    first = scores[present]
    weighed = first
    for _ in range(ROUNDS):
        size = (0, NEIGHBOURHOOD, NEIGHBOURHOOD)
        weighed = first * (uniform_filter(weighed, size, mode="nearest") + OPENNESS)
        weighed /= weighed.sum(axis=0)
    out = np.zeros_like(scores)
    out[present] = weighed
    return out


def enlarge(scores: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Bilinear (K, H, W) -> (K, height, width); `size` is (width, height)."""
    shape = (size[1], size[0])
    if scores.shape[1:] == shape:
        return scores
    return interpolate(torch.from_numpy(scores)[None], shape, mode="bilinear")[0].numpy()


def read_at(scores: np.ndarray, instance: np.ndarray, size: tuple[int, int]) -> Reading:
    """Read class scores (K, H, W) and instances (H, W) at (width, height), larger or equal.

    Scores are interpolated, labels never. A pixel takes the class of the highest score among the
    winners of its four cells, and the instance of that class with the largest share of them.
    """
    category = scores.argmax(axis=0)
    present = np.flatnonzero(np.bincount(category.ravel()))
    scores = enlarge(scores[present], size)
    best, confidence = present[scores.argmax(axis=0)], scores.max(axis=0)
    if best.shape == category.shape:
        return Reading(category, instance, confidence)
    cells = _corners(category.shape, size)
    classes = np.stack([category[cell.rows[:, None], cell.columns] for cell in cells])
    numbers = np.stack([instance[cell.rows[:, None], cell.columns] for cell in cells])
    weights = np.stack([cell.weights for cell in cells])
    choice = _largest_share(numbers, weights * (classes == best), weights)[None]
    return Reading(
        np.take_along_axis(classes, choice, 0)[0],
        np.take_along_axis(numbers, choice, 0)[0],
        confidence,
    )


class _Corner(NamedTuple):
    """One of the four cells about each pixel: (height,), (width,) and (height, width)."""

    rows: np.ndarray
    columns: np.ndarray
    weights: np.ndarray


def _corners(shape: tuple[int, ...], size: tuple[int, int]) -> list[_Corner]:
    """The cells of a map of this shape that bilinear interpolation to `size` mixes."""
    rows, columns = _taps(shape[0], size[1]), _taps(shape[1], size[0])
    return [_Corner(r, c, v[:, None] * w) for r, v in rows for c, w in columns]


def _taps(length: int, target: int) -> list[tuple[np.ndarray, np.ndarray]]:
    """For each of `target` pixels the two cells about it, and their weights."""
    place = np.clip((np.arange(target) + 0.5) * length / target - 0.5, 0, length - 1)
    low = place.astype(np.int64)
    part = (place - low).astype(np.float32)
    return [(low, 1 - part), (np.minimum(low + 1, length - 1), part)]


def _largest_share(numbers: np.ndarray, weights: np.ndarray, rest: np.ndarray) -> np.ndarray:
    """(4, height, width) labels and weights -> (height, width) the corner that stands for most.

    Corners of one label count together. Where all weights are 0, the corner of largest `rest`.
    """
    same = numbers[:, None] == numbers
    share = (same * weights).sum(axis=1) * (weights > 0)
    return np.where(share.max(axis=0) > 0, share.argmax(axis=0), rest.argmax(axis=0))


def to_map(reading: Reading, taxonomy: Taxonomy, min_area: float) -> PanopticMap:
    """Segments of a reading: stuff by category, things by instance, specks absorbed."""
    count = int(reading.instance.max()) + 1
    joint = reading.category * count + reading.instance
    present = np.flatnonzero(np.bincount(joint.ravel()))
    dense = np.searchsorted(present, joint)
    classes = present // count
    dense = absorb_specks(dense, classes, min_area)
    ids = np.where(classes == VOID, VOID, np.arange(1, len(classes) + 1))
    areas = np.bincount(dense.ravel(), minlength=len(classes))
    sums = np.bincount(dense.ravel(), reading.confidence.ravel(), minlength=len(classes))
    return PanopticMap.from_ids(
        ids[dense],
        dict(zip(ids.tolist(), taxonomy.category_ids[classes].tolist(), strict=True)),
        taxonomy,
        scores=dict(zip(ids.tolist(), (sums / np.maximum(areas, 1)).tolist(), strict=True)),
    )


def shrink(reading: Reading, size: tuple[int, int]) -> Reading:
    """Resize a reading to (width, height), smaller or equal: labels by majority vote."""
    if reading.category.shape == (size[1], size[0]):
        return reading
    count = int(reading.instance.max()) + 1
    joint, dense = np.unique(reading.category * count + reading.instance, return_inverse=True)
    joint = joint[majority(dense.reshape(reading.category.shape), len(joint), size)]
    confidence = enlarge(reading.confidence[None], size)[0]
    return Reading(joint // count, joint % count, confidence)
