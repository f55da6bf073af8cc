"""The script that measures partial layouts, variations and negative prompts: what it counts."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from PIL import Image

from pandiff.coco import PanopticFolder
from pandiff.evaluation.sampling import Sample
from pandiff.models.segmenter import PanopticSegmenter
from pandiff.panoptic import PanopticMap
from pandiff.pipeline import PanopticDiffusionPipeline
from pandiff.taxonomy import Category, Taxonomy

TAXONOMY = Taxonomy((Category(1, "sky", False), Category(2, "cow", True), Category(3, "dog", True)))


@pytest.fixture(scope="module")
def script(load_script: Callable[[str], ModuleType]) -> Any:
    return load_script("measure_controls")


def scene(*things: str, gray: int = 0) -> Sample:
    """Things of 6 by 6 px, side by side below a sky."""
    boxes = [(0, 0, 32, 32), *((8 * k, 8, 6, 6) for k in range(len(things)))]
    panoptic = PanopticMap.from_boxes(boxes, ["sky", *things], (32, 32), TAXONOMY)
    return Sample(Image.new("RGB", (32, 32), (gray,) * 3), panoptic)


def test_halves_are_halves(script: Any) -> None:
    whole = scene("cow").panoptic
    masks = [script.half(whole, np.random.default_rng(k)).labelled for k in range(20)]
    assert [mask.mean() for mask in masks] == pytest.approx([0.5] * 20, abs=0.02)
    assert all(mask[:, 0].any() != mask[:, -1].any() or mask.any(axis=0).all() for mask in masks)
    assert any(mask[:, :16].all() for mask in masks) and any(mask[:, 16:].all() for mask in masks)


def test_what_is_given_of_things(script: Any) -> None:
    panoptic = PanopticMap.from_ids(np.tri(8, dtype=np.int32) + 1, {1: 1, 2: 2}, TAXONOMY)
    rng = np.random.default_rng(0)
    assert np.array_equal(script.silhouettes(panoptic, rng).labelled, np.tri(8) > 0)
    assert script.boxes(panoptic, rng).labelled.all()
    assert script.kinds(script.boxes(panoptic, rng)) == {2}


def test_pixels_count_as_kept_by_segment_and_category(script: Any) -> None:
    given = script.silhouettes(scene("cow", "dog").panoptic, np.random.default_rng(0))
    assert script.kept(given, scene("cow", "dog").panoptic) == 72
    assert script.kept(given, scene("cow", "cow").panoptic) == 36
    assert script.kept(given, scene().panoptic) == 0


def test_what_stays_of_sources(script: Any) -> None:
    sources, made = [scene("cow", "dog"), scene("cow")], [scene("dog", gray=10), scene("dog")]
    row = script.likeness(sources, made)
    assert row["pixels apart"].value == 5
    assert row["kinds of things"].value == pytest.approx(1 / 3)


def test_how_many_maps_lose_a_category(script: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(script, "NEGATIVES", {"a cow": "cow", "cows": "cow", "a dog": "dog"})
    free = [scene("cow"), scene("cow", "cow"), scene("dog"), scene("cow")]
    made = {
        "a cow": [scene("cow"), scene("dog"), scene(), scene()],
        "cows": [scene()] * 4,
        "a dog": [scene("cow"), scene("cow"), scene(), scene()],
    }
    row = script.lessened(free, made, "a cow")
    assert {k: e.value for k, e in row.items()} == {
        "without": 0.75, "with others": 0.5, "with": 0.25, "difference": -0.5
    }  # fmt: skip
    assert row["difference"].low < -0.5 < row["difference"].high <= 0
    assert "| none | 0.75 (0.25 to 1.00) |" in script.markdown({"none": row})


def test_all_parts_on_an_untrained_model(
    script: Any, toy_data: Path, loaded: PanopticDiffusionPipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(script, "NEGATIVES", {"a red box": "box", "sky": "sky"})
    folder = PanopticFolder.open(toy_data)
    scenes = [Sample(folder.image(k), folder.panoptic(k)) for k in range(3)]
    judge = PanopticSegmenter(taxonomy=folder.taxonomy.to_coco(), widths=(8, 8)).eval()
    bench = script.Bench(loaded, judge, scenes, ["a red box"] * 3, steps=2, seed=0)
    parts = [part(bench) for part in script.PARTS.values()]
    assert [len(part.table) for part in parts] == [5, 5, 5]
    exact = [row["kept"].value for row in parts[0].table.values() if "kept" in row]
    assert exact == [1, 1, 1]
    assert script.picture(parts).width > 5 * 64
