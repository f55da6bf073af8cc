"""Sharpness of a map's bits: crisp, ramps of known width, blur."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from pandiff.codec import PanopticCodec
from pandiff.data.scenes import TAXONOMY, make_scene
from pandiff.evaluation.sharpness import sharpness

CODEC = PanopticCodec(TAXONOMY)
GROUP = CODEC.channel_groups["category"]


def bits(index: int, blur: float = 0.0) -> np.ndarray:
    clean = CODEC.encode(make_scene(1, index, 64).panoptic)[GROUP].numpy()
    return gaussian_filter(clean, (0, blur, blur)) if blur else clean


def test_a_clean_map_is_crisp() -> None:
    assert {sharpness(bits(k)) for k in range(5)} == {1.0}
    assert sharpness(3 * bits(0)) == 1.0


@pytest.mark.parametrize("width", [2, 4, 8])
def test_the_width_of_a_ramp(width: int) -> None:
    ramp = np.clip((np.arange(40) - 19.5) / width * 2, -1, 1)
    crossing = np.broadcast_to(ramp, (1, 20, 40))
    assert 1 / sharpness(crossing) == pytest.approx(width)


def test_blur_is_seen() -> None:
    found = [np.mean([sharpness(bits(k, blur)) for k in range(5)]) for blur in (0, 0.5, 1, 2)]
    assert found == sorted(found, reverse=True) and found[0] == 1 and found[-1] < 0.4


def test_one_category_alone() -> None:
    assert sharpness(np.full((5, 8, 8), 0.5)) == 0.5
