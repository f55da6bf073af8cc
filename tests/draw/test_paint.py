"""Pictures of one map: colors, borders, opacity, names in their places."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pandiff.coco import PanopticFolder
from pandiff.draw import overlay, render
from pandiff.draw.paint import segment_colors, shade
from pandiff.errors import InputError
from pandiff.panoptic import PanopticMap


def test_stuff_has_its_color_and_void_is_black(panoptic: PanopticMap) -> None:
    rgb = np.array(render(panoptic))
    assert rgb.shape == (80, 120, 3)
    assert tuple(rgb[0, 60]) == (70, 130, 180)
    assert tuple(rgb[-1, -1]) == (0, 0, 0)


def test_touching_instances_differ_and_have_a_border(panoptic: PanopticMap) -> None:
    rgb = np.array(render(panoptic)).astype(int)
    left, border, right = rgb[45, 58], rgb[45, 59], rgb[45, 60]
    assert np.abs(left - right).max() > 30
    assert border.sum() < left.sum() / 2
    assert border.sum() < right.sum() * 0.6
    assert tuple(left) == (200, 120, 40)


def test_shades_stay_apart() -> None:
    shades = np.array([shade((200, 120, 40), k) for k in range(8)]).astype(int)
    distance = np.abs(shades[:, None] - shades).max(axis=-1)
    assert distance[~np.eye(8, dtype=bool)].min() >= 8
    assert np.diagonal(distance, 1).min() >= 30


def test_one_color_a_segment(panoptic: PanopticMap) -> None:
    assert segment_colors(panoptic).shape == (5, 3)
    assert len(np.unique(segment_colors(panoptic), axis=0)) == 5


def test_overlay_mixes_by_alpha(panoptic: PanopticMap) -> None:
    image = Image.new("RGB", panoptic.size, (100, 100, 100))
    rgb = np.array(overlay(panoptic, image, alpha=0.5))
    assert tuple(rgb[0, 1]) == (85, 115, 140)
    assert tuple(rgb[-1, -1]) == (100, 100, 100)  # void stays clear
    assert np.array_equal(np.array(overlay(panoptic, image, alpha=0))[0, 0], [100] * 3)


def test_overlay_takes_images_of_other_sizes_and_modes(panoptic: PanopticMap) -> None:
    assert overlay(panoptic, Image.new("L", (240, 160))).size == (240, 160)


@pytest.mark.parametrize("alpha", [-0.1, 1.1])
def test_alpha_is_checked(panoptic: PanopticMap, alpha: float) -> None:
    with pytest.raises(InputError, match=rf"alpha in 0\.\.1, got {alpha}"):
        overlay(panoptic, Image.new("RGB", panoptic.size), alpha=alpha)


def written_on(panoptic: PanopticMap) -> np.ndarray:
    """(H, W) bool: the pixels that names changed, borders aside."""
    image = Image.new("RGB", panoptic.size, (90, 90, 90))
    bare = Image.fromarray(np.array(render(panoptic)))
    return (np.array(overlay(panoptic, image, alpha=1)) != np.array(bare)).any(-1) & (
        panoptic.ids > 0
    )


def test_names_lie_inside_their_segments(panoptic: PanopticMap) -> None:
    changed = written_on(panoptic)
    for segment_id in (10, 20, 31, 32):
        pixels = changed & panoptic.mask(segment_id)
        assert 20 < pixels.sum() < panoptic[segment_id].area / 2
    assert not (changed & panoptic.mask(40)).any()  # too small for a name


def test_names_are_centred(panoptic: PanopticMap) -> None:
    rows, columns = np.nonzero(written_on(panoptic) & panoptic.mask(31))
    assert abs(rows.mean() - 46) < 4
    assert abs(columns.mean() - 35) < 4


def test_deterministic(panoptic: PanopticMap) -> None:
    image = Image.new("RGB", panoptic.size)
    assert overlay(panoptic, image).tobytes() == overlay(panoptic, image).tobytes()


def test_methods_of_the_map(panoptic: PanopticMap) -> None:
    image = Image.new("RGB", panoptic.size)
    assert panoptic.to_image().tobytes() == render(panoptic).tobytes()
    assert (
        panoptic.overlay(image, alpha=0.3).tobytes()
        == overlay(panoptic, image, alpha=0.3).tobytes()
    )


def test_real_map(shared: Path) -> None:
    folder = PanopticFolder.open(shared / "coco_sample")
    panoptic = folder.panoptic(0)
    assert overlay(panoptic, folder.image(0)).size == (640, 427)
    assert len(np.unique(segment_colors(panoptic), axis=0)) == len(panoptic.segments)
