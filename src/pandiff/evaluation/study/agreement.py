"""How far raters agree with one another, beyond chance, and with themselves."""

from __future__ import annotations

import numpy as np

from pandiff.evaluation.bootstrap import Estimate, Statistic, estimate

NOMINAL, ORDINAL, INTERVAL = "nominal", "ordinal", "interval"


def alpha(values: np.ndarray, level: str = ORDINAL) -> Estimate:
    """Krippendorff's alpha (2011, "Computing Krippendorff's alpha-reliability").

    1 is full agreement, 0 what chance gives. The interval is a bootstrap over questions.

    Args:
        values: (raters, questions) float, NaN where there is no answer.
        level: what differs more: "nominal" all differences alike, "ordinal" by how many answers
            lie between two, "interval" by their squared difference.

    Returns:
        With n, the number of questions that two or more answered; all 0 where no two answers
        differ, for then chance has nothing to do.
    """
    known = values[:, (~np.isnan(values)).sum(axis=0) >= 2]
    if known.size == 0:
        return Estimate(0.0, 0.0, 0.0, 0)
    return estimate(_alpha(known, level), known.shape[1])


def _alpha(values: np.ndarray, level: str) -> Statistic:
    scale = np.unique(values[~np.isnan(values)])
    counts = (values[..., None] == scale).sum(axis=0)  # (questions, answers)
    pairs = counts[:, :, None] * (counts[:, None, :] - np.eye(len(scale), dtype=int))
    shares = pairs / (counts.sum(axis=1) - 1)[:, None, None]

    def statistic(weights: np.ndarray) -> float:
        coincidences = np.tensordot(weights, shares, 1)
        totals = coincidences.sum(axis=0)
        delta = _distances(scale, totals, level)
        chance = (np.outer(totals, totals) * delta).sum() / (totals.sum() - 1)
        return float(1 - (coincidences * delta).sum() / chance) if chance else np.nan

    return statistic


def _distances(scale: np.ndarray, totals: np.ndarray, level: str) -> np.ndarray:
    """(n, n): how much any two answers differ."""
    if level == NOMINAL:
        return 1.0 - np.eye(len(scale))
    place = np.cumsum(totals) - totals / 2 if level == ORDINAL else scale
    return (place[:, None] - place[None, :]) ** 2


def identical(values: np.ndarray) -> Estimate:
    """Share of pairs of raters who gave one answer to a question, (raters, questions) as above."""
    same, all_pairs = [], []
    for column in values.T:
        given = column[~np.isnan(column)]
        _, counts = np.unique(given, return_counts=True)
        same.append((counts * (counts - 1)).sum() / 2)
        all_pairs.append(len(given) * (len(given) - 1) / 2)
    return _share(np.array(same), np.array(all_pairs))


def _share(parts: np.ndarray, wholes: np.ndarray) -> Estimate:
    if not wholes.sum():
        return Estimate(0.0, 0.0, 0.0, 0)
    return estimate(lambda w: _ratio(w, parts, wholes), len(parts), n=int(wholes.sum()))


def _ratio(weights: np.ndarray, parts: np.ndarray, wholes: np.ndarray) -> float:
    whole = float(weights @ wholes)
    return float(weights @ parts) / whole if whole else np.nan
