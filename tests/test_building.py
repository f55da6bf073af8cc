"""Layouts from boxes, masks and categories."""

from __future__ import annotations

import numpy as np
import pytest

from pandiff.errors import InputError
from pandiff.panoptic import PanopticMap
from pandiff.taxonomy import Category, Taxonomy

TAXONOMY = Taxonomy(
    (Category(1, "sky", False), Category(2, "grass", False), Category(7, "sheep", True))
)


def test_boxes_lie_on_top_of_one_another_and_the_rest_is_void() -> None:
    made = PanopticMap.from_boxes(
        [(0, 0, 4, 2), (0, 2, 3, 2), (2, 1, 2, 2)], ["sky", 2, "sheep"], (4, 4), TAXONOMY
    )
    assert made.ids.tolist() == [[1, 1, 1, 1], [1, 1, 3, 3], [2, 2, 3, 3], [2, 2, 2, 0]]
    assert [s.category_id for s in made.segments] == [1, 2, 7]
    assert made.labelled.sum() == 15


def test_boxes_are_cut_at_the_borders_and_never_vanish() -> None:
    made = PanopticMap.from_boxes(
        [(-3, -3, 5, 5), (3.2, 3.3, 0.1, 9)], ["sheep"] * 2, (4, 4), TAXONOMY
    )
    assert made.ids.tolist() == [[1, 1, 0, 0], [1, 1, 0, 0], [0, 0, 0, 0], [0, 0, 0, 2]]


def test_masks_of_one_stuff_category_join_and_things_do_not() -> None:
    masks = [np.eye(3), np.eye(3)[::-1], np.array([[1, 0, 0]] * 3), np.array([[0, 0, 1]] * 3)]
    made = PanopticMap.from_masks(masks, ["sky", "sky", "sheep", "sheep"], TAXONOMY)
    assert made.ids.tolist() == [[3, 0, 4], [3, 1, 4], [3, 0, 4]]
    assert made.count(7) == 2


def test_a_semantic_map_has_an_instance_for_each_touching_group() -> None:
    pixels = np.array([[7, 0, 7], [7, 1, 7], [1, 7, 1]])
    made = PanopticMap.from_semantic(pixels, TAXONOMY)
    assert made.count(7) == 1  # they touch at corners
    pixels[2, 1] = 2
    made = PanopticMap.from_semantic(pixels, TAXONOMY)
    assert made.count(7) == 2
    assert made.count(1) == 1
    assert np.array_equal(made.labelled, pixels != 0)
    assert np.array_equal(TAXONOMY.category_ids[made.category_index], pixels)


@pytest.mark.parametrize("kind", [np.int64, np.uint8])
def test_numbers_of_numpy_are_numbers(kind: type) -> None:
    boxes = [(kind(0), kind(0), kind(2), kind(2))]
    made = PanopticMap.from_boxes(boxes, [kind(7)], (2, 2), TAXONOMY)
    assert made == PanopticMap.from_masks([np.ones((2, 2))], [kind(7)], TAXONOMY)
    assert [type(s.category_id) for s in made.segments] == [int]


def one_box(*box: object) -> PanopticMap:
    return PanopticMap.from_boxes([box], [1], (4, 4), TAXONOMY)  # type: ignore[list-item]


NUMBERS = r"a box \(x, y, width, height\) of four finite numbers, got "
WRONG = {
    "counts": (lambda: PanopticMap.from_masks([np.eye(2)], [1, 2], TAXONOMY), "got 1 and 2"),
    "shapes": (
        lambda: PanopticMap.from_masks([np.eye(2), np.eye(3)], [1, 2], TAXONOMY), "one shape"
    ),
    "name": (lambda: PanopticMap.from_masks([np.eye(2)], ["cat"], TAXONOMY), "cat"),
    "id": (lambda: PanopticMap.from_semantic(np.full((2, 2), 9), TAXONOMY), "9"),
    "outside": (
        lambda: PanopticMap.from_boxes([(9, 0, 2, 2)], [1], (4, 4), TAXONOMY),
        "a box inside of 4 x 4, got x 9, y 0, width 2, height 2",
    ),
    "nan": (lambda: one_box(float("nan"), 0, 2, 2), rf"{NUMBERS}\(nan, 0, 2, 2\)"),
    "infinite": (lambda: one_box(0, 0, 2, np.inf), rf"{NUMBERS}\(0, 0, 2, inf\)"),
    "five": (lambda: one_box(0, 0, 2, 2, 1), rf"{NUMBERS}\(0, 0, 2, 2, 1\)"),
    "text": (lambda: one_box(0, 0, "wide", 2), NUMBERS),
    "no width": (
        lambda: one_box(1, 0, 0, 2), "a box of width and height above 0, got width 0, height 2; "
    ),
    "below 0": (lambda: one_box(1, 0, 2, -1.5), "above 0, got width 2, height -1.5"),
    "numpy id": (lambda: PanopticMap.from_masks([np.eye(2)], [np.int64(9)], TAXONOMY), "got 9"),
    "axes": (lambda: PanopticMap.from_semantic(np.zeros((2, 2, 3), int), TAXONOMY), r"\(H, W\)"),
}  # fmt: skip


@pytest.mark.parametrize("what", WRONG)
def test_wrong_input(what: str) -> None:
    make, message = WRONG[what]
    with pytest.raises(InputError, match=message):
        make()
