"""Whether a candidate is good enough: its scores, and the first filter that it fails."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pandiff.data.scenes import Caption
from pandiff.errors import InputError
from pandiff.evaluation.overlap import overlap
from pandiff.evaluation.panoptic_quality import pq_sums, quality
from pandiff.evaluation.segmenters import Segmenter
from pandiff.panoptic import PanopticMap
from pandiff.prompts.claims import share_held
from pandiff.synthesis.synthesize.maker import Candidate
from pandiff.taxonomy import VOID

BAD, DUPLICATE = "bad sample", "near duplicate"
"""Reasons that are no score."""
NAMES = ("confidence", "adherence", "agreement")
"""The scores, in the order in which they are taken."""
REASONS = (BAD, *NAMES, DUPLICATE)
"""Why a candidate may be dropped, in the order in which it is looked at."""


@dataclass(frozen=True)
class Thresholds:
    """The least scores of a sample, 0..1; 0 asks for nothing.

    Attributes:
        confidence: mean confidence of the map's pixels.
        adherence: share of the prompt's claims that hold in the map: categories are there, things
            in the stated numbers. Prompts that claim nothing pass.
        agreement: panoptic quality of what a segmenter sees in the image, against the map.
        near_duplicates: samples that differ by so little, or less, count as one; None keeps all.

    Raises:
        InputError: if one is out of range.
    """

    confidence: float = 0.0
    adherence: float = 0.0
    agreement: float = 0.0
    near_duplicates: float | None = None

    def __post_init__(self) -> None:
        for name in ("confidence", "adherence", "agreement"):
            if not 0 <= getattr(self, name) <= 1:
                raise InputError(f"a least {name} in 0..1", str(getattr(self, name)), "choose one")
        if self.near_duplicates is not None and not 0 <= self.near_duplicates <= 0.5:
            got = str(self.near_duplicates)
            raise InputError("a difference of near duplicates in 0..0.5", got, "0.1 is usual")


@dataclass(frozen=True)
class Verdict:
    """What became of a candidate.

    Attributes:
        scores: by name, 0..1; those that were taken.
        reason: one of REASONS, or None if it passes.
        why: the reason in words.
        shortfall: how far it is from passing: 0 if it does, more the earlier the filter and the
            lower the score; None for bad samples, which nothing can excuse.
    """

    scores: dict[str, float]
    reason: str | None = None
    why: str = ""
    shortfall: float | None = 0.0


class Judge:
    """Looks at candidates; cheap scores first, and no more after a failure.

    Args:
        thresholds: the least scores.
        segmenter: sees what is in the image; None leaves agreement out.

    Raises:
        InputError: if agreement is asked for without a segmenter.
    """

    def __init__(self, thresholds: Thresholds, segmenter: Segmenter | None = None) -> None:
        if thresholds.agreement > 0 and segmenter is None:
            raise InputError("a segmenter for --min-agreement", "none", "name one: --segmenter")
        self._thresholds, self._segmenter = thresholds, segmenter

    def __call__(self, caption: Caption, candidate: Candidate) -> Verdict:
        """The verdict on a candidate for a prompt."""
        filters = (confidence, adherence, self._agreement)
        scores: dict[str, float] = {}
        for left, (name, take) in zip((3, 2, 1), zip(NAMES, filters, strict=True), strict=True):
            score = take(caption, candidate)
            if score is None:
                continue
            scores[name] = round(score, 4)
            least = getattr(self._thresholds, name)
            if scores[name] < least:
                why = f"{name} {scores[name]:.4g}, below {least:g}"
                return Verdict(scores, name, why, left - scores[name] / least)
        return Verdict(scores)

    def _agreement(self, caption: Caption, candidate: Candidate) -> float | None:
        if self._segmenter is None:
            return None
        (seen,) = self._segmenter([candidate.image])
        return agreement(candidate.panoptic, seen, self._segmenter)


def confidence(caption: Caption, candidate: Candidate) -> float:
    """Mean confidence of the map's pixels, whatever the prompt."""
    return candidate.confidence


def adherence(caption: Caption, candidate: Candidate) -> float | None:
    """Share of a prompt's claims on categories and numbers that hold; None if it has none."""
    return share_held(caption, candidate.panoptic)


def agreement(panoptic: PanopticMap, seen: PanopticMap, segmenter: Segmenter) -> float | None:
    """Panoptic quality of what a segmenter sees, where the map shows what it knows, 0..1.

    None if it knows nothing of it.
    """
    known = [
        bool(segmenter.known[panoptic.taxonomy.index(s.category_id)]) for s in panoptic.segments
    ]
    if not any(known):
        return None
    if not all(known):
        panoptic = panoptic.with_ids(np.where(panoptic.lookup(known), panoptic.ids, VOID))
    return quality(pq_sums(overlap(panoptic, seen))).pq
