"""The choice among tries of an edit."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pandiff.coco import PanopticFolder
from pandiff.panoptic import PanopticMap
from pandiff.pipeline import PanopticDiffusionPipeline
from pandiff.synthesis import edit, editing
from pandiff.synthesis.choice import best, look, overlap, score, shows
from pandiff.synthesis.generate import Pair, Settings
from pandiff.taxonomy import Category, Taxonomy

TAXONOMY = Taxonomy(
    (Category(1, "grass", False), Category(2, "cow", True), Category(3, "dog", True))
)


def scene(kind: str, *boxes: tuple[int, int, int, int]) -> PanopticMap:
    """20 x 20: grass, and things of a category (ids from 2)."""
    names = ["grass", *[kind] * len(boxes)]
    return PanopticMap.from_boxes([(0, 0, 20, 20), *boxes], names, (20, 20), TAXONOMY)


def test_the_overlap_is_with_the_most_like_segment_of_the_category() -> None:
    made = scene("cow", (4, 4, 8, 8))
    seen = scene("cow", (0, 0, 2, 2), (4, 4, 8, 4))
    assert overlap(made, seen, 2) == 0.5
    assert overlap(made, made, 2) == 1
    assert overlap(made, scene("dog", (4, 4, 8, 8)), 2) == 0
    assert overlap(made, seen, 9) == 0, "it was not made at all"


def test_a_score_counts_the_region_and_the_wanted_segment() -> None:
    made, seen = scene("cow", (4, 4, 8, 8)), scene("cow", (4, 4, 8, 4))
    region = np.zeros((20, 20), bool)
    region[4:12, 4:12] = True
    assert score(made, seen, region, None) == 0.5
    assert score(made, seen, region, 2) == 1.0
    assert score(made, made, region, 2) == 2.0
    assert score(made, seen, np.zeros((20, 20), bool), None) == 1.0


def test_a_border_that_shows_costs_and_counts_alike_at_any_size() -> None:
    """A flat grey image with a square that stands out by 40 grey levels, or by none."""
    known = np.ones((64, 64), bool)
    known[20:44, 20:44] = False
    grey = np.full((64, 64), 100, np.uint8)
    before, after = (
        Image.fromarray(np.where(known, grey, 100 + up).astype("uint8")) for up in (0, 40)
    )
    assert shows(before, before, known, 64) == 0
    assert shows(before, after, known, 64) > 10
    large = [one.resize((256, 256), Image.Resampling.NEAREST) for one in (before, after)]
    fine = known.repeat(4, 0).repeat(4, 1)
    assert shows(*large, fine, 64) == pytest.approx(shows(before, after, known, 64))
    assert shows(before, after, np.ones_like(known), 64) == 0, "nothing was made"


def test_the_best_of_each_run_is_kept() -> None:
    pairs = [Pair("", k, Image.new("RGB", (1, 1)), scene("cow")) for k in range(6)]
    kept = best(pairs, [0.1, 0.5, 0.5, 2.0, 0.0, 1.0], 3)
    assert [p.seed for p in kept] == [1, 3]
    assert best(pairs, [0.0] * 6, 1) == pairs


def test_a_run_keeps_the_try_that_is_seen_best(tiny_model: Path, toy_data: Path) -> None:
    pipe = PanopticDiffusionPipeline.from_pretrained(tiny_model)
    folder = PanopticFolder.open(toy_data)
    image, panoptic = folder.image(1).convert("RGB"), folder.panoptic(1)
    plan = replace(edit.add(panoptic, "box", (10, 30, 30, 30)), shaped=None)
    settings = Settings(steps=2, batch_size=4)
    single = editing.run(pipe, image, plan, settings, count=6)
    kept = editing.run(pipe, image, plan, settings, count=2, tries=3)
    assert len(kept) == 2
    seen = look(pipe, [p.image for p in single], 4)
    scores = [
        score(p.panoptic, s, plan.changed(p.panoptic), plan.wanted)
        - shows(image, p.image, plan.kept, pipe.image_size)
        for p, s in zip(single, seen, strict=True)
    ]
    expected = best(single, scores, 3)
    assert [p.seed for p in kept] == [p.seed for p in expected]
    for one, other in zip(kept, expected, strict=True):
        assert np.array_equal(np.asarray(one.image), np.asarray(other.image))


@pytest.mark.parametrize(("verb", "wanted"), [("add", 3), ("replace", 2), ("redo", 2)])
def test_what_an_edit_brings(verb: str, wanted: int) -> None:
    before = scene("cow", (4, 4, 8, 8))
    plan = {
        "add": edit.add(before, "dog", (12, 12, 6, 6)),
        "replace": edit.replace(before, 2, "dog"),
        "redo": edit.redo_segment(before, 2),
    }[verb]
    assert plan.wanted == wanted
    assert edit.remove(before, 2).wanted is None
    assert edit.redo(before, before.mask(2)).wanted is None
