"""A made image around a given one: what is kept, and that the border does not show."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from pandiff.evaluation.seams import seam_ratio, steepness
from pandiff.pipeline.blend import _smooth_difference, blend, difference, fade

SIZE = (128, 128)


def left() -> np.ndarray:
    """The mask of the left half."""
    return np.indices(SIZE)[1] < 64


def box() -> np.ndarray:
    mask = np.ones(SIZE, bool)
    mask[30:90, 40:100] = False
    return mask


def sky(shift: float = 0.0) -> Image.Image:
    """A smooth sky, its colour off by some levels."""
    down = np.linspace(90, 200, SIZE[0])[:, None, None] + np.array([0.0, 20.0, 40.0])
    return Image.fromarray(np.round(np.broadcast_to(down + shift, (*SIZE, 3))).astype(np.uint8))


def test_blend_keeps_what_is_deep_inside_and_fades_at_the_seam() -> None:
    black, white = (Image.new("RGB", (128, 128), c) for c in ("black", "white"))
    row = np.asarray(blend(black, white, left()))[64, :, 0].astype(int)
    assert (row[:60] == 0).all()
    assert (row[64:] == 255).all()
    assert (np.diff(row) >= 0).all()
    assert 0 < row[63] < 255


def test_blend_of_all_and_nothing() -> None:
    black, white = (Image.new("RGB", (8, 8), c) for c in ("black", "white"))
    assert np.asarray(blend(black, white, np.ones((8, 8), bool))).max() == 0
    assert np.asarray(blend(black, white, np.zeros((8, 8), bool))).min() == 255


@pytest.mark.parametrize("known", [left(), box()], ids=["half", "box"])
@pytest.mark.parametrize("shift", [-15, 10])
def test_a_sky_of_another_colour_shows_no_border(known: np.ndarray, shift: float) -> None:
    given, made = sky(), sky(shift)
    pasted = Image.fromarray(np.where(known[..., None], np.asarray(given), np.asarray(made)))
    ours, theirs = (np.asarray(i, dtype=np.float64) for i in (given, made))
    faded = Image.fromarray(np.round(fade(ours, theirs, known)).astype(np.uint8))
    mixed = blend(given, made, known)
    steps = [steepness(i, known) for i in (pasted, faded, mixed)]
    assert steps[0] > 3 * steps[1] > 3 * 1.5 * steps[2]
    assert seam_ratio(given, mixed, known) < 1.6
    inside = np.asarray(mixed)[60, 70].astype(int) - np.asarray(made)[60, 70]
    assert np.abs(inside).max() <= abs(shift)
    deep = np.asarray(mixed)[:, : 36 if (~known)[:, :60].any() else 60]
    assert np.array_equal(deep, np.asarray(given)[:, : deep.shape[1]])


def test_far_from_the_border_the_made_image_is_as_it_was_made() -> None:
    known = np.indices(SIZE)[1] < 40
    assert np.array_equal(
        np.asarray(blend(sky(), sky(12), known))[:, 80:], np.asarray(sky(12))[:, 80:]
    )


def scene(side: int, shape: tuple[int, int]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Two images and what is known, drawn at any size: skies apart in colour, and a wall."""
    y, x = ((np.indices(shape) + 0.5) / side)[..., None]
    ours = 120 + 60 * y + np.array([0.0, 20.0, 40.0]) * x
    theirs = ours + 12 * np.cos(3 * x) + np.array([4.0, -6.0, 0.0]) * y
    known = (x[..., 0] - 0.5) ** 2 + (y[..., 0] - 0.4) ** 2 > 0.04
    wall = (x > 0.7) & (y > 0.5)
    return np.where(wall, 250 - ours, ours), theirs, known


@pytest.mark.parametrize("shape", [(160, 256), (256, 1)], ids=str)
@pytest.mark.parametrize("times", [3, 4])
def test_large_images_blend_like_small_ones(shape: tuple[int, int], times: int) -> None:
    small = difference(*scene(256, shape))
    large = difference(*scene(256 * times, (shape[0] * times, shape[1] * times)))
    assert large.shape == (shape[0] * times, shape[1] * times, 3)
    blocks = large.reshape(shape[0], times, shape[1], times, 3).mean(axis=(1, 3))
    assert np.abs(small).max() > 8
    assert np.abs(blocks - small).max() < 1


def test_sides_that_no_step_divides() -> None:
    ours, theirs, known = scene(1031, (401, 1031))
    whole = _smooth_difference(ours, theirs, known)
    assert np.abs(difference(ours, theirs, known) - whole).max() < 1


def test_up_to_512_pixels_nothing_is_left_out() -> None:
    parts = scene(512, (300, 512))
    assert np.array_equal(difference(*parts), _smooth_difference(*parts))


def test_other_things_do_not_lend_their_colour() -> None:
    """A bright wall beyond the border tints the made sky by less than a level."""
    known = left()
    given = np.asarray(sky(), dtype=np.float64).copy()
    given[:, :64] = 255
    given[:, :64, 0] = 0
    made = np.asarray(sky(), dtype=np.float64)
    assert np.abs(difference(given, made, known)).max() < 1
