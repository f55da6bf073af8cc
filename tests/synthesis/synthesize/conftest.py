"""What the tests of a synthesis share: a sample without a model, and a small random model."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pandiff.panoptic import PanopticMap
from pandiff.pipeline import PanopticDiffusionPipeline
from pandiff.prompts.vocabulary import Vocabulary
from pandiff.synthesis.synthesize.maker import Candidate
from pandiff.synthesis.synthesize.plan import Listed, Plan
from pandiff.taxonomy import Category, Taxonomy

TAXONOMY = Taxonomy(
    (Category(1, "ground", False), Category(2, "sky", False), Category(7, "box", True))
)


@pytest.fixture
def candidate() -> Candidate:
    """Two boxes, of 8 x 8 pixels each, on the ground below the sky; sure of 0.8."""
    ids = np.ones((32, 32), np.int32)
    ids[:12] = 2
    ids[16:24, 4:12], ids[16:24, 20:28] = 3, 4
    panoptic = PanopticMap.from_ids(ids, {1: 1, 2: 2, 3: 7, 4: 7}, TAXONOMY)
    return Candidate(Image.fromarray((ids * 60).astype(np.uint8)).convert("RGB"), panoptic, 0.8)


@pytest.fixture(scope="session")
def pipe(tiny_model: Path) -> PanopticDiffusionPipeline:
    """The pipeline for boxes."""
    return PanopticDiffusionPipeline.from_pretrained(tiny_model)


@pytest.fixture(scope="session")
def plan(pipe: PanopticDiffusionPipeline) -> Plan:
    """Three prompts."""
    prompts = ("a red box", "two red boxes on the ground", "a box below the sky")
    return Listed(prompts, Vocabulary(pipe.taxonomy), 0)
