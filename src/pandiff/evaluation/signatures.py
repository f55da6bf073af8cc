"""The four ways to fail that the paper names (arXiv 2412.02929): who fails, and how often.

A threshold is where 5 % of the real images are worse, measured in the same way: so what the judges
get wrong is not laid to the model's charge. Blur has a fixed one, for real maps have none.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from pandiff.evaluation.bootstrap import Estimate, ratio_of
from pandiff.evaluation.intervals import Metric
from pandiff.evaluation.per_sample import Scores

WORST = 0.05
"""Share of the real images that are worse than a threshold."""
BLURRED = 0.5
"""Sharpness below which a transition between categories is two cells wide or more."""


@dataclass(frozen=True)
class Signature:
    """One way to fail.

    Attributes:
        name, title: in code and in words.
        part: what the paper lays it to.
        measure: the score that tells.
        threshold: a sample fails below it; None where the score was not measured.
        rule: in words.
        flagged: (N,) bool: the samples that fail.
        real_rate: share of the real images that fail; None where they cannot.
        needs: what to pass to have it measured.
    """

    name: str
    title: str
    part: str
    measure: str
    threshold: float | None
    rule: str
    flagged: np.ndarray
    real_rate: float | None
    needs: str = ""

    @property
    def rate(self) -> Estimate:
        """Share of the samples that fail."""
        count = len(self.flagged)
        return Metric(ratio_of(self.flagged.astype(float), np.ones(count)), count).estimate()

    def to_json(self) -> dict[str, Any]:
        """What metrics.json holds."""
        return {
            "title": self.title,
            "measure": self.measure,
            "threshold": self.threshold,
            "rule": self.rule,
            "rate": None if self.threshold is None else asdict(self.rate),
            "real_rate": self.real_rate,
            "samples": np.flatnonzero(self.flagged).tolist(),
            "needs": self.needs,
        }


def signatures(scores: dict[str, Scores], count: int) -> list[Signature]:
    """The four of them; those that could not be measured say what they need.

    Args:
        scores: of single samples.
        count: number of samples.
    """
    prompt = "clip" if "clip" in scores else "claims_image"
    good_map = _good(scores, "map_realism", count) & ~_blurred(scores, count)
    return [
        _below_real(
            scores, count, "disagreement", "Image and map disagree", "attention", "agreement",
            "PQ of the map against what the segmenter sees in the image", "--segmenter",
        ),
        _blurry(scores, count),
        _below_real(
            scores, count, "off_prompt", "Image off the prompt", "text", prompt,
            "CLIP score" if prompt == "clip" else "share of the prompt's claims seen in the image",
            "--clip, or --segmenter on scenes",
        ),
        _below_real(
            scores, count, "poor_image", "Poor image with a good map", "guidance", "image_realism",
            "realism among the real images, where the map is sharp and realistic",
            "--inception or --features", good_map,
        ),
    ]  # fmt: skip


def _below_real(
    scores: dict[str, Scores],
    count: int,
    name: str,
    title: str,
    part: str,
    measure: str,
    words: str,
    needs: str,
    among: np.ndarray | None = None,
) -> Signature:
    """A signature whose threshold is that of the real images; `among` these samples."""
    found = scores.get(measure)
    if found is None or found.real is None:
        return _unmeasured(name, title, part, measure, count, needs)
    threshold = real_threshold(found.real)
    flagged = found.made < threshold
    return Signature(
        name,
        title,
        part,
        measure,
        threshold,
        f"{words} is lower than for {1 - WORST:.0%} of the real images",
        flagged if among is None else flagged & among,
        float(np.mean(found.real < threshold)),
    )


def real_threshold(real: np.ndarray) -> float:
    """The value below which 5 % of the real images lie, at most."""
    return float(np.nanquantile(real, WORST, method="lower"))


def _blurry(scores: dict[str, Scores], count: int) -> Signature:
    if "sharpness" not in scores:
        return _unmeasured(
            "blurry_map", "Blurry map", "patching", "sharpness", count, "samples of a model"
        )
    rule = f"sharpness is below {BLURRED}: categories pass into each other over two cells or more"
    return Signature("blurry_map", "Blurry map", "patching", "sharpness", BLURRED, rule,
                     _blurred(scores, count), 0.0)  # fmt: skip


def _blurred(scores: dict[str, Scores], count: int) -> np.ndarray:
    found = scores.get("sharpness")
    return np.zeros(count, dtype=bool) if found is None else found.made < BLURRED


def _good(scores: dict[str, Scores], measure: str, count: int) -> np.ndarray:
    """(N,) bool: samples that are not worse than 95 % of the real ones."""
    found = scores.get(measure)
    if found is None or found.real is None:
        return np.ones(count, dtype=bool)
    return found.made >= real_threshold(found.real)


def _unmeasured(
    name: str, title: str, part: str, measure: str, count: int, needs: str
) -> Signature:
    nobody = np.zeros(count, dtype=bool)
    return Signature(name, title, part, measure, None, "not measured", nobody, None, needs)
