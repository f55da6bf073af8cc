"""The scores of predicted maps: sums over images, and the numbers of metrics.json."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import nullcontext
from dataclasses import asdict
from functools import cache, partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np

from pandiff.coco import ImageRecord, PanopticFolder, Progress
from pandiff.errors import InputError
from pandiff.evaluation.map_metrics import MCD_UNIT, count_sums, iou_sums, mcd, mean_iou
from pandiff.evaluation.overlap import overlap
from pandiff.evaluation.panoptic_quality import FN, FP, TP, pq_sums, quality
from pandiff.panoptic import PanopticMap
from pandiff.taxonomy import Taxonomy

GROUPS = ("all", "things", "stuff")
Pairs = Sequence[tuple[int, int]]
"""Positions of images of one name in two datasets."""
PART = 64
"""Pairs that are scored at a time."""


class MapScores:
    """Adds up the scores of pairs of maps. Exact: no order or split of the pairs changes a bit.

    Attributes:
        taxonomy: the reference's.
        sums: (6 * num_classes + 4,) int64, all that is known so far. Over several processes, sum
            these and assign the result.
    """

    def __init__(self, taxonomy: Taxonomy) -> None:
        self.taxonomy = taxonomy
        self.sums = np.zeros(6 * taxonomy.num_classes + 4, dtype=np.int64)

    def add(self, reference: PanopticMap, predicted: PanopticMap) -> None:
        """Add one pair of maps; InputError if their sizes or categories do not fit."""
        pair = overlap(reference, predicted)
        image = np.array([round(mcd(pair) * MCD_UNIT), 1])
        parts = pq_sums(pair).ravel(), iou_sums(pair).ravel(), count_sums(pair), image
        self.sums += np.concatenate(parts)

    def merge(self, other: MapScores) -> None:
        """Add the pairs of another, of the same taxonomy."""
        self.sums += other.sums

    def metrics(self) -> dict[str, Any]:
        """What metrics.json holds; every number in 0..1, but MCD (0..2) and count error (0 up).

        `per_category` has the categories that occur, by name.
        """
        n = self.taxonomy.num_classes
        pq, iou, (count, pairs, difference, images) = np.split(self.sums, [4 * n, 6 * n])
        pq, iou, isthing = pq.reshape(n, 4), iou.reshape(n, 2), self.taxonomy.isthing
        groups = zip(GROUPS, (pq[1:], pq[isthing], pq[1:][~isthing[1:]]), strict=True)
        qualities = {name: asdict(quality(rows)) for name, rows in groups}
        return {
            "pq": qualities | {"per_category": self._per_category(pq, iou)},
            "miou": mean_iou(iou),
            "mcd": float(difference / MCD_UNIT / max(images, 1)),
            "count_error": float(count / max(pairs, 1)),
        }

    def _per_category(self, pq: np.ndarray, iou: np.ndarray) -> dict[str, dict[str, float]]:
        return {
            category.name: _category_scores(pq[k], iou[k])
            for k, category in enumerate(self.taxonomy.categories, start=1)
            if pq[k].any() or iou[k].any()
        }


def _category_scores(pq: np.ndarray, iou: np.ndarray) -> dict[str, float]:
    one = quality(pq[None])
    counts = {"tp": int(pq[TP]), "fp": int(pq[FP]), "fn": int(pq[FN])}
    return {"pq": one.pq, "sq": one.sq, "rq": one.rq, "iou": mean_iou(iou[None])} | counts


def score(
    reference: str | Path, predicted: str | Path, *, workers: int = 0, progress: Progress = iter
) -> dict[str, Any]:
    """Compare two datasets, their images matched by file name.

    Args:
        reference: dataset folder or panoptic .json; its categories are those of the result.
        predicted: likewise.
        workers: processes that share the work; 0 for this one alone. The numbers are the same.
        progress: wraps the list of pairs, to show how far it is.

    Returns:
        `{"pq": {"all" | "things" | "stuff": {"pq", "sq", "rq", "n"}, "per_category": {...}},
        "miou", "mcd", "count_error"}`, see `MapScores.metrics`.

    Raises:
        InputError: if an image is in one of them only, or their sizes or categories do not fit.
    """
    first, second = PanopticFolder.open(reference), PanopticFolder.open(predicted)
    _check_names(first.taxonomy, second.taxonomy)
    scores, pairs = MapScores(first.taxonomy), _pairs(first, second)
    parts = [pairs[k : k + PART] for k in range(0, len(pairs), PART)]
    work: Iterator[np.ndarray] = map(partial(_sums, first, second), parts)
    with nullcontext() if workers == 0 else _pool(workers) as pool:
        if pool is not None:
            work = pool.map(partial(_opened_sums, reference, predicted), parts)
        for _ in progress(parts):
            scores.sums += next(work)
    return scores.metrics()


def _pool(workers: int) -> ProcessPoolExecutor:
    return ProcessPoolExecutor(workers, mp_context=get_context("spawn"))


def _sums(first: PanopticFolder, second: PanopticFolder, pairs: Pairs) -> np.ndarray:
    """The sums of some pairs of maps."""
    scores = MapScores(first.taxonomy)
    for i, k in pairs:
        scores.add(first.panoptic(i), second.panoptic(k))
    return scores.sums


def _opened_sums(reference: str | Path, predicted: str | Path, pairs: Pairs) -> np.ndarray:
    """The same in another process, which opens the datasets once."""
    return _sums(_opened(reference), _opened(predicted), pairs)


_opened = cache(PanopticFolder.open)


def summary(metrics: dict[str, Any]) -> str:
    """The main numbers of metrics.json in one line."""
    pq = ", ".join(f"PQ {name} {metrics['pq'][name]['pq']:.4f}" for name in GROUPS)
    rest = f"mIoU {metrics['miou']:.4f}, MCD {metrics['mcd']:.4f}"
    return f"{pq}, {rest}, count error {metrics['count_error']:.3f}"


def _pairs(first: PanopticFolder, second: PanopticFolder) -> list[tuple[int, int]]:
    """Positions in both of the images of one file name."""
    names = [image.file_name for image in first.images]
    found = {image.file_name: k for k, image in enumerate(second.images)}
    for name in names:
        if name not in found:
            raise InputError(f"a prediction for each image, {name} too", "none", "add it")
    for name in sorted(found.keys() - set(names))[:1]:
        raise InputError("predictions for the reference's images", f"one for {name}", "remove it")
    pairs = [(i, found[name]) for i, name in enumerate(names)]
    for i, k in pairs:
        _check_sizes(first.images[i], second.images[k])
    return pairs


def _check_sizes(first: ImageRecord, second: ImageRecord) -> None:
    if first[2:] != second[2:]:
        size, got = (f"{image.width} x {image.height} px" for image in (first, second))
        raise InputError(f"a prediction of {size} for {first.file_name}", got, "resize the map")


def _check_names(first: Taxonomy, second: Taxonomy) -> None:
    """The same id must mean the same category in both."""
    for category in second.categories:
        if category.id in first and first.by_id(category.id).name != category.name:
            expected = f"category {category.id} to be {first.by_id(category.id).name!r} in both"
            raise InputError(expected, repr(category.name), "use one list of categories")
