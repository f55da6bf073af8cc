"""The levels that training draws."""

from __future__ import annotations

from dataclasses import fields

import pytest
import torch
from torch import Tensor

from pandiff.diffusion import NUM_LEVELS, PATTERNS, Levels, PatternWeights, draw_levels
from pandiff.state import StateLayout

LAYOUT = StateLayout(2, 3, 2)
NONE = {f.name: 0.0 for f in fields(PatternWeights)}


def draw(batch: int = 64, side: int = 4, seed: int = 0, **weights: float) -> Levels:
    given = PatternWeights(**{**NONE, **weights}) if weights else PatternWeights()
    g = torch.Generator().manual_seed(seed)
    return draw_levels(LAYOUT, (batch, side, side), given, g)


def shifted(shift: float, **weights: float) -> Levels:
    g = torch.Generator().manual_seed(0)
    return draw_levels(LAYOUT, (4000, 4, 4), PatternWeights(**{**NONE, **weights}), g, shift)


def test_a_shift_moves_the_levels_of_joint_alone() -> None:
    plain, moved = shifted(1, joint=1.0).t, shifted(3, joint=1.0).t
    share = plain / NUM_LEVELS
    expected = 3 * share / (1 + 2 * share) * NUM_LEVELS
    assert (moved - expected).abs().max() <= 0.5
    assert moved.min() >= 1
    assert moved.max() == NUM_LEVELS
    assert abs((moved > 0.7 * NUM_LEVELS).float().mean() - 0.5625) < 0.01
    for name in PATTERNS[1:]:
        assert torch.equal(shifted(1, **{name: 1.0}).t, shifted(3, **{name: 1.0}).t)


def masks(levels: Levels) -> tuple[Tensor, Tensor]:
    """Shares (B,) of the known cells of image and map."""
    return levels.known[:, :1].flatten(1).mean(1), levels.known[:, 1:].flatten(1).mean(1)


def test_patterns_and_weights_have_the_same_names() -> None:
    assert tuple(NONE) == PATTERNS


def test_shares_follow_the_weights() -> None:
    levels = draw(20000, side=4)
    shares = torch.bincount(levels.pattern, minlength=len(PATTERNS)) / 20000
    weights = PatternWeights().tensor()
    torch.testing.assert_close(shares, weights / weights.sum(), rtol=0, atol=0.015)


def test_weights_may_be_whole_numbers() -> None:
    assert (draw(image_alone=1).pattern == PATTERNS.index("image_alone")).all()
    assert PatternWeights(0, 0, 1, 0, 0, 0).tensor().is_floating_point()


@pytest.mark.parametrize("name", PATTERNS)
def test_levels_are_in_range(name: str) -> None:
    levels = draw(**{name: 1.0})
    assert (levels.pattern == PATTERNS.index(name)).all()
    assert levels.t.dtype == torch.int64
    assert levels.t.min() >= 0
    assert levels.t.max() <= NUM_LEVELS
    assert ((levels.known == 0) | (levels.known == 1)).all()
    assert levels.known.shape == (64, LAYOUT.known_channels, 4, 4)


def test_joint_has_equal_levels_and_nothing_known() -> None:
    levels = draw(joint=1.0)
    assert torch.equal(levels.t[:, 0], levels.t[:, 1])
    assert levels.t.min() > 0
    assert levels.known.sum() == 0


@pytest.mark.parametrize(("name", "stream"), [("image_given", 0), ("map_given", 1)])
def test_what_is_given_is_clean_and_known_whole(name: str, stream: int) -> None:
    levels = draw(**{name: 1.0})
    shares = masks(levels)
    assert (levels.t[:, stream] == 0).all()
    assert (levels.t[:, 1 - stream] > 0).all()
    assert (shares[stream] == 1).all()
    assert (shares[1 - stream] == 0).all()


def test_the_image_alone_has_a_map_of_pure_noise() -> None:
    levels = draw(image_alone=1.0)
    assert (levels.t[:, 1] == NUM_LEVELS).all()
    assert levels.t[:, 0].unique().numel() > 30
    assert levels.known.sum() == 0


def test_independent_levels_are_independent() -> None:
    t = draw(4096, independent=1.0).t.double()
    assert abs(torch.corrcoef(t.T)[0, 1]) < 0.07


@pytest.mark.parametrize("side", [4, 8, 16])
def test_part_given_knows_some_cells_but_not_all(side: int) -> None:
    levels = draw(400, side, part_given=1.0)
    assert torch.equal(levels.t[:, 0], levels.t[:, 1])
    image, panoptic = masks(levels)
    assert ((image > 0) | (panoptic > 0)).all()
    assert (image < 1).all()
    whole = panoptic == 1  # a part of the image, and all of the map
    assert 0.15 < whole.float().mean() < 0.35  # one of four choices
    assert (image[whole] > 0).all()
    assert 0.6 < (image > 0).float().mean() < 0.9  # three of four choices
    assert 0.6 < (panoptic > 0).float().mean() < 0.9
    both = (image > 0) & (panoptic > 0) & ~whole
    assert 0.15 < both.float().mean() < 0.4
    assert (panoptic[both] >= image[both]).all(), "what of the image is given, is of the map"
    cored = panoptic[both] > image[both]
    assert 0.1 < cored.float().mean() < 0.6  # half of those with a free region that has a middle
    free = 1 - image[both][~cored]
    torch.testing.assert_close(free, 1 - panoptic[both][~cored])


def test_a_free_region_of_both_may_have_a_given_core() -> None:
    """As in an edit: a box or an ellipse is free, and the middle of it is the map's."""
    levels = draw(400, 16, part_given=1.0)
    image, panoptic = levels.known[:, 0], levels.known[:, 1]
    mixed = (image.mean(dim=(1, 2)) > 0) & (panoptic.mean(dim=(1, 2)) < 1)
    core = (panoptic - image).clamp(min=0) * mixed[:, None, None]
    rows = core.sum(dim=(1, 2)) > 0
    rows &= image.amin(dim=(1, 2)) == 0
    rows &= (panoptic - image).amin(dim=(1, 2)) == 0
    assert 0.05 < rows.float().mean() < 0.16  # a quarter has both, 0.7 of these are free inside
    share = core[rows].sum(dim=(1, 2)) / (1 - image[rows]).sum(dim=(1, 2))
    assert 0.15 < share.median() < 0.35
    corners = image.unfold(1, 2, 1).unfold(2, 2, 1).sum(dim=(-1, -2))
    ellipses = (corners == 1).sum(dim=(1, 2)) + (corners == 3).sum(dim=(1, 2)) > 4
    assert 0.2 < ellipses.float().mean() < 0.5  # half of two thirds


def test_the_same_generator_draws_the_same() -> None:
    one, two, other = draw(seed=3), draw(seed=3), draw(seed=4)
    for name in ("pattern", "t", "known"):
        assert torch.equal(getattr(one, name), getattr(two, name))
    assert not torch.equal(one.t, other.t)


def test_levels_are_stratified_over_the_batch() -> None:
    t = draw(NUM_LEVELS, joint=1.0).t[:, 0]
    assert torch.equal(t.sort().values, torch.arange(1, NUM_LEVELS + 1))
    assert not torch.equal(t, t.sort().values)
    small = draw(10, joint=1.0).t[:, 0].sort().values
    assert torch.equal((small - 1) // 100, torch.arange(10))
