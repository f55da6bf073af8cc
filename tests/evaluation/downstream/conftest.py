"""Tiny dataset folders of two categories that a color tells apart."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pandiff.coco import FolderWriter
from pandiff.panoptic import PanopticMap
from pandiff.taxonomy import Category, Taxonomy

Make = Callable[..., Path]
GRASS, BALL = Category(7, "grass", False, (0, 160, 0)), Category(3, "ball", True, (220, 0, 0))


def pair(seed: int, taxonomy: Taxonomy, size: int = 32) -> tuple[Image.Image, PanopticMap]:
    """Green grass with two red balls, each a square of 8 px."""
    rng = np.random.default_rng(seed)
    ids = np.ones((size, size), dtype=np.int32)
    for number, left in enumerate((0, size // 2), start=2):
        x, y = left + rng.integers(1, size // 2 - 9), rng.integers(1, size - 9)
        ids[y : y + 8, x : x + 8] = number
    colors = np.array([(0, 0, 0), (20, 150, 30), (210, 20, 20), (210, 20, 20)], np.uint8)
    panoptic = PanopticMap.from_ids(ids, {1: 7, 2: 3, 3: 3}, taxonomy)
    return Image.fromarray(colors[ids]), panoptic


@pytest.fixture
def make(tmp_path: Path) -> Make:
    """make(name, count, seed, categories): a folder; the order of categories is the caller's."""

    def write(
        name: str,
        count: int = 4,
        seed: int = 0,
        categories: tuple[Category, ...] = (GRASS, BALL),
        size: int = 32,
    ) -> Path:
        taxonomy = Taxonomy(categories)
        with FolderWriter(tmp_path / name, taxonomy) as writer:
            for k in range(count):
                writer.add(*pair(100 * seed + k, taxonomy, size))
        return tmp_path / name

    return write
