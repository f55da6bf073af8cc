"""What all tests share: reference data, hypothesis' profile, one thread a process."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest
from hypothesis import settings

ROOT = Path(__file__).resolve().parent.parent

settings.register_profile("local", deadline=None)
settings.register_profile("ci", deadline=None, derandomize=True, print_blob=True)
settings.load_profile("ci" if os.environ.get("CI") else "local")


@pytest.fixture(scope="session")
def root() -> Path:
    """The project's folder."""
    return ROOT


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of reference data: beside the project, or where PANDIFF_SHARED points."""
    folder = Path(os.environ.get("PANDIFF_SHARED", ROOT.parent / "shared"))
    if not folder.is_dir():
        pytest.skip("no reference data: set PANDIFF_SHARED to its folder")
    return folder


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what reads reference data, so that `-m 'not shared'` leaves it out."""
    for item in items:
        if "shared" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.shared)


def pytest_collection_finish() -> None:
    """Hold torch to one thread, for the tests run in parallel; it is not imported for this."""
    if "torch" in sys.modules:
        sys.modules["torch"].set_num_threads(1)


@pytest.fixture(scope="session")
def toy_data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A dataset folder: twelve pictures of 64 px with one or two boxes on the ground."""
    import numpy as np
    from PIL import Image

    from pandiff.coco import FolderWriter
    from pandiff.panoptic import PanopticMap
    from pandiff.taxonomy import Category, Taxonomy

    taxonomy = Taxonomy(
        (Category(1, "ground", False), Category(2, "sky", False), Category(7, "box", True))
    )
    random, path = np.random.default_rng(0), tmp_path_factory.mktemp("toy") / "data"
    with FolderWriter(path, taxonomy) as writer:
        for k in range(12):
            ids = np.ones((64, 64), np.int32)
            ids[: random.integers(16, 32)] = 2
            for box in range(1 + k % 2):
                y, x = random.integers(8, 40), 4 + 32 * box
                ids[y : y + 20, x : x + 20] = 3 + box
            panoptic = PanopticMap.from_ids(ids, {1: 1, 2: 2, 3: 7, 4: 7}, taxonomy)
            colors = np.array([[0, 0, 0], [60, 140, 60], [120, 180, 240], *[[200, 40, 40]] * 2])
            pixels = (colors[ids] + random.integers(-20, 20, 3)).clip(0, 255).astype(np.uint8)
            caption = "two red boxes on the ground" if k % 2 else "a red box"
            writer.add(Image.fromarray(pixels), panoptic, [caption, f"{caption} below the sky"])
    return path


@pytest.fixture(scope="session")
def tiny_model(toy_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a pipeline of 64 px with small random weights, for the boxes of `toy_data`."""
    import torch
    from diffusers import DPMSolverMultistepScheduler

    from pandiff.coco import PanopticFolder
    from pandiff.codec import PanopticCodec
    from pandiff.models.encoders import latent_factor
    from pandiff.models.small import small_clip, small_vae, train_tokenizer
    from pandiff.models.unified import UnifiedPDM
    from pandiff.pipeline import PanopticDiffusionPipeline

    torch.manual_seed(0)
    folder = PanopticFolder.open(toy_data)
    captions = [c for k in range(len(folder)) for c in folder.captions(k)]
    tokenizer = train_tokenizer(captions, 100, 12)
    special = tokenizer.bos_token_id, tokenizer.eos_token_id
    clip = small_clip(len(tokenizer), *special, image_size=64, length=12, width=32, layers=1)
    vae, codec = small_vae(4, (8, 16)), PanopticCodec(folder.taxonomy)
    transformer = UnifiedPDM(
        sample_size=64 // latent_factor(vae),
        image_channels=4,
        map_channels=codec.channels,
        ratio=2,
        patch_size=4,
        width=32,
        depth=3,
        heads=2,
        context_dim=32,
        context_length=12,
    )
    torch.nn.init.normal_(transformer.image_unembed.weight, std=0.1)
    pipe = PanopticDiffusionPipeline(
        vae=vae,
        text_encoder=clip.text_model,
        tokenizer=tokenizer,
        transformer=transformer,
        scheduler=DPMSolverMultistepScheduler(solver_order=2),
        codec=codec.to_config(),
    )
    path = tmp_path_factory.mktemp("tiny") / "model"
    pipe.save_pretrained(path)
    return path
