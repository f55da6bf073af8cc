"""Small layouts of other datasets, and what maps have in common whatever their ids."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pandiff.coco import PanopticFolder
from pandiff.panoptic import PanopticMap
from pandiff.taxonomy import Category, Taxonomy

Canonical = Callable[[PanopticMap], set[tuple[bytes, int, bool]]]


@pytest.fixture(scope="session")
def taxonomy() -> Taxonomy:
    return Taxonomy(
        (
            Category(2, "grass", False, (60, 140, 60)),
            Category(300, "sky", False, (120, 180, 240)),
            Category(7, "ball", True, (220, 40, 40)),
            Category(9, "dog", True, (90, 60, 30), "animal"),
        )
    )


@pytest.fixture(scope="session")
def canonical() -> Canonical:
    """The segments of a map as a set of (pixels, category, crowd), without their numbers."""

    def of(panoptic: PanopticMap) -> set[tuple[bytes, int, bool]]:
        return {
            (np.packbits(panoptic.mask(s.id)).tobytes(), s.category_id, s.is_crowd)
            for s in panoptic.segments
        }

    return of


@pytest.fixture
def save() -> Callable[[Path, np.ndarray], None]:
    """Write an array as an image, its folders too."""

    def write(path: Path, pixels: np.ndarray) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(path)

    return write


@pytest.fixture
def opened() -> Callable[[Path], PanopticFolder]:
    """A dataset folder, checked before."""

    def run(path: Path) -> PanopticFolder:
        from pandiff.evaluation.validate import validate

        assert validate(path) == []
        return PanopticFolder.open(path)

    return run
