"""The steepness of a border: closed forms, and that a hard paste is found."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from pandiff.evaluation.seams import seam_ratio, steepness

RIGHT = np.indices((48, 64))[1] < 32
"""Known is the left half."""
BOX = np.ones((48, 64), bool)
BOX[14:34, 20:44] = False


def image(values: np.ndarray) -> Image.Image:
    return Image.fromarray(np.repeat(np.round(values)[..., None], 3, axis=2).astype(np.uint8))


def ramp(slope: float) -> np.ndarray:
    return 60 + slope * np.indices((48, 64))[1].astype(float)


@pytest.mark.parametrize("known", [RIGHT, BOX], ids=["half", "box"])
def test_nothing_changed_is_a_ratio_of_1(known: np.ndarray) -> None:
    noise = image(np.random.default_rng(0).uniform(0, 255, known.shape))
    assert seam_ratio(noise, noise, known) == 1
    assert seam_ratio(image(ramp(2)), image(ramp(2)), known) == 1


@pytest.mark.parametrize("slope", [0, 1, 2])
@pytest.mark.parametrize("height", [-30, 12])
def test_a_hard_paste_is_as_steep_as_it_is_high(slope: int, height: int) -> None:
    pasted = image(ramp(slope) + height * ~RIGHT)
    assert steepness(image(ramp(slope)), RIGHT) == pytest.approx(slope)
    assert steepness(pasted, RIGHT) == pytest.approx(max(slope, abs(slope + height)))
    ratio = max(slope, abs(slope + height)) / max(1, slope)
    assert seam_ratio(image(ramp(slope)), pasted, RIGHT) == pytest.approx(ratio)


@pytest.mark.parametrize("width", [2, 4])
def test_a_fade_divides_it_by_its_width(width: int) -> None:
    depth = 32 - np.indices((48, 64))[1]
    faded = image(ramp(1) + 20 * np.clip(1 - depth / width, 0, 1))
    assert steepness(faded, RIGHT) == pytest.approx(1 + 20 / width)


def test_a_paste_of_a_box_is_found_through_texture() -> None:
    texture = 120 + np.random.default_rng(1).normal(0, 8, BOX.shape)
    other = 120 + np.random.default_rng(2).normal(0, 8, BOX.shape)
    before = image(texture)
    seamless, pasted = (image(np.where(BOX, texture, other + h)) for h in (0, 25))
    assert 0.8 < seam_ratio(before, seamless, BOX) < 1.2
    assert seam_ratio(before, pasted, BOX) > 2.5


def test_what_lies_deeper_does_not_count() -> None:
    changed = ramp(1)
    changed[:, 40:] += 100
    assert steepness(image(changed), RIGHT) == pytest.approx(1)


def test_there_may_be_no_border() -> None:
    for known in (np.ones((48, 64), bool), np.zeros((48, 64), bool)):
        assert steepness(image(ramp(2)), known) == 0
