"""Random pairs of maps with everything that scoring must mind, and a folder to spoil."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pandiff.coco import FolderWriter
from pandiff.panoptic import PanopticMap
from pandiff.taxonomy import Category, Taxonomy

RandomPair = Callable[[int], tuple[PanopticMap, PanopticMap]]


@pytest.fixture(scope="session")
def taxonomy() -> Taxonomy:
    """Three kinds of things and two of stuff, with ids in no order."""
    names = ("sheep", "grass", "bird", "sky", "ball")
    ids = (7, 200, 3, 50, 9)
    kinds = (True, False, True, False, True)
    return Taxonomy(tuple(Category(*c) for c in zip(ids, names, kinds, strict=True)))


@pytest.fixture(scope="session")
def random_pair(taxonomy: Taxonomy) -> RandomPair:
    """random_pair(seed): a reference with void and crowds, and a disturbed copy of it."""

    def make(seed: int) -> tuple[PanopticMap, PanopticMap]:
        rng = np.random.default_rng(seed)
        height, width = rng.integers(1, 24, 2)
        count = int(rng.integers(1, 9))
        y, x = np.mgrid[:height, :width]
        centers = rng.uniform(0, 24, (count, 2))
        near = np.argmin([(y - cy) ** 2 + (x - cx) ** 2 for cy, cx in centers], axis=0)
        ids = np.append(0, rng.choice(1 << 24, count - 1, replace=False))[near]
        classes = {int(k): taxonomy.categories[int(rng.integers(5))].id for k in ids.flat if k}
        crowds = [k for k in classes if rng.random() < 0.2]
        reference = PanopticMap.from_ids(ids, classes, taxonomy, crowds=crowds)
        noisy = np.where(rng.random(ids.shape) < rng.choice([0, 0.1, 0.6]), rng.permuted(ids), ids)
        changed = {
            k: taxonomy.categories[int(rng.integers(5))].id if rng.random() < 0.2 else c
            for k, c in classes.items()
        }
        shifted = np.roll(noisy, int(rng.integers(-2, 3)), axis=1)
        return reference, PanopticMap.from_ids(shifted, changed, taxonomy)

    return make


@pytest.fixture
def folder(tmp_path: Path, random_pair: RandomPair, taxonomy: Taxonomy) -> Path:
    """A correct dataset of three images with captions."""
    with FolderWriter(tmp_path / "data", taxonomy) as writer:
        for seed in (1, 2, 3):
            panoptic, _ = random_pair(seed)
            writer.add(Image.new("RGB", panoptic.size), panoptic, ["one", "two"])
    return tmp_path / "data"
