"""What single samples score, to show the best and the worst, and to find failures."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from pandiff.evaluation.boundaries import boundary_f
from pandiff.evaluation.manifolds import realism
from pandiff.evaluation.map_metrics import mean_iou
from pandiff.evaluation.measuring import LAYOUT
from pandiff.evaluation.panoptic_quality import quality
from pandiff.evaluation.rows import Rows
from pandiff.evaluation.sample_sets import IMAGE_TO_MAP, REFERENCE, TEXT
from pandiff.evaluation.sections import spaces


@dataclass(frozen=True)
class Scores:
    """One measure of every sample.

    Attributes:
        made: (N,) of the generated; NaN where it cannot be told.
        real: (N,) of the real images, where they have it.
        lower_is_better: whether it is an error.
    """

    made: np.ndarray
    real: np.ndarray | None = None
    lower_is_better: bool = False

    def order(self) -> np.ndarray:
        """The numbers of the samples, best first; those without a score are left out."""
        key = self.made if self.lower_is_better else -self.made
        order = np.argsort(key, kind="stable")
        return order[~np.isnan(self.made[order])]


def scores_of(rows: Rows) -> dict[str, Scores]:
    """All measures of single samples that the rows allow, by name."""
    found = {
        "agreement": _both(rows, "pq", _pq_each),
        "agreement_miou": _both(rows, "iou", _iou_each),
        "boundary_f": _both(rows, "border", _f_each),
        "clip": _both(rows, "clip", _plain),
        "claims_map": _both(rows, "claims_map", _share_each),
        "claims_image": _both(rows, "claims_image", _share_each),
        "mcd": _alone(rows, "mcd", lower_is_better=True),
        "sharpness": _alone(rows, "sharpness"),
        "confidence": _alone(rows, "confidence"),
        "image_realism": _realism(rows, *spaces(rows)[:1]),
        "map_realism": _realism(rows, LAYOUT),
    }
    return {name: scores for name, scores in found.items() if scores is not None}


def measures_of(rows: Rows, part: str) -> dict[str, np.ndarray]:
    """What the rows say of each sample of one set ("text", "reference", ...), by name."""
    pq = "truth" if part == IMAGE_TO_MAP else "agreement"
    table: dict[str, tuple[str, Callable[[np.ndarray], np.ndarray]]] = {
        pq: ("pq", _pq_each),
        f"{pq}_miou": ("iou", _iou_each),
        "boundary_f": ("border", _f_each),
        "mcd": ("mcd", _plain),
        **{name: (name, _plain) for name in ("clip", "confidence", "sharpness")},
    }
    found = {n: f(rows[k]) for n, (what, f) in table.items() if (k := f"{part}/{what}") in rows}
    if part == REFERENCE and "confidence" in found:
        del found["confidence"]  # drawn, not estimated: it is 1 for all
        found["mcd"] = np.zeros(len(rows[f"{part}/shares"]))
    return found


def _both(rows: Rows, what: str, each: Callable[[np.ndarray], np.ndarray]) -> Scores | None:
    if f"{TEXT}/{what}" not in rows:
        return None
    real = f"{REFERENCE}/{what}"
    return Scores(each(rows[f"{TEXT}/{what}"]), each(rows[real]) if real in rows else None)


def _alone(rows: Rows, what: str, lower_is_better: bool = False) -> Scores | None:
    name = f"{TEXT}/{what}"
    return Scores(rows[name], None, lower_is_better) if name in rows else None


def _realism(rows: Rows, space: str = "") -> Scores | None:
    """How deep a sample lies among the real ones of a feature space."""
    names = [f"{s}/features/{space}" for s in (REFERENCE, TEXT)]
    if not space or any(name not in rows for name in names):
        return None
    real, made = realism(*(rows[name] for name in names))
    return Scores(made, real)


def _plain(values: np.ndarray) -> np.ndarray:
    return values.astype(np.float64)


def _pq_each(sums: np.ndarray) -> np.ndarray:
    return np.array([quality(one[1:]).pq for one in sums])


def _iou_each(sums: np.ndarray) -> np.ndarray:
    return np.array([mean_iou(one) for one in sums])


def _f_each(sums: np.ndarray) -> np.ndarray:
    return np.array([boundary_f(one) for one in sums])


def _share_each(claims: np.ndarray) -> np.ndarray:
    """Share of a prompt's claims, of all kinds, that hold."""
    held, made = claims.sum(axis=1).T
    return np.where(made > 0, held / np.maximum(made, 1), np.nan)
