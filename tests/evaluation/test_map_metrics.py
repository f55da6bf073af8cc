"""mIoU, MCD and count error: equal to loops, and to cases worked out by hand."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pandiff.coco import PanopticFolder
from pandiff.evaluation.map_metrics import count_sums, iou_sums, mcd, mean_iou
from pandiff.evaluation.overlap import overlap
from pandiff.panoptic import PanopticMap
from pandiff.taxonomy import Taxonomy

SHEEP, GRASS, BIRD, SKY = 7, 200, 3, 50


def make(taxonomy: Taxonomy, ids: list[list[int]], crowds: tuple[int, ...] = ()) -> PanopticMap:
    """Ids 1-9 are sheep, 10-19 grass, 20-29 birds, 30-39 sky."""
    kinds = (SHEEP, GRASS, BIRD, SKY)
    classes = {k: kinds[k // 10] for k in np.unique(ids).tolist() if k}
    return PanopticMap.from_ids(np.array(ids), classes, taxonomy, crowds=crowds)


@given(seed=st.integers(0, 1 << 32))
def test_sums_equal_the_loops(random_pair: Any, seed: int) -> None:
    reference, predicted = random_pair(seed)
    a, b = reference.category_index, predicted.category_index
    pair = overlap(reference, predicted)
    for k in range(1, 6):
        shared = int(((a == k) & (b == k)).sum())
        union = int((((a == k) | (b == k)) & (a > 0)).sum())
        assert iou_sums(pair)[k].tolist() == [shared, union]
    difference = sum(abs(int((a == k).sum()) - int((b == k).sum())) for k in range(6))
    assert mcd(pair) == pytest.approx(difference / a.size, abs=1e-12)
    errors = []
    for category in reference.taxonomy.categories:
        of = [s for s in reference.segments if s.category_id == category.id]
        count = predicted.count(category.id)
        if category.isthing and (of or count) and not any(s.is_crowd for s in of):
            errors.append(abs(len(of) - count))
    assert count_sums(pair).tolist() == [sum(errors), len(errors)]


def test_mcd_equals_the_reference(shared: Path) -> None:
    sample = shared / "coco_sample"
    maps = [
        PanopticFolder.open(sample / f"{name}.json").panoptic(0)
        for name in ("panoptic", "panoptic_predicted")
    ]
    expected = json.loads((sample / "expected.json").read_text())["MCD"]
    assert mcd(overlap(*maps)) == pytest.approx(expected, abs=1e-12)


def test_mcd_reaches_both_ends(taxonomy: Taxonomy) -> None:
    sheep, sky = make(taxonomy, [[1, 2]]), make(taxonomy, [[30, 30]])
    assert mcd(overlap(sheep, sky)) == 2
    assert mcd(overlap(sheep, make(taxonomy, [[2, 1]]))) == 0


def test_iou_leaves_out_void_of_the_reference_only(taxonomy: Taxonomy) -> None:
    reference = make(taxonomy, [[1, 1, 0, 30]])
    predicted = make(taxonomy, [[1, 0, 1, 30]])
    sums = iou_sums(overlap(reference, predicted))
    assert sums[taxonomy.index(SHEEP)].tolist() == [1, 2]
    assert mean_iou(sums) == pytest.approx(0.75)
    assert mean_iou(np.zeros((4, 2))) == 0


def test_count_error_counts_things_in_either_map(taxonomy: Taxonomy) -> None:
    reference = make(taxonomy, [[1, 2, 3, 30]])
    predicted = make(taxonomy, [[1, 1, 20, 10]])
    assert count_sums(overlap(reference, predicted)).tolist() == [2 + 1, 2]


def test_count_error_leaves_out_crowds(taxonomy: Taxonomy) -> None:
    reference = make(taxonomy, [[1, 2, 20]], crowds=(2,))
    predicted = make(taxonomy, [[1, 4, 5]])
    assert count_sums(overlap(reference, predicted)).tolist() == [1, 1]  # the bird
