"""From rows to the metrics of a report, section by section."""

from __future__ import annotations

import math

import numpy as np

from pandiff.evaluation.bootstrap import Statistic, ratio_of
from pandiff.evaluation.boundaries import boundary_f_of
from pandiff.evaluation.distances import frechet_of, kernel_of
from pandiff.evaluation.distributions import (
    histogram_distance_of,
    jensen_shannon_of,
    sample_distance_of,
)
from pandiff.evaluation.intervals import Metric
from pandiff.evaluation.manifolds import manifold_of
from pandiff.evaluation.map_metrics import mean_iou
from pandiff.evaluation.map_shapes import ROUND_BINS
from pandiff.evaluation.measuring import CLAIMS, LAYOUT
from pandiff.evaluation.panoptic_quality import quality
from pandiff.evaluation.rows import Rows
from pandiff.evaluation.sample_sets import (
    IMAGE_TO_MAP,
    MAP_TO_IMAGE,
    OTHERS,
    REFERENCE,
    TEXT,
)
from pandiff.taxonomy import Taxonomy

Metrics = dict[str, Metric]
FEATURES = f"{REFERENCE}/features/"
_UP, _SHARE = (0.0, math.inf), (0.0, 1.0)
_BOUNDS = {
    **dict.fromkeys(("frechet", "density", "area_w1", "count_w1", "size_w1", "roundness_w1"), _UP),
    **dict.fromkeys(("precision", "recall", "coverage", "area_js"), _SHARE),
    "kernel": (-math.inf, math.inf),
}
"""What the numbers that compare sets lie between."""


def sections(rows: Rows, taxonomy: Taxonomy) -> dict[str, Metrics]:
    """All metrics that the rows allow, by section; sections without any are left out.

    `image`, `text`, `map`, `pair`, `truth_map`, `truth_image` are of prompts to both;
    `map_to_image` and `image_to_map` of the other directions. The same with `_real` is of the real
    images, with `_floor` of other real images against them, `pair_shuffled` of image and map of
    two samples.
    """
    found = {
        "image": _image(rows, TEXT),
        "image_floor": _image(rows, OTHERS),
        "text": _mean(rows, f"{TEXT}/clip", "clip"),
        "text_real": _mean(rows, f"{REFERENCE}/clip", "clip"),
        "map": _map(rows, TEXT, taxonomy)
        | _floors(rows)
        | _mean(rows, f"{TEXT}/sharpness", "sharpness"),
        "map_floor": _map(rows, OTHERS, taxonomy),
        "pair": _pair(rows, TEXT, taxonomy) | _ratios(rows, TEXT, taxonomy),
        "pair_real": _pair(rows, REFERENCE, taxonomy),
        "pair_shuffled": _pair(rows, "shuffled", taxonomy),
        "truth_map": _truth(rows, f"{TEXT}/claims_map"),
        "truth_map_real": _truth(rows, f"{REFERENCE}/claims_map"),
        "truth_image": _truth(rows, f"{TEXT}/claims_image"),
        "truth_image_real": _truth(rows, f"{REFERENCE}/claims_image"),
        "map_to_image": _image(rows, MAP_TO_IMAGE)
        | _mean(rows, f"{MAP_TO_IMAGE}/clip", "clip")
        | _pair(rows, MAP_TO_IMAGE, taxonomy)
        | _ratios(rows, MAP_TO_IMAGE, taxonomy),
        "image_to_map": _pair(rows, IMAGE_TO_MAP, taxonomy)
        | _mean(rows, f"{IMAGE_TO_MAP}/mcd", "mcd"),
    }
    return {name: metrics for name, metrics in found.items() if metrics}


def spaces(rows: Rows) -> list[str]:
    """The feature spaces of images."""
    names = [name.removeprefix(FEATURES) for name in rows if name.startswith(FEATURES)]
    return [name for name in names if name != LAYOUT]


def _image(rows: Rows, name: str) -> Metrics:
    found: Metrics = {}
    for space in spaces(rows):
        found |= {f"{space}.{k}": m for k, m in _compared(rows, name, space).items()}
    return found


def _compared(rows: Rows, name: str, space: str) -> Metrics:
    """Distances of a set to the real one in a feature space, and how they cover each other."""
    if f"{name}/features/{space}" not in rows:
        return {}
    real, made = rows[f"{FEATURES}{space}"], rows[f"{name}/features/{space}"]
    statistics: dict[str, Statistic] = {
        "frechet": frechet_of(real, made),
        "kernel": kernel_of(real, made),
        **manifold_of(real, made),
    }
    return {k: Metric(s, len(real), halves=True, bounds=_BOUNDS[k]) for k, s in statistics.items()}


def _mean(rows: Rows, name: str, title: str) -> Metrics:
    return {title: _mean_of(rows[name])} if name in rows else {}


def _mean_of(values: np.ndarray) -> Metric:
    return Metric(ratio_of(values, np.ones(len(values))), len(values))


def _floors(rows: Rows) -> Metrics:
    """MCD between two annotations of one image: what no model can be asked to be below."""
    return _mean(rows, "noise/mcd", "mcd_label_noise") | _mean(
        rows, "segmenter/mcd", "mcd_segmenter"
    )


def _map(rows: Rows, name: str, taxonomy: Taxonomy) -> Metrics:
    if f"{name}/shares" not in rows:
        return {}
    names = ("shares", "counts", "sizes", "roundness", "borders")
    real, made = ({n: rows[f"{s}/{n}"] for n in names} for s in (REFERENCE, name))
    count, thing = len(made["shares"]), taxonomy.isthing
    apart: dict[str, Statistic] = {
        "area_js": jensen_shannon_of(real["shares"], made["shares"]),
        "area_w1": sample_distance_of(real["shares"], made["shares"]),
        "count_w1": sample_distance_of(real["counts"][:, thing], made["counts"][:, thing]),
        "size_w1": histogram_distance_of(real["sizes"], made["sizes"]),
        "roundness_w1": histogram_distance_of(
            real["roundness"], made["roundness"], bin_width=1 / ROUND_BINS
        ),
    }
    return {
        **_mean(rows, f"{name}/mcd", "mcd"),
        **{k: Metric(s, count, halves=True, bounds=_BOUNDS[k]) for k, s in apart.items()},
        "border_ratio": Metric(ratio_of(made["borders"], real["borders"]), count),
        **_mean(rows, f"{name}/confidence", "confidence"),
        **{f"{LAYOUT}.{k}": m for k, m in _compared(rows, name, LAYOUT).items()},
    }


def _pair(rows: Rows, name: str, taxonomy: Taxonomy) -> Metrics:
    if f"{name}/pq" not in rows:
        return {}
    iou, border = rows[f"{name}/iou"], rows[f"{name}/border"]
    count = len(iou)
    return {
        **{k: Metric(s, count) for k, s in _qualities(rows[f"{name}/pq"], taxonomy).items()},
        "miou": Metric(_miou_of(iou), count),
        "boundary_f": Metric(boundary_f_of(border), count),
    }


def _qualities(sums: np.ndarray, taxonomy: Taxonomy) -> dict[str, Statistic]:
    """PQ of all categories, of things and of stuff, of sums (N, num_classes, 4)."""
    known = np.arange(taxonomy.num_classes) > 0
    groups = {
        "pq_all": known,
        "pq_things": taxonomy.isthing,
        "pq_stuff": known & ~taxonomy.isthing,
    }
    return {k: _pq_of(sums[:, group]) for k, group in groups.items()}


def _pq_of(sums: np.ndarray) -> Statistic:
    """PQ of sums (N, categories, 4), exact in float64 up to 2^53."""
    flat, shape = sums.reshape(len(sums), -1).astype(np.float64), sums.shape[1:]
    return lambda weights: quality((weights @ flat).reshape(shape)).pq


def _miou_of(sums: np.ndarray) -> Statistic:
    """Mean IoU of sums (N, categories, 2)."""
    flat, shape = sums.reshape(len(sums), -1).astype(np.float64), sums.shape[1:]
    return lambda weights: mean_iou((weights @ flat).reshape(shape))


def _ratios(rows: Rows, name: str, taxonomy: Taxonomy) -> Metrics:
    """Agreement over that of the real images: 1 where a model is as good as the segmenter sees."""
    if f"{name}/pq" not in rows or f"{REFERENCE}/pq" not in rows:
        return {}
    made, real = (_pair(rows, n, taxonomy) for n in (name, REFERENCE))
    return {
        f"{k}_ratio": Metric(_quotient(made[k].statistic, real[k].statistic), made[k].count)
        for k in made
    }


def _quotient(part: Statistic, whole: Statistic) -> Statistic:
    def statistic(weights: np.ndarray) -> float:
        value = whole(weights)
        return part(weights) / value if value else float("nan")

    return statistic


def _truth(rows: Rows, name: str) -> Metrics:
    """Shares of the claims that hold; of counts, of the prompts whose counts are all exact."""
    if name not in rows:
        return {}
    held, made = np.moveaxis(rows[name], 2, 0)
    counts = CLAIMS.index("counts")
    held[:, counts] = (held[:, counts] == made[:, counts]) & (made[:, counts] > 0)
    made[:, counts] = made[:, counts] > 0
    return {
        kind: Metric(ratio_of(held[:, k], made[:, k]), len(held), n=int(made[:, k].sum()))
        for k, kind in enumerate(CLAIMS)
    }
