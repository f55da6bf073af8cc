"""A dataset with all that is awkward: holes, parts, crowds, void, stuff, mixed image formats."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pandiff.coco import FolderWriter, PanopticFolder
from pandiff.panoptic import PanopticMap
from pandiff.synthesis.exporters import export
from pandiff.taxonomy import Category, Taxonomy

Exported = Callable[..., Path]

TAXONOMY = Taxonomy(
    (
        Category(3, "grass", False, (60, 140, 60), "ground"),
        Category(7, "sheep", True, (250, 240, 230), "animal"),
        Category(200, "sky", False, (120, 180, 240)),
        Category(12, "dog", True, (90, 60, 30), "animal"),
    )
)


def draw(k: int) -> PanopticMap:
    """40 x 32 pixels: a ring, a sheep of two parts, two dogs that touch, a crowd, some void."""
    y, x = np.mgrid[:32, :40]
    ids = np.where(y < 10 + k, 1, 2)
    distance = (x - 11) ** 2 + (y - 16) ** 2
    ids[(distance < 64) & (distance >= 9)] = 70000
    ids[4:9, 25:30] = ids[12:15, 22:26] = 300
    ids[18:26, 24:29], ids[18:24, 29:36] = 5, 6
    ids[28:31, 2:20] = 9
    ids[:3, 36:] = 0
    categories = {1: 200, 2: 3, 70000: 7, 300: 7, 5: 12, 6: 12, 9: 7}
    return PanopticMap.from_ids(ids, categories, TAXONOMY, scores={5: 0.5}, crowds=[9])


@pytest.fixture(scope="session")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six images, every second one a JPEG; the last has no thing and no caption."""
    random, path = np.random.default_rng(0), tmp_path_factory.mktemp("exporters") / "data"
    with FolderWriter(path, TAXONOMY) as writer:
        for k in range(6):
            panoptic = draw(k)
            if k == 5:
                ids = np.full((32, 40), 4)
                panoptic = PanopticMap.from_ids(ids, {4: 3}, TAXONOMY)
            pixels = random.integers(0, 256, (32, 40, 3), dtype=np.uint8)
            name = f"bild_ä_{k}.jpg" if k % 2 else f"{k}.png"
            captions = [] if k == 5 else [f"{k} sheep", "a dög"]
            writer.add(Image.fromarray(pixels), panoptic, captions, file_name=name)
    return path


@pytest.fixture(scope="session")
def folder(data: Path) -> PanopticFolder:
    return PanopticFolder.open(data)


@pytest.fixture
def exported(data: Path, tmp_path: Path) -> Exported:
    """Export the dataset in a format, perhaps with options; returns the folder."""

    def run(name: str, **options: object) -> Path:
        export(data, tmp_path / name, name, **options)  # type: ignore[arg-type]
        return tmp_path / name

    return run
