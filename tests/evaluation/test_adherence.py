"""Claims of captions against maps: rendered scenes keep all, and each kind of fault is seen."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from pandiff.data.scenes import TAXONOMY, Caption, Scene, make_scene
from pandiff.errors import InputError
from pandiff.evaluation.adherence import adherence
from pandiff.evaluation.colors import named_color
from pandiff.panoptic import PanopticMap
from pandiff.prompts.claims import Claims, categories_present, counts_exact

SKY, CAR, DOG = (TAXONOMY.by_name(n).id for n in ("sky", "car", "dog"))
CLAIMS = Caption(
    "two red cars left of a dog",
    ("car", "dog"),
    (("car", 2), ("dog", 1)),
    (("car", "red", 2),),
    (("car", "left of", "dog"),),
)


@pytest.fixture(scope="module")
def scenes() -> list[Scene]:
    return [make_scene(1, k) for k in range(24)]


def sketch(*boxes: tuple[int, int]) -> PanopticMap:
    """Squares of 8 px at (column, category) on a sky of 64 px."""
    ids = np.ones((64, 64), np.int64)
    for k, (column, _) in enumerate(boxes, start=2):
        ids[28:36, column : column + 8] = k
    return PanopticMap.from_ids(ids, {1: SKY} | dict(enumerate((c for _, c in boxes), 2)), TAXONOMY)


GOOD = sketch((2, CAR), (12, CAR), (50, DOG))
RED = Image.new("RGB", (64, 64), (208, 48, 44))


def test_rendered_scenes_keep_what_their_captions_claim(scenes: list[Scene]) -> None:
    for scene in scenes:
        for caption in scene.captions:
            kept = adherence(caption, scene.panoptic, Image.fromarray(scene.image))
            assert kept.categories == Claims(len(caption.categories), len(caption.categories))
            assert kept.counts == Claims(len(caption.counts), len(caption.counts))
            assert kept.relations == Claims(len(caption.relations), len(caption.relations))


def test_colors_of_rendered_things_are_read(scenes: list[Scene]) -> None:
    right = [
        named_color(s.image, s.panoptic.mask(o.segment_id), s.panoptic[o.segment_id], o.category)
        == o.color
        for s in scenes
        for o in s.objects
    ]
    assert np.mean(right) > 0.92


def test_a_true_sketch_keeps_everything() -> None:
    kept = adherence(CLAIMS, GOOD, RED)
    assert kept.categories == kept.counts == Claims(2, 2)
    assert kept.colors == kept.relations == Claims(1, 1)
    assert kept.counts.all_hold


def test_a_missing_category_breaks_all_that_is_said_of_it() -> None:
    kept = adherence(CLAIMS, sketch((2, CAR), (12, CAR)), RED)
    assert kept.categories == kept.counts == Claims(1, 2)
    assert kept.relations == Claims(0, 1)
    assert not kept.counts.all_hold


def test_one_too_many_is_no_exact_count() -> None:
    many = sketch((2, CAR), (12, CAR), (22, CAR), (50, DOG))
    assert categories_present(CLAIMS, many) == Claims(2, 2)
    assert counts_exact(CLAIMS, many) == Claims(1, 2)


def test_wrong_color_and_wrong_side() -> None:
    blue = Image.new("RGB", (64, 64), (48, 104, 208))
    assert adherence(CLAIMS, GOOD, blue).colors == Claims(0, 1)
    assert adherence(CLAIMS, sketch((2, CAR), (50, CAR), (30, DOG)), RED).relations == Claims(0, 1)


def test_nothing_claimed() -> None:
    kept = adherence(Caption("a picture"), GOOD, RED)
    assert kept.categories == kept.counts == kept.colors == kept.relations == Claims(0, 0)


def test_a_category_that_the_taxonomy_lacks() -> None:
    with pytest.raises(InputError, match="'lion'"):
        categories_present(replace(CLAIMS, categories=("lion",)), GOOD)
