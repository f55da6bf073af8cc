"""Panoptic quality: equal to loops over dictionaries, to torchmetrics and to the COCO API."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pandiff.coco import PanopticFolder
from pandiff.errors import InputError
from pandiff.evaluation.overlap import overlap
from pandiff.evaluation.panoptic_quality import FN, FP, IOU, IOU_UNIT, TP, pq_sums, quality
from pandiff.panoptic import PanopticMap
from pandiff.taxonomy import Taxonomy

SEEDS = st.integers(0, 1 << 32)


def loop_sums(reference: PanopticMap, predicted: PanopticMap) -> dict[int, list[float]]:
    """IoU, TP, FP, FN by category id: the COCO API's algorithm, one dictionary at a time."""
    shared = Counter(zip(reference.ids.flat, predicted.ids.flat, strict=True))
    sums: dict[int, list[float]] = {c.id: [0.0, 0, 0, 0] for c in reference.taxonomy.categories}
    matched_r, matched_p = set(), set()
    for (r, p), pixels in shared.items():
        if r == 0 or p == 0 or reference[r].is_crowd:
            continue
        if reference[r].category_id != predicted[p].category_id:
            continue
        union = reference[r].area + predicted[p].area - pixels - shared.get((0, p), 0)
        if pixels / union > 0.5:
            sums[reference[r].category_id][IOU] += pixels / union
            sums[reference[r].category_id][TP] += 1
            matched_r.add(r)
            matched_p.add(p)
    crowds = {}
    for segment in reference.segments:
        if segment.is_crowd:
            crowds[segment.category_id] = segment.id
        elif segment.id not in matched_r:
            sums[segment.category_id][FN] += 1
    for segment in predicted.segments:
        if segment.id in matched_p:
            continue
        beyond = shared.get((0, segment.id), 0)
        if segment.category_id in crowds:
            beyond += shared.get((crowds[segment.category_id], segment.id), 0)
        if beyond / segment.area <= 0.5:
            sums[segment.category_id][FP] += 1
    return sums


def loop_quality(sums: list[list[float]]) -> tuple[float, float, float, int]:
    """PQ, SQ, RQ and n of the COCO API."""
    present = [s for s in sums if s[TP] + s[FP] + s[FN] > 0]
    if not present:
        return 0.0, 0.0, 0.0, 0
    whole = [s[TP] + s[FP] / 2 + s[FN] / 2 for s in present]
    pq = np.mean([s[IOU] / w for s, w in zip(present, whole, strict=True)])
    sq = np.mean([s[IOU] / s[TP] if s[TP] else 0 for s in present])
    rq = np.mean([s[TP] / w for s, w in zip(present, whole, strict=True)])
    return float(pq), float(sq), float(rq), len(present)


@given(seed=SEEDS)
def test_sums_equal_the_loops(random_pair: Any, seed: int) -> None:
    reference, predicted = random_pair(seed)
    sums = pq_sums(overlap(reference, predicted))
    expected = loop_sums(reference, predicted)
    rows = np.array([expected[c.id] for c in reference.taxonomy.categories])
    assert (sums[0] == 0).all()
    np.testing.assert_array_equal(sums[1:, TP:], rows[:, TP:])
    np.testing.assert_allclose(sums[1:, IOU] / IOU_UNIT, rows[:, IOU], atol=1e-10)


@given(seeds=st.lists(SEEDS, max_size=4))
def test_quality_equals_the_loops(random_pair: Any, taxonomy: Taxonomy, seeds: list[int]) -> None:
    pairs = [random_pair(seed) for seed in seeds]
    sums = np.zeros((taxonomy.num_classes, 4), dtype=np.int64)
    loops = np.zeros((len(taxonomy), 4))
    for reference, predicted in pairs:
        sums += pq_sums(overlap(reference, predicted))
        loops += list(loop_sums(reference, predicted).values())
    got = quality(sums)
    expected = loop_quality(loops.tolist())
    assert (got.pq, got.sq, got.rq, got.n) == pytest.approx(expected, abs=1e-9)


def test_sums_reach_every_rule(random_pair: Any) -> None:
    """The random maps exercise what they are meant to: matches, errors, crowds, void."""
    pairs = [overlap(*random_pair(seed)) for seed in range(200)]
    sums = sum(pq_sums(pair) for pair in pairs)
    assert (sums[1:].sum(axis=0) > 20).all()
    predictions = sum(len(pair.predicted) - 1 for pair in pairs)
    assert sums[:, [TP, FP]].sum() < predictions - 20  # some are ignored
    assert sum(pair.crowd.sum() for pair in pairs) > 20


def test_equals_the_coco_api(shared: Path) -> None:
    sample = shared / "coco_sample"
    reference = PanopticFolder.open(sample / "panoptic.json").panoptic(0)
    predicted = PanopticFolder.open(sample / "panoptic_predicted.json").panoptic(0)
    sums = pq_sums(overlap(reference, predicted))
    isthing = reference.taxonomy.isthing
    groups = {"All": sums, "Things": sums[isthing], "Stuff": sums[~isthing]}
    expected = json.loads((sample / "expected.json").read_text())["PQ"]
    for name, rows in groups.items():
        got = quality(rows)
        e = expected[name]
        assert (got.pq, got.sq, got.rq) == pytest.approx((e["pq"], e["sq"], e["rq"]), abs=1e-9)
        assert got.n == e["n"]


def test_equals_torchmetrics(random_pair: Any, taxonomy: Taxonomy) -> None:
    """Without crowds, which it does not know, and with one segment a kind of stuff."""
    torch = pytest.importorskip("torch")
    detection = pytest.importorskip("torchmetrics.functional.detection")
    for seed in range(5):
        reference, predicted = (as_instances(m) for m in random_pair(seed))
        both = torch.tensor(np.stack([labels(predicted), labels(reference)]))
        things = {k for k in range(1, 6) if taxonomy.isthing[k]}
        stuffs = set(range(6)) - things
        theirs = detection.panoptic_quality(
            both[0],
            both[1],
            things,
            stuffs,
            return_per_class=True,
            allow_unknown_preds_category=True,
        )
        ours = pq_sums(overlap(reference, predicted))
        order = [*sorted(things), *sorted(stuffs)]
        for k, value in zip(order, theirs.flatten().tolist(), strict=True):
            got = quality(ours[k : k + 1])
            if k and got.n:
                assert got.pq == pytest.approx(value, abs=1e-6)


def as_instances(panoptic: PanopticMap) -> PanopticMap:
    """Stuff merged by category, no crowd and no void, as torchmetrics has it."""
    index = np.maximum(panoptic.category_index, 2)  # void becomes grass
    thing = panoptic.taxonomy.isthing[index]
    ids = np.where(thing, panoptic.ids + 10, index)
    pairs = zip(ids.flat, panoptic.taxonomy.category_ids[index].flat, strict=True)
    classes = {int(i): int(category_id) for i, category_id in pairs}
    return PanopticMap.from_ids(ids, classes, panoptic.taxonomy)


def labels(panoptic: PanopticMap) -> np.ndarray:
    """(1, H, W, 2): category index and instance id."""
    return np.stack([panoptic.category_index, panoptic.ids], axis=-1)[None].astype(np.int64)


@given(seed=SEEDS)
def test_a_map_scores_one_against_itself(random_pair: Any, seed: int) -> None:
    _, without_crowds = random_pair(seed)
    got = quality(pq_sums(overlap(without_crowds, without_crowds)))
    assert (got.pq, got.sq, got.rq) == (float(got.n > 0),) * 3


def test_numbering_does_not_matter(random_pair: Any) -> None:
    reference, predicted = random_pair(5)
    classes = {s.id + 1: s.category_id for s in predicted.segments}
    renumbered = PanopticMap.from_ids(
        np.where(predicted.ids > 0, predicted.ids + 1, 0), classes, predicted.taxonomy
    )
    assert np.array_equal(
        pq_sums(overlap(reference, predicted)), pq_sums(overlap(reference, renumbered))
    )


def test_nothing_scores_zero() -> None:
    assert quality(np.zeros((3, 4), dtype=np.int64)).n == 0


def test_sizes_and_categories_must_fit(taxonomy: Taxonomy) -> None:
    small = PanopticMap.from_ids(np.ones((2, 3), int), {1: 7}, taxonomy)
    with pytest.raises(InputError, match=r"expected a map of \(3, 2\), got \(2, 3\)"):
        overlap(small, PanopticMap.from_ids(np.ones((3, 2), int), {1: 7}, taxonomy))
    fewer = Taxonomy(taxonomy.categories[1:])
    with pytest.raises(InputError, match="got 7"):
        overlap(PanopticMap.from_ids(np.ones((2, 3), int), {1: 200}, fewer), small)
