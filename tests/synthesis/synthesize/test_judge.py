"""Filters: what each score is, and which one drops a candidate."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from pandiff.data.scenes import Caption
from pandiff.errors import InputError
from pandiff.panoptic import PanopticMap
from pandiff.prompts.vocabulary import Vocabulary
from pandiff.synthesis.synthesize.judge import Judge, Thresholds
from pandiff.synthesis.synthesize.maker import Candidate


class Seen:
    """A segmenter that sees a given map."""

    name = "seen"

    def __init__(self, panoptic: PanopticMap, known: Sequence[bool] = (False, True, True, True)):
        self.panoptic, self.known, self.asked = panoptic, np.array(known), 0

    def __call__(self, images: Sequence[Image.Image]) -> list[PanopticMap]:
        self.asked += len(images)
        return [self.panoptic] * len(images)


def read(prompt: str, candidate: Candidate) -> Caption:
    return Vocabulary(candidate.panoptic.taxonomy).read(prompt)


@pytest.mark.parametrize(
    ("prompt", "score"),
    [
        ("two boxes on the ground", 1.0),
        ("a box on the ground", 2 / 3),
        ("no boxes below the sky", 0.5),
        ("three boxes", 0.5),
        ("boxes", 1.0),
        ("anything", None),
    ],
)
def test_adherence(prompt: str, score: float | None, candidate: Candidate) -> None:
    verdict = Judge(Thresholds())(read(prompt, candidate), candidate)
    assert verdict.reason is None
    assert verdict.scores.get("adherence") == (None if score is None else round(score, 4))


def test_the_first_filter_that_fails_is_the_reason(candidate: Candidate) -> None:
    prompt, other = read("three boxes", candidate), Seen(candidate.panoptic.flip())
    judge = Judge(Thresholds(0.9, 0.6, 0.9), other)
    verdict = judge(prompt, candidate)
    assert (verdict.reason, verdict.why) == ("confidence", "confidence 0.8, below 0.9")
    assert verdict.scores == {"confidence": 0.8}
    sure = replace(candidate, confidence=0.95)
    assert judge(prompt, sure).reason == "adherence"
    assert other.asked == 0
    assert judge(read("two boxes", candidate), sure).reason is None, "the map is symmetric"
    assert other.asked == 1


def test_shortfall_is_less_the_farther_it_gets(candidate: Candidate) -> None:
    def shortfall(prompt: str, confidence: float) -> float | None:
        judge = Judge(Thresholds(0.9, 0.9))
        return judge(read(prompt, candidate), replace(candidate, confidence=confidence)).shortfall

    values = [
        shortfall("three boxes", 0.5),
        shortfall("two boxes", 0.8),
        shortfall("three boxes", 0.95),
        shortfall("a box on the ground", 0.95),
        shortfall("two boxes", 0.95),
    ]
    assert all(v is not None for v in values)
    assert values == sorted(values, reverse=True)
    assert values[-1] == 0


def test_agreement(candidate: Candidate) -> None:
    caption = Caption("")
    same = Judge(Thresholds(agreement=1.0), Seen(candidate.panoptic))(caption, candidate)
    assert same.scores["agreement"] == 1.0
    ids = candidate.panoptic.ids.copy()
    ids[ids == 4] = 1
    one_box = Seen(candidate.panoptic.with_ids(ids))
    verdict = Judge(Thresholds(agreement=0.9), one_box)(caption, candidate)
    assert verdict.reason == "agreement"
    assert 0.5 < verdict.scores["agreement"] < 0.9


def test_what_the_segmenter_does_not_know_does_not_count(candidate: Candidate) -> None:
    ids = np.where(candidate.panoptic.ids > 2, 0, candidate.panoptic.ids)
    without = candidate.panoptic.with_ids(ids)
    blind = Seen(without, (False, True, True, False))
    assert Judge(Thresholds(), blind)(Caption(""), candidate).scores["agreement"] == 1.0
    seeing = Seen(without)
    assert Judge(Thresholds(), seeing)(Caption(""), candidate).scores["agreement"] < 1.0
    no_idea = Seen(without, (False,) * 4)
    assert "agreement" not in Judge(Thresholds(), no_idea)(Caption(""), candidate).scores


def test_agreement_takes_a_segmenter() -> None:
    with pytest.raises(InputError, match="a segmenter for --min-agreement, got none"):
        Judge(Thresholds(agreement=0.1))


@pytest.mark.parametrize(
    ("name", "value"),
    [("confidence", 1.1), ("adherence", -0.1), ("agreement", 2), ("near_duplicates", 0.6)],
)
def test_thresholds_out_of_range(name: str, value: float) -> None:
    with pytest.raises(InputError, match=r"in 0\.\.(1|0\.5), got"):
        Thresholds(**{name: value})
