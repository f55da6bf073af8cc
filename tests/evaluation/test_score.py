"""Scores of many maps: exact however they are split, and of whole folders."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from pandiff.coco import FolderWriter, PanopticFolder
from pandiff.errors import InputError
from pandiff.evaluation.score import MapScores, score, summary
from pandiff.panoptic import PanopticMap
from pandiff.taxonomy import Category, Taxonomy


def scored(taxonomy: Taxonomy, pairs: list[tuple[PanopticMap, PanopticMap]]) -> MapScores:
    scores = MapScores(taxonomy)
    for pair in pairs:
        scores.add(*pair)
    return scores


@given(seeds=st.lists(st.integers(0, 999), max_size=8), cut=st.integers(0, 8))
def test_no_split_or_order_changes_a_bit(
    random_pair: Any, taxonomy: Taxonomy, seeds: list[int], cut: int
) -> None:
    pairs = [random_pair(seed) for seed in seeds]
    whole = scored(taxonomy, pairs)
    first, second = scored(taxonomy, pairs[cut:]), scored(taxonomy, pairs[:cut])
    first.merge(second)
    assert np.array_equal(first.sums, whole.sums)
    assert first.metrics() == whole.metrics()


def test_metrics_hold_plain_numbers(random_pair: Any, taxonomy: Taxonomy) -> None:
    metrics = scored(taxonomy, [random_pair(seed) for seed in range(20)]).metrics()
    assert json.loads(json.dumps(metrics)) == metrics
    assert metrics.keys() == {"pq", "miou", "mcd", "count_error"}
    assert metrics["pq"].keys() == {"all", "things", "stuff", "per_category"}
    per_category = metrics["pq"]["per_category"]
    assert per_category.keys() == {c.name for c in taxonomy.categories}
    mean = np.mean([c["pq"] for c in per_category.values()])
    assert metrics["pq"]["all"]["pq"] == pytest.approx(mean)
    ious = np.mean([c["iou"] for c in per_category.values()])
    assert metrics["miou"] == pytest.approx(ious)
    assert metrics["pq"]["things"]["n"] == 3 and metrics["pq"]["stuff"]["n"] == 2
    assert 0 < metrics["mcd"] < 2 and metrics["count_error"] > 0


def test_no_pairs_score_zero(taxonomy: Taxonomy) -> None:
    metrics = MapScores(taxonomy).metrics()
    assert metrics["pq"]["all"] == {"pq": 0, "sq": 0, "rq": 0, "n": 0}
    assert (metrics["miou"], metrics["mcd"], metrics["count_error"]) == (0, 0, 0)


def test_coco_sample(shared: Path) -> None:
    sample = shared / "coco_sample"
    metrics = score(sample / "panoptic.json", sample / "panoptic_predicted.json")
    expected = json.loads((sample / "expected.json").read_text())
    for name in ("All", "Things", "Stuff"):
        assert metrics["pq"][name.lower()] == pytest.approx(expected["PQ"][name], abs=1e-9)
    assert metrics["mcd"] == pytest.approx(expected["MCD"], abs=1e-9)


def test_images_are_matched_by_name(folder: Path, tmp_path: Path) -> None:
    """The same images in another order, under other ids and as other files, score one."""
    source = PanopticFolder.open(folder)
    with FolderWriter(tmp_path / "other", source.taxonomy) as writer:
        for i in (2, 0, 1):
            name = source.images[i].file_name
            writer.add(source.image(i), without_crowds(source.panoptic(i)), file_name=name)
    metrics = score(folder, tmp_path / "other")
    assert metrics["pq"]["all"]["pq"] == 1 and metrics["mcd"] == 0
    assert summary(metrics).startswith("PQ all 1.0000, ")


def test_processes_share_the_work(folder: Path) -> None:
    alone, shared = (score(folder, folder, workers=workers) for workers in (0, 2))
    assert shared == alone and alone["pq"]["all"]["n"] > 0


def test_parts_are_added_up(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = score(folder, folder)
    monkeypatch.setattr("pandiff.evaluation.score.PART", 2)
    assert score(folder, folder) == whole


def without_crowds(panoptic: PanopticMap) -> PanopticMap:
    classes = {s.id: s.category_id for s in panoptic.segments}
    return PanopticMap.from_ids(panoptic.ids, classes, panoptic.taxonomy)


def write(path: Path, taxonomy: Taxonomy, sizes: dict[str, tuple[int, int]]) -> Path:
    with FolderWriter(path, taxonomy) as writer:
        for name, (width, height) in sizes.items():
            ids = np.ones((height, width), int)
            panoptic = PanopticMap.from_ids(ids, {1: taxonomy.categories[0].id}, taxonomy)
            writer.add(Image.new("RGB", panoptic.size), panoptic, file_name=name)
    return path


@pytest.mark.parametrize(
    ("sizes", "message"),
    [
        ({"a.png": (3, 2)}, "b.png too, got none"),
        ({"a.png": (3, 2), "b.png": (3, 2), "z.png": (3, 2)}, "got one for z.png"),
        ({"a.png": (3, 2), "b.png": (2, 2)}, "3 x 2 px for b.png, got 2 x 2 px"),
    ],
)
def test_other_images_are_refused(
    tmp_path: Path, taxonomy: Taxonomy, sizes: dict[str, tuple[int, int]], message: str
) -> None:
    reference = write(tmp_path / "r", taxonomy, {"a.png": (3, 2), "b.png": (3, 2)})
    with pytest.raises(InputError, match=message):
        score(reference, write(tmp_path / "p", taxonomy, sizes))


def test_other_categories_are_refused(tmp_path: Path, taxonomy: Taxonomy) -> None:
    reference = write(tmp_path / "r", taxonomy, {"a.png": (3, 2)})
    renamed = Taxonomy((Category(7, "goat", True),))
    with pytest.raises(InputError, match="category 7 to be 'sheep' in both, got 'goat'"):
        score(reference, write(tmp_path / "p", renamed, {"a.png": (3, 2)}))
