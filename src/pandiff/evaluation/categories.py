"""What each category shows, made and real: areas, counts, and agreement of map and image."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from pandiff.evaluation.bootstrap import ratio_of
from pandiff.evaluation.distributions import sample_distance_of
from pandiff.evaluation.intervals import Metric
from pandiff.evaluation.map_metrics import mean_iou
from pandiff.evaluation.panoptic_quality import TP, quality
from pandiff.evaluation.rows import Rows
from pandiff.evaluation.sample_sets import REFERENCE, TEXT
from pandiff.taxonomy import Taxonomy

SETS = {"made": TEXT, "real": REFERENCE}
AREA, COUNT = "area", "count"


def per_category(rows: Rows, taxonomy: Taxonomy) -> dict[str, dict[str, Metric]]:
    """The numbers of each category that occurs, by its name, for prompts to both.

    Mean share of the pixels and mean number of segments, made and real; Wasserstein-1 distances of
    both over images; and, with a segmenter, PQ and IoU of map and image.
    """
    shares, counts = (
        {s: rows[f"{name}/{what}"].astype(np.float64) for s, name in SETS.items()}
        for what in ("shares", "counts")
    )
    return {
        category.name: {
            **dict(_distribution(AREA, {s: v[:, k] for s, v in shares.items()})),
            **dict(_distribution(COUNT, {s: v[:, k] for s, v in counts.items()})),
            **dict(_agreement(rows, k)),
        }
        for k, category in enumerate(taxonomy.categories, start=1)
        if any(v[:, k].any() for v in (*shares.values(), *counts.values()))
    }


def _distribution(what: str, values: dict[str, np.ndarray]) -> Iterator[tuple[str, Metric]]:
    """Means of both sets (N,), and how far apart they are."""
    for name, one in values.items():
        yield f"{what}_{name}", Metric(ratio_of(one, np.ones(len(one))), len(one))
    made, real = (v[:, None] for v in values.values())
    distance = sample_distance_of(real, made)
    yield f"{what}_w1", Metric(distance, len(made), halves=True, bounds=(0.0, np.inf))


def _agreement(rows: Rows, index: int) -> Iterator[tuple[str, Metric]]:
    """PQ and IoU of one category; n is the number of images that have it in either map."""
    if f"{TEXT}/pq" not in rows:
        return
    pq, iou = (rows[f"{TEXT}/{what}"][:, index].astype(np.float64) for what in ("pq", "iou"))

    def pq_of(weights: np.ndarray) -> float:
        return quality((weights @ pq)[None]).pq if (weights @ pq)[TP:].any() else np.nan

    def iou_of(weights: np.ndarray) -> float:
        return mean_iou((weights @ iou)[None]) if (weights @ iou)[1] else np.nan

    yield "pq", Metric(pq_of, len(pq), n=int(pq[:, TP:].any(axis=1).sum()))
    yield "iou", Metric(iou_of, len(iou), n=int(iou.any(axis=1).sum()))
