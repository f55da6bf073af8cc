"""The report of the built-in world: the truth scores best, the shuffled truth worse."""

from __future__ import annotations

import pytest

from pandiff.data.scenes import make_scene
from pandiff.errors import InputError
from pandiff.evaluation.panoptic_quality import quality
from pandiff.evaluation.sampling import Sample
from pandiff.evaluation.scenes_report import Subject, agreement, shuffled, subjects, text_report


@pytest.fixture(scope="module")
def asked() -> list[Subject]:
    return subjects(12, 64)


@pytest.fixture(scope="module")
def truth(asked: list[Subject]) -> list[Sample]:
    return [Sample(s.image, s.panoptic) for s in asked]


def test_subjects_are_unseen_and_take_turns_at_the_captions(asked: list[Subject]) -> None:
    seventh = make_scene(2, 7, 64)
    assert asked[7].caption == seventh.captions[2]
    assert asked[7].panoptic == seventh.panoptic


def test_one_subject_cannot_be_shuffled() -> None:
    with pytest.raises(InputError, match="2 or more scenes"):
        subjects(1, 64)


def test_the_truth_keeps_every_claim(asked: list[Subject], truth: list[Sample]) -> None:
    report = text_report(asked, truth)
    for name in ("categories", "counts"):
        assert (report[name].value, report[name].low) == (1.0, 1.0)
    assert report["mcd"].value == 0
    assert report["categories"].n == sum(len(s.caption.categories) for s in asked)
    assert report["counts"].n == sum(bool(s.caption.counts) for s in asked)


def test_the_shuffled_truth_does_not(asked: list[Subject], truth: list[Sample]) -> None:
    report = text_report(asked, shuffled(truth))
    assert report["categories"].value < 0.9
    assert report["counts"].value < 0.5
    assert report["mcd"].value > 0.2
    assert report["mcd"].low <= report["mcd"].value <= report["mcd"].high


def test_agreement_is_panoptic_quality(asked: list[Subject], truth: list[Sample]) -> None:
    maps = [s.panoptic for s in asked]
    wrong = [m.panoptic for m in shuffled(truth)]
    same, other = agreement(maps, maps), agreement(maps, wrong)
    assert {e.value for e in same.report().values()} == {1.0}
    report = other.report()
    assert report["all"].value == quality(other.sums.sum(axis=0)[1:]).pq < 0.5
    assert other.ratio_to(same)["all"].value == report["all"].value
    assert other.ratio_to(other)["stuff"] == same.ratio_to(same)["stuff"]
