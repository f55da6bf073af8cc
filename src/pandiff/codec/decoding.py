"""From class scores and instances at the map's resolution to segments at any size."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch.nn.functional import interpolate

from pandiff.codec.bits import similarity
from pandiff.codec.components import absorb_specks
from pandiff.codec.labels import majority
from pandiff.panoptic import VOID, PanopticMap, Taxonomy

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


def class_scores(bits: np.ndarray, num_classes: int) -> np.ndarray:
    """(bits, H, W) -> (num_classes, H, W): probabilities, the nearest code word's the highest."""
    logits = similarity(bits, num_classes) * SHARPNESS
    np.exp(logits - logits.max(axis=0), out=logits)
    logits /= logits.sum(axis=0)
    return logits


def enlarge(scores: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Bilinear (K, H, W) -> (K, height, width); `size` is (width, height)."""
    shape = (size[1], size[0])
    if scores.shape[1:] == shape:
        return scores
    return interpolate(torch.from_numpy(scores)[None], shape, mode="bilinear")[0].numpy()


def read_at(scores: np.ndarray, instance: np.ndarray, size: tuple[int, int]) -> Reading:
    """Read class scores (K, H, W) and instances (H, W) at (width, height), larger or equal.

    Scores and the masks of instances are interpolated, labels never: a pixel takes a class that
    wins somewhere in the map, and the instance of its class that covers most of it.
    """
    category = scores.argmax(axis=0)
    present = np.flatnonzero(np.bincount(category.ravel()))
    scores = enlarge(scores[present], size)
    best = present[scores.argmax(axis=0)]
    numbers = np.zeros_like(best)
    for value in present:
        inside = best == value
        numbers[inside] = _enlarge_labels(np.where(category == value, instance, 0), size)[inside]
    return Reading(best, numbers, scores.max(axis=0))


def _enlarge_labels(labels: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """(H, W) labels -> (height, width): of the labels but 0, the one that covers most."""
    values = np.flatnonzero(np.bincount(labels.ravel()))
    values = values[values > 0]
    if len(values) < 2:
        return np.full((size[1], size[0]), values[0] if len(values) else 0)
    masks = (labels == values[:, None, None]).astype(np.float32)
    return values[enlarge(masks, size).argmax(axis=0)]


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
