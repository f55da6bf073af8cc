"""What segmenters learn from: classes, crowds, the order of categories, the rival's maps."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from pandiff.errors import InputError
from pandiff.evaluation.downstream.examples import (
    FolderExamples,
    chosen,
    relabelled,
    to_example,
)
from pandiff.panoptic import PanopticMap
from pandiff.taxonomy import Category, Taxonomy

Make = Callable[..., Path]
GRASS, BALL = Category(7, "grass", False), Category(3, "ball", True)


def test_an_example_has_all_segments(make: Make) -> None:
    examples = FolderExamples(make("data"), 32)
    one, panoptic = examples[0], examples.panoptic(0)
    assert one.pixels.shape == (3, 32, 32)
    assert one.pixels.dtype == torch.uint8
    assert one.classes.tolist() == [0, 1, 1]
    assert np.array_equal(one.segments.numpy(), panoptic.ids)


def test_images_are_brought_to_the_size(make: Make) -> None:
    one = FolderExamples(make("data", size=64), 32)[0]
    assert one.pixels.shape == (3, 32, 32)
    assert one.segments.shape == (32, 32)


def test_classes_are_the_test_set_s(make: Make) -> None:
    first = FolderExamples(make("a"), 32)
    other = FolderExamples(make("b", categories=(BALL, GRASS)), 32, first.taxonomy)
    assert other[0].classes.tolist() == first[0].classes.tolist() == [0, 1, 1]


@pytest.mark.parametrize(
    "categories", [(GRASS, BALL, Category(9, "sky", False)), (GRASS, Category(3, "ball", False))]
)
def test_other_categories_are_refused(make: Make, categories: tuple[Category, ...]) -> None:
    first = FolderExamples(make("a"), 32)
    with pytest.raises(InputError, match=r"the test pairs' categories in .*b, got (sky|ball)"):
        FolderExamples(make("b", categories=categories), 32, first.taxonomy)


def test_an_empty_folder_is_refused(make: Make) -> None:
    with pytest.raises(InputError, match="expected pairs in"):
        FolderExamples(make("a", count=0), 32)


def test_crowds_are_void() -> None:
    taxonomy = Taxonomy((GRASS, BALL))
    ids = np.array([[1, 1], [2, 3]])
    panoptic = PanopticMap.from_ids(ids, {1: 3, 2: 7, 3: 3}, taxonomy, crowds=[1])
    one = to_example(Image.new("RGB", (2, 2)), panoptic, taxonomy)
    assert one.segments.tolist() == [[0, 0], [1, 2]]
    assert one.classes.tolist() == [0, 1]


def test_the_seed_chooses(make: Make) -> None:
    examples = FolderExamples(make("a", count=9), 32)
    some = [chosen(examples, 4, seed).numbers for seed in (0, 0, 1)]
    assert some[0] == some[1] != some[2]
    assert len(set(some[0])) == 4
    assert torch.equal(chosen(examples, 4, 0)[1].pixels, examples[some[0][1]].pixels)
    assert sorted(chosen(examples, 99, 0).numbers) == list(range(9))


class LeftHalf:
    """Finds a ball in the left half of anything."""

    name, known = "left half", np.array([False, True, True])

    def __init__(self, taxonomy: Taxonomy) -> None:
        self.taxonomy = taxonomy

    def __call__(self, images: Sequence[Image.Image]) -> list[PanopticMap]:
        ids = np.zeros((32, 32), dtype=np.int32)
        ids[:, :16] = 5
        return [PanopticMap.from_ids(ids, {5: 3}, self.taxonomy) for _ in images]


def test_the_rival_learns_its_own_maps(make: Make) -> None:
    examples = FolderExamples(make("a", count=18), 32)
    found = relabelled(examples, LeftHalf(examples.taxonomy), range(0, 18, 16))
    assert len(found) == 18
    for k, one in enumerate(found):
        assert torch.equal(one.pixels, examples[k].pixels)
        assert one.classes.tolist() == [1]
        assert one.segments[:, :16].eq(1).all()
        assert one.segments[:, 16:].eq(0).all()
