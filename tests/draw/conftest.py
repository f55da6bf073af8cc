"""Two touching things of one category over stuff, and some void."""

from __future__ import annotations

import numpy as np
import pytest

from pandiff.panoptic import PanopticMap
from pandiff.taxonomy import Category, Taxonomy


@pytest.fixture(scope="session")
def panoptic() -> PanopticMap:
    """120 x 80 pixels: sky above grass, two sheep side by side, a void corner, a tiny bird."""
    taxonomy = Taxonomy(
        (
            Category(1, "sky", False, (70, 130, 180)),
            Category(2, "grass", False, (60, 160, 60)),
            Category(3, "sheep", True, (200, 120, 40)),
            Category(4, "bird", True, (220, 20, 60)),
        )
    )
    ids = np.full((80, 120), 10)
    ids[30:] = 20
    ids[32:60, 10:60] = 31
    ids[32:60, 60:110] = 32
    ids[70:, 100:] = 0
    ids[5:8, 5:9] = 40
    return PanopticMap.from_ids(ids, {10: 1, 20: 2, 31: 3, 32: 3, 40: 4}, taxonomy)
