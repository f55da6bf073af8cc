"""Clean-up: specks, and pixels that are not sure."""

from __future__ import annotations

import numpy as np

from pandiff.codec import PanopticCodec
from pandiff.panoptic import PanopticMap
from pandiff.synthesis.synthesize.cleanup import CleanUp, read_map, voided
from pandiff.synthesis.synthesize.maker import Candidate


def test_uncertain_pixels_become_void(candidate: Candidate) -> None:
    sure = np.full((32, 32), 0.9)
    sure[16:20, 4:12] = 0.2
    sure[20:24, 4:12] = 0.5
    panoptic = voided(candidate.panoptic, sure, 0.5, 4)
    assert np.array_equal(panoptic.ids == 0, sure < 0.5)
    assert panoptic[3].area == 32
    assert [round(s.score, 6) for s in panoptic.segments] == [0.9, 0.9, 0.5, 0.9]


def test_what_little_is_left_becomes_void(candidate: Candidate) -> None:
    sure = np.ones((32, 32))
    sure[16:24, 4:12] = 0
    sure[16, 4:7] = 1
    sure[:2, :2], sure[:2, 2], sure[2, :3] = 1, 0, 0
    kept = voided(candidate.panoptic, sure, 0.5, 3)
    assert kept[3].area == 3 and kept[2].area == 12 * 32 - 5
    gone = voided(candidate.panoptic, sure, 0.5, 5)
    assert [s.id for s in gone.segments] == [1, 2, 4]
    assert gone[2].area == 12 * 32 - 9


def test_nothing_may_be_left(candidate: Candidate) -> None:
    assert voided(candidate.panoptic, np.zeros((32, 32)), 0.5, 1).segments == ()


def test_regions_smaller_than_asked_go_to_a_neighbour(candidate: Candidate) -> None:
    codec = PanopticCodec(candidate.panoptic.taxonomy, min_area=0)
    values = codec.encode(candidate.panoptic)

    def boxes(clean: CleanUp) -> int:
        return read_map(values, codec, 32, clean).panoptic.count(7)

    assert boxes(CleanUp()) == boxes(CleanUp(min_area=60)) == 2
    assert boxes(CleanUp(min_area=70)) == 0


def test_confidence_is_that_before_any_void(candidate: Candidate) -> None:
    codec = PanopticCodec(candidate.panoptic.taxonomy)
    values = codec.encode(candidate.panoptic) * 0.3
    whole, cut = (read_map(values, codec, 32, CleanUp(v)) for v in (0, 0.999))
    assert whole.confidence == cut.confidence < 0.999
    assert (whole.panoptic.ids > 0).all()
    assert not (cut.panoptic.ids > 0).all()


def test_scores_follow_the_pixels(candidate: Candidate) -> None:
    assert isinstance(voided(candidate.panoptic, np.ones((32, 32)), 0.5, 0), PanopticMap)
    assert voided(candidate.panoptic, np.ones((32, 32)), 0.5, 0) == candidate.panoptic
