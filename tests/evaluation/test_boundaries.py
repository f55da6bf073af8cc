"""Boundary F in closed form and against a slow loop; borders that move."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from pandiff.evaluation.boundaries import (
    border,
    border_sums,
    boundary_f,
    boundary_f_of,
    moved_borders,
)
from pandiff.evaluation.map_metrics import mcd
from pandiff.evaluation.overlap import overlap
from pandiff.panoptic import PanopticMap
from pandiff.taxonomy import Taxonomy

SHEEP, GRASS = 7, 200


def halves(edge: int, taxonomy: Taxonomy, size: int = 100) -> PanopticMap:
    """Sheep to the left of column `edge`, grass to the right; the tolerance is 2 px."""
    ids = np.ones((size, size), np.int32)
    ids[:, edge:] = 2
    return PanopticMap.from_ids(ids, {1: SHEEP, 2: GRASS}, taxonomy)


@pytest.mark.parametrize(("moved", "f"), [(0, 1), (2, 1), (3, 0), (40, 0)])
def test_a_border_that_moves(taxonomy: Taxonomy, moved: int, f: float) -> None:
    one, other = halves(50, taxonomy), halves(50 + moved, taxonomy)
    assert boundary_f(border_sums(one, other)) == f == boundary_f(border_sums(other, one))


def test_half_of_the_borders(taxonomy: Taxonomy) -> None:
    both = halves(20, taxonomy).ids.copy()
    both[:, 80:] = 3
    three = PanopticMap.from_ids(both, {1: SHEEP, 2: GRASS, 3: SHEEP}, taxonomy)
    sums = border_sums(three, halves(20, taxonomy))
    assert sums.tolist() == [100, 100, 100, 200]
    assert boundary_f(sums) == pytest.approx(2 * 0.5 / 1.5)


def test_as_slow_loops_have_it(random_pair, taxonomy: Taxonomy) -> None:  # type: ignore[no-untyped-def]
    for seed in range(30):
        one, other = random_pair(seed)
        reach = int(np.ceil(0.008 * np.hypot(*one.size)))
        near = [(y, x) for y, x in itertools.product(range(-reach, reach + 1), repeat=2)
                if y * y + x * x <= reach * reach]  # fmt: skip
        theirs, ours = border(one.ids), border(other.ids) & one.labelled
        points = [set(map(tuple, np.argwhere(b).tolist())) for b in (theirs, ours)]

        def hits(a: set, b: set, near: list = near) -> int:  # type: ignore[type-arg]
            return sum(any((y + dy, x + dx) in b for dy, dx in near) for y, x in a)

        expected = [hits(points[1], points[0]), len(points[1])]
        expected += [hits(points[0], points[1]), len(points[0])]
        assert border_sums(one, other).tolist() == expected


def test_no_borders(taxonomy: Taxonomy) -> None:
    empty = halves(100, taxonomy)
    assert boundary_f(border_sums(empty, empty)) == 1
    assert boundary_f(border_sums(empty, halves(50, taxonomy))) == 0


def test_the_sum_of_images(taxonomy: Taxonomy) -> None:
    one = halves(50, taxonomy)
    rows = np.stack([border_sums(one, one), border_sums(one, halves(90, taxonomy))])
    statistic = boundary_f_of(rows)
    assert statistic(np.array([1, 1])) == 0.5
    assert statistic(np.array([1, 0])) == 1


def test_moved_borders_move_by_a_pixel(taxonomy: Taxonomy) -> None:
    one = halves(50, taxonomy)
    moved = [moved_borders(one, seed) for seed in range(8)]
    found = {int(np.argmax(m.ids[0] == 2)) for m in moved}
    assert found == {49, 51}
    assert {mcd(overlap(one, m)) for m in moved} == {0.02}
    assert moved_borders(one, 3) == moved[3]


def test_a_small_error_for_any_map(random_pair) -> None:  # type: ignore[no-untyped-def]
    for seed in range(20):
        one, _ = random_pair(seed)
        moved = moved_borders(one, seed)
        apart = (moved.ids != one.ids) & ~(
            border(one.ids) | border(one.ids[::-1, ::-1])[::-1, ::-1]
        )
        assert not apart.any()
