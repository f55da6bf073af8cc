"""Metrics of maps beside panoptic quality: mIoU, mean count difference, count error.

Like those of panoptic quality, the sums are integers and can be added in any order.
"""

from __future__ import annotations

import numpy as np

from pandiff.evaluation.overlap import Overlap

MCD_UNIT = 1 << 36
"""Mean count differences are summed in these units: an error of 1e-11 for each image."""


def iou_sums(pair: Overlap) -> np.ndarray:
    """(num_classes, 2) int64: pixels in the intersection and in the union, for each category.

    Instances are merged. The reference's void does not count; predicted void counts as wrong.
    Row 0 (void) is zero.
    """
    known = pair.pixels[1:]
    shared = known * (pair.reference[1:, None] == pair.predicted)
    classes = pair.taxonomy.num_classes
    intersection = _sum_by(pair.reference[1:], shared.sum(axis=1), classes)
    reference = _sum_by(pair.reference[1:], known.sum(axis=1), classes)
    predicted = _sum_by(pair.predicted, known.sum(axis=0), classes)
    sums = np.stack([intersection, reference + predicted - intersection], axis=1)
    sums[0] = 0
    return sums


def mean_iou(sums: np.ndarray) -> float:
    """mIoU in 0..1: the mean over categories with a union of intersection / union; 0 if none."""
    sums = sums[sums[:, 1] > 0]
    return float((sums[:, 0] / sums[:, 1]).mean()) if len(sums) else 0.0


def mcd(pair: Overlap) -> float:
    """Count difference of one image, 0..2; its mean over images is MCD (arXiv 2412.02929).

    The sum over categories, void among them, of |pixels predicted - pixels in the reference|,
    divided by the number of pixels. It ignores position and instances: never report it alone.
    """
    classes = pair.taxonomy.num_classes
    reference = _sum_by(pair.reference, pair.pixels.sum(axis=1), classes)
    predicted = _sum_by(pair.predicted, pair.pixels.sum(axis=0), classes)
    return float(np.abs(reference - predicted).sum() / pair.pixels.sum())


def count_sums(pair: Overlap) -> np.ndarray:
    """(2,) int64: the sum of count errors of one image, and how many there are.

    There is one, |instances predicted - instances in the reference|, for each category of things
    that occurs in either map. A category of which the reference has a crowd is left out: its true
    count is not known. The count error of a dataset is the sum over the number, of all images.
    """
    classes = pair.taxonomy.num_classes
    reference = np.bincount(pair.reference, minlength=classes)
    predicted = np.bincount(pair.predicted, minlength=classes)
    countable = pair.taxonomy.isthing & (reference + predicted > 0)
    countable[pair.reference[pair.crowd]] = False
    return np.array([np.abs(reference - predicted)[countable].sum(), countable.sum()])


def _sum_by(index: np.ndarray, values: np.ndarray, classes: int) -> np.ndarray:
    """(classes,) int64: the sum of the values at each index."""
    return np.bincount(index, weights=values, minlength=classes).astype(np.int64)
