"""A small taxonomy and a map with a crowd, void and scores."""

from __future__ import annotations

import numpy as np
import pytest

from pandiff.panoptic import PanopticMap
from pandiff.taxonomy import Category, Taxonomy


@pytest.fixture(scope="session")
def taxonomy() -> Taxonomy:
    return Taxonomy(
        (Category(7, "sheep", True, (250, 240, 230), "animal"), Category(200, "grass", False))
    )


@pytest.fixture(scope="session")
def panoptic(taxonomy: Taxonomy) -> PanopticMap:
    """5 x 3 pixels; the largest id that a PNG holds is among them."""
    big = (1 << 24) - 1
    ids = np.array([[0, 9, 9, big, big], [300, 300, 9, big, 70000], [300] * 5])
    classes = {9: 7, big: 7, 300: 200, 70000: 7}
    return PanopticMap.from_ids(ids, classes, taxonomy, scores={9: 0.25}, crowds=[70000])
