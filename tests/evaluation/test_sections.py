"""Metrics from rows, single scores, signatures and verdicts: closed forms and trivial truths."""

from __future__ import annotations

import numpy as np
import pytest

from pandiff.evaluation.bootstrap import Estimate
from pandiff.evaluation.catalog import METRICS, SCORES, SECTIONS, describe, number
from pandiff.evaluation.categories import per_category
from pandiff.evaluation.evaluate import plain
from pandiff.evaluation.overlap import overlap
from pandiff.evaluation.panoptic_quality import pq_sums, quality
from pandiff.evaluation.per_sample import Scores, scores_of
from pandiff.evaluation.rows import Rows
from pandiff.evaluation.sections import sections
from pandiff.evaluation.signatures import real_threshold, signatures
from pandiff.evaluation.verdicts import verdicts
from pandiff.taxonomy import Taxonomy

COUNT = 40
RANDOM = np.random.default_rng(0)


def rows_of(**named: np.ndarray) -> Rows:
    """Rows by name, "__" for the slash."""
    rows = Rows()
    for name, values in named.items():
        rows.add(name.replace("__", "/"), range(len(values)), values)
    return rows


def test_agreement_is_panoptic_quality(random_pair, taxonomy: Taxonomy) -> None:  # type: ignore[no-untyped-def]
    sums = np.stack([pq_sums(overlap(*random_pair(seed))) for seed in range(COUNT)])
    iou = np.ones((COUNT, taxonomy.num_classes, 2), np.int64)
    rows = rows_of(text__pq=sums, text__iou=iou, text__border=np.ones((COUNT, 4), np.int64))
    found = sections(rows, taxonomy)
    assert set(found) == {"pair"}
    whole = quality(sums.sum(axis=0)[1:])
    assert found["pair"]["pq_all"].estimate().value == pytest.approx(whole.pq)
    assert found["pair"]["miou"].estimate().value == 1
    each = scores_of(rows)["agreement"].made
    assert each[3] == quality(sums[3, 1:]).pq


def test_claims(taxonomy: Taxonomy) -> None:
    claims = np.zeros((4, 4, 2), np.int64)
    claims[:, 0] = (1, 2)  # one of two categories
    claims[:, 1] = [(2, 2), (1, 2), (0, 0), (0, 1)]  # counts
    found = sections(rows_of(text__claims_map=claims), taxonomy)["truth_map"]
    values = {k: m.estimate() for k, m in found.items()}
    assert values["categories"].value == 0.5 and values["categories"].n == 8
    assert values["counts"].value == pytest.approx(1 / 3) and values["counts"].n == 3
    assert values["colors"].n == 0
    each = scores_of(rows_of(text__claims_map=claims))["claims_map"].made
    assert each.tolist() == pytest.approx([3 / 4, 2 / 4, 1 / 2, 1 / 3])


def test_maps_alike_do_not_differ(taxonomy: Taxonomy) -> None:
    classes = taxonomy.num_classes
    parts = {
        "shares": RANDOM.dirichlet(np.ones(classes), COUNT),
        "counts": RANDOM.integers(0, 4, (COUNT, classes)),
        "sizes": RANDOM.integers(0, 4, (COUNT, 16)),
        "roundness": RANDOM.integers(0, 4, (COUNT, 20)),
        "borders": RANDOM.random(COUNT),
    }
    named = {f"{s}__{k}": v for s in ("reference", "text") for k, v in parts.items()}
    found = sections(rows_of(**named), taxonomy)["map"]
    for name in ("area_js", "area_w1", "count_w1", "size_w1", "roundness_w1"):
        assert found[name].estimate() == Estimate(0, 0, 0, COUNT)
    assert found["border_ratio"].estimate().value == 1
    table = per_category(rows_of(**named), taxonomy)
    assert set(table) == {c.name for c in taxonomy.categories}
    found = [row[name].estimate() for row in table.values() for name in ("area_w1", "count_w1")]
    assert found and all((e.value, e.low, e.high) == (0, 0, 0) for e in found)


def test_void_and_stuff_are_not_counted(taxonomy: Taxonomy) -> None:
    counts = RANDOM.integers(0, 4, (COUNT, taxonomy.num_classes))
    other = counts + 5 * ~taxonomy.isthing
    same = {k: np.ones((COUNT, 3)) for k in ("shares", "sizes", "roundness")}
    named = {f"{s}__{k}": v for s in ("reference", "text") for k, v in same.items()}
    named |= {f"{s}__borders": np.ones(COUNT) for s in ("reference", "text")}
    rows = rows_of(**named, reference__counts=counts, text__counts=other)
    assert sections(rows, taxonomy)["map"]["count_w1"].estimate().value == 0


def test_a_threshold_is_where_one_in_twenty_real_images_is_worse() -> None:
    real, made = RANDOM.normal(0, 1, 1000), RANDOM.normal(-1, 1, COUNT)
    found = signatures({"agreement": Scores(made, real)}, COUNT)[0]
    assert found.name == "disagreement" and found.threshold == real_threshold(real)
    assert found.real_rate == pytest.approx(0.05, abs=0.002)
    assert found.flagged.tolist() == (made < found.threshold).tolist()
    assert found.rate.value == found.flagged.mean()


def test_real_images_that_are_all_alike_flag_none_of_their_kind() -> None:
    found = signatures({"claims_image": Scores(np.array([1.0, 0.9, np.nan]), np.ones(9))}, 3)[2]
    assert found.name == "off_prompt" and found.real_rate == 0
    assert found.flagged.tolist() == [False, True, False]


def test_a_poor_image_needs_a_good_map() -> None:
    real = Scores(np.zeros(3), np.ones(20))
    maps = Scores(np.array([1.0, 0.0, 1.0]), np.ones(20))
    sharp = Scores(np.array([0.9, 0.9, 0.1]))
    scores = {"image_realism": real, "map_realism": maps, "sharpness": sharp}
    blurry, poor = (s for s in signatures(scores, 3) if s.name in ("blurry_map", "poor_image"))
    assert poor.flagged.tolist() == [True, False, False]
    assert blurry.flagged.tolist() == [False, False, True] and blurry.threshold == 0.5


def test_what_was_not_measured_says_what_it_needs() -> None:
    for one in signatures({}, 3):
        assert one.threshold is None and one.needs and one.to_json()["rate"] is None


def test_best_first() -> None:
    values = np.array([0.2, np.nan, 0.9, 0.5])
    assert Scores(values).order().tolist() == [2, 3, 0]
    assert Scores(values, lower_is_better=True).order().tolist() == [0, 3, 2]


def report_of(count: int = 2000, **values: float) -> dict:  # type: ignore[type-arg]
    metrics: dict = {}  # type: ignore[type-arg]
    for name, value in values.items():
        section, _, metric = name.partition("__")
        metrics.setdefault(section, {})[metric.replace("__", ".")] = {"value": value, "n": count}
    signature = {"blurry_map": {"rate": {"value": 0.1}}}
    return {"setup": {"count": count, "segmenter": "s"}, "metrics": metrics,
            "signatures": signature}  # fmt: skip


@pytest.mark.parametrize(("ratio", "grade"), [(0.95, "good"), (0.9, "good"), (0.7, "fair"),
                                              (0.59, "poor")])  # fmt: skip
def test_verdict_on_pairs(ratio: float, grade: str) -> None:
    report = report_of(
        pair__pq_all=ratio / 2, pair__pq_all_ratio=ratio, pair_real__pq_all=0.5,
        pair_shuffled__pq_all=0.01,
    )  # fmt: skip
    (found, count) = verdicts(report)
    assert found.grade == grade and f"{100 * ratio:.0f}" in found.sentence
    assert "judged by s" in found.sentence and "90" in found.rule
    assert count.grade == "good"


def test_the_lower_of_precision_and_recall_counts() -> None:
    floor = {"image_floor__s__precision": 0.8, "image_floor__s__recall": 0.8}
    report = report_of(image__s__precision=0.8, image__s__recall=0.4, **floor)
    (found, _) = verdicts(report)
    assert found.grade == "poor" and "cover 40" in found.sentence


def test_few_samples_are_said_to_be_few() -> None:
    assert [v.grade for v in verdicts(report_of(96))] == ["poor"]


def test_every_metric_and_score_has_words() -> None:
    for entry in (*METRICS.values(), *SCORES.values()):
        assert entry.title and entry.text and entry.better
    assert describe("inception.frechet").title == "Fréchet distance"
    assert describe("pq_all_ratio").title == "PQ over real"
    assert "pair" in SECTIONS


@pytest.mark.parametrize(
    ("value", "percent", "text"),
    [(0.685, True, "68.5 %"), (43.21, False, "43.2"), (0.5, False, "0.500"), (0, False, "0.000"),
     (-0.00042, False, "-0.00042")],
)  # fmt: skip
def test_numbers(value: float, percent: bool, text: str) -> None:
    assert number(value, percent).replace("\N{NARROW NO-BREAK SPACE}", " ") == text


def test_no_bound_is_null() -> None:
    found = plain(Estimate(0.5, float("-inf"), float("inf"), 4))
    assert found == {"value": 0.5, "low": None, "high": None, "n": 4}
