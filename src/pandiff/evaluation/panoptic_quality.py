"""Panoptic quality (Kirillov et al. 2019, arXiv 1801.00868), by the rules of the COCO API.

    PQ = sum of IoU over matches / (TP + FP / 2 + FN / 2) = SQ * RQ

The sums are integers, so that batches, their order and the number of processes change nothing.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pandiff.evaluation.overlap import Overlap

IOU_UNIT = 1 << 36
"""IoU sums are kept in these units: an error of 1e-11 each, room for 1e8 matches a category."""

IOU, TP, FP, FN = range(4)
"""Columns of the sums."""


def pq_sums(pair: Overlap) -> np.ndarray:
    """What one image adds to each category.

    A match is a pair of one category whose IoU is above 1/2; pixels of the prediction on the
    reference's void do not count in the union. Crowds are neither matched nor missed. A
    prediction of which more than half lies on void or on the crowd of its category is ignored.
    (Of several crowds of one category, which COCO does not have, the last counts, as in its API.)

    Args:
        pair: of `pandiff.evaluation.overlap`.

    Returns:
        (num_classes, 4) int64: IoU in IOU_UNIT, true positives, false positives, false negatives;
        row 0 (void) is zero.
    """
    row, column, iou = _matches(pair)
    missed = ~pair.crowd
    missed[row] = False
    wrong = ~_ignored(pair)
    wrong[column] = False
    sums = np.zeros((pair.taxonomy.num_classes, 4), dtype=np.int64)
    matched = pair.reference[row]
    np.add.at(sums[:, IOU], matched, np.rint(iou * IOU_UNIT).astype(np.int64))
    np.add.at(sums[:, TP], matched, 1)
    np.add.at(sums[:, FP], pair.predicted[wrong], 1)
    np.add.at(sums[:, FN], pair.reference[missed], 1)
    sums[0] = 0
    return sums


def _matches(pair: Overlap) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Rows, columns and IoUs of the matches; at most one for each row and each column."""
    same = pair.reference[:, None] == pair.predicted
    rows, columns = np.nonzero(same & (pair.pixels > 0) & ~pair.crowd[:, None])
    rows, columns = rows[rows > 0], columns[rows > 0]
    shared = pair.pixels[rows, columns]
    counted = pair.pixels.sum(axis=0) - pair.pixels[0]
    iou = shared / (pair.pixels.sum(axis=1)[rows] + counted[columns] - shared)
    good = iou > 0.5
    return rows[good], columns[good], iou[good]


def _ignored(pair: Overlap) -> np.ndarray:
    """(P + 1,) bool: predictions of which more than half lies on void or their crowd."""
    crowd_row = np.zeros(pair.taxonomy.num_classes, dtype=np.int64)
    crowd_row[pair.reference[pair.crowd]] = np.flatnonzero(pair.crowd)
    row = crowd_row[pair.predicted]
    on_crowd = np.where(row > 0, pair.pixels[row, np.arange(len(row))], 0)
    return 2 * (pair.pixels[0] + on_crowd) > pair.pixels.sum(axis=0)


@dataclass(frozen=True)
class Quality:
    """PQ, SQ and RQ, each in 0..1, means over the n categories that occur; 0 where n is 0."""

    pq: float
    sq: float
    rq: float
    n: int


def quality(sums: np.ndarray) -> Quality:
    """The mean quality of categories.

    Args:
        sums: (categories, 4) of `pq_sums`, added up over images; those without any match, false
            positive or false negative do not count.
    """
    sums = sums[sums[:, TP:].any(axis=1)]
    if not len(sums):
        return Quality(0.0, 0.0, 0.0, 0)
    tp = sums[:, TP]
    iou = sums[:, IOU] / IOU_UNIT
    total = tp + (sums[:, FP] + sums[:, FN]) / 2
    pq, sq, rq = iou / total, iou / np.maximum(tp, 1), tp / total
    return Quality(float(pq.mean()), float(sq.mean()), float(rq.mean()), len(sums))
