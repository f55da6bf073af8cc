"""What the runs say: mean and spread of each arm, and its share of what real pairs reach."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import mean, stdev
from typing import Any

from pandiff.evaluation.downstream.runs import SCORES, Run
from pandiff.evaluation.downstream.settings import ARMS, GENERATED, REAL, RIVAL

Entry = dict[str, Any]

AIM = 0.95
"""What generated pairs alone should reach of what real pairs do."""


def summarise(runs: Sequence[Run]) -> dict[str, Any]:
    """Each arm that has runs, in the order of `ARMS`.

    Returns:
        By arm `{"title", "pairs", "seeds", "scores": {name: {"mean", "spread", "values",
        "ratio"}}}`. The spread is the deviation over seeds, None for a single one. `ratio` is
        `{"mean", "spread"}` of score over the real arm's of the same seed; None without it.
    """
    by_arm = {arm: sorted((r for r in runs if r.arm == arm), key=_seed) for arm in ARMS}
    real = {run.seed: run.scores for run in by_arm[REAL]}
    return {
        arm: {
            "title": ARMS[arm].title,
            "pairs": found[0].pairs,
            "seeds": [run.seed for run in found],
            "scores": {
                score: _numbers(found, real, score) for score in SCORES if score in found[0].scores
            },
        }
        for arm, found in by_arm.items()
        if found
    }


def _seed(run: Run) -> int:
    return run.seed


def _numbers(runs: Sequence[Run], real: Mapping[int, Mapping[str, float]], score: str) -> Entry:
    pairs = [(run.scores[score], real[run.seed][score]) for run in runs if run.seed in real]
    ratios = [ours / theirs for ours, theirs in pairs if theirs]
    values = [run.scores[score] for run in runs]
    return {**_spread(values), "values": values, "ratio": _spread(ratios) if ratios else None}


def _spread(values: Sequence[float]) -> Entry:
    return {"mean": mean(values), "spread": stdev(values) if len(values) > 1 else None}


def main_score(arms: Mapping[str, Any]) -> str:
    """The score that decides: PQ, or mIoU where segmenters find categories alone."""
    found = next(iter(arms.values()))["scores"]
    return next(score for score in SCORES if score in found)


def verdict(arms: Mapping[str, Any]) -> str:
    """In a sentence or two: what generated pairs reach, and whether the rival does better."""
    score = main_score(arms)
    label = LABELS[score]
    parts = []
    if GENERATED in arms and REAL in arms:
        ratio = arms[GENERATED]["scores"][score]["ratio"]
        if ratio is None:
            parts.append(f"Real pairs reach no {label}: train longer.")
        else:
            parts.append(
                f"Generated pairs alone reach {words(ratio)} of the {label} of real pairs; "
                f"the aim is {100 * AIM:.0f} %."
            )
    if GENERATED in arms and RIVAL in arms:
        ours, theirs = (words(arms[a]["scores"][score]) for a in (GENERATED, RIVAL))
        parts.append(f"Their {label} is {ours}, that of the rival {theirs}.")
    return " ".join(parts)


LABELS = {"pq_all": "PQ", "pq_things": "PQ of things", "pq_stuff": "PQ of stuff", "miou": "mIoU"}


def words(number: Mapping[str, Any]) -> str:
    """A mean with its spread, in per cent."""
    spread = (
        "" if number["spread"] is None else f" \N{PLUS-MINUS SIGN} {100 * number['spread']:.1f}"
    )
    return f"{100 * number['mean']:.1f}{spread} %"
