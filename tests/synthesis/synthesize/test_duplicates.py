"""Near duplicates: a hash that small changes leave alone, and an index that misses none."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageFilter

from pandiff.data.scenes import make_scene
from pandiff.synthesis.synthesize.duplicates import DuplicateIndex, Mark, perceptual_hash


def test_scenes_differ_and_their_copies_do_not() -> None:
    scenes = [make_scene(0, k, 64) for k in range(40)]
    images = [Image.fromarray(s.image) for s in scenes]
    marks = [Mark.of(i, s.panoptic) for i, s in zip(images, scenes, strict=True)]
    assert min(a.difference(b) for k, a in enumerate(marks) for b in marks[:k]) > 0.15
    for image, scene, mark in zip(images, scenes, marks, strict=True):
        noise = np.random.default_rng(0).normal(0, 4, scene.image.shape)
        noisy = Image.fromarray((scene.image + noise).clip(0, 255).astype(np.uint8))
        for other in (noisy, image.filter(ImageFilter.GaussianBlur(0.7)), image.resize((96, 96))):
            assert Mark.of(other, scene.panoptic).difference(mark) <= 0.1


def test_maps_count_too() -> None:
    scene = make_scene(0, 1, 64)
    image = Image.fromarray(scene.image)
    one, other = Mark.of(image, scene.panoptic), Mark.of(image, make_scene(0, 2, 64).panoptic)
    assert one.bits == other.bits
    assert one.difference(other) > 0.1


def test_json() -> None:
    scene = make_scene(0, 0, 64)
    mark = Mark.of(Image.fromarray(scene.image), scene.panoptic)
    again = Mark.from_json(json.loads(json.dumps(mark.to_json())), 21)
    assert again == mark


def test_a_flat_image_has_a_hash() -> None:
    assert perceptual_hash(Image.new("RGB", (64, 64), "gray")) == 0


@given(st.integers(0, 2**32), st.sampled_from([0.0, 0.05, 0.1, 0.3, 0.5]))
@settings(max_examples=60)
def test_the_index_finds_what_a_search_finds(seed: int, most: float) -> None:
    random = np.random.default_rng(seed)
    centres = [int(b) for b in random.integers(0, 2**63, 3)]
    marks = []
    for _ in range(30):
        flips = sum(1 << int(b) for b in set(random.integers(0, 64, random.integers(0, 12))))
        shares = random.multinomial(255, [0.3, 0.3, 0.4]).astype(np.uint8)
        marks.append(Mark(centres[random.integers(3)] ^ flips, shares.tobytes()))
    index = DuplicateIndex(most)
    for slot, mark in enumerate(marks):
        near = sorted((mark.difference(m), k) for k, m in enumerate(marks[:slot]))
        expected = (near[0][1], near[0][0]) if near and near[0][0] <= most else None
        assert index.find(mark) == expected
        index.add(slot, mark)


def test_nothing_is_near_where_all_are_kept() -> None:
    index, mark = DuplicateIndex(None), Mark(0, bytes(3))
    index.add(0, mark)
    assert index.find(mark) is None


@pytest.mark.parametrize("most", [0.0, 0.1])
def test_the_same_is_always_near(most: float) -> None:
    index, mark = DuplicateIndex(most), Mark(5, bytes(3))
    index.add(4, mark)
    assert index.find(mark) == (4, 0.0)
