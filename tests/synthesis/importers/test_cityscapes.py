"""Cityscapes: its classes, its numbers of instances, its names."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pandiff.errors import InputError
from pandiff.synthesis.importers import import_source, open_source
from pandiff.synthesis.importers.cityscapes import CITYSCAPES
from pandiff.taxonomy import Category, Taxonomy

# void, license plate as -1 of 16 bits, road, a group of persons, two cars, a rider, a caravan,
# a bicycle, the last of the classes.
VALUES = np.array(
    [[0, 65535, 7, 24], [26000, 26001, 26001, 25013], [7, 33000, 29000, 11]], np.uint16
)


@pytest.fixture
def source(save: Any, tmp_path: Path) -> Path:
    root = tmp_path / "cityscapes"
    for city in ("aachen", "ulm"):
        name = f"train/{city}/{city}_000000_000019"
        save(root / f"leftImg8bit/{name}_leftImg8bit.png", np.zeros((3, 4, 3), np.uint8))
        save(root / f"gtFine/{name}_gtFine_instanceIds.png", VALUES)
        save(root / f"gtFine/{name}_gtFine_labelIds.png", np.zeros((3, 4), np.uint8))
    return root


def test_the_table() -> None:
    """The 19 evaluated classes, eight with instances, as labels.py has them: not trainIds."""
    assert {c.id: (c.name, bytes(c.color).hex()) for c in CITYSCAPES.categories} == {
        7: ("road", "804080"),
        8: ("sidewalk", "f423e8"),
        11: ("building", "464646"),
        12: ("wall", "66669c"),
        13: ("fence", "be9999"),
        17: ("pole", "999999"),
        19: ("traffic light", "faaa1e"),
        20: ("traffic sign", "dcdc00"),
        21: ("vegetation", "6b8e23"),
        22: ("terrain", "98fb98"),
        23: ("sky", "4682b4"),
        24: ("person", "dc143c"),
        25: ("rider", "ff0000"),
        26: ("car", "00008e"),
        27: ("truck", "000046"),
        28: ("bus", "003c64"),
        31: ("train", "005064"),
        32: ("motorcycle", "0000e6"),
        33: ("bicycle", "770b20"),
    }
    assert [c.id for c in CITYSCAPES.categories if c.isthing] == [24, 25, 26, 27, 28, 31, 32, 33]


def test_maps(source: Path, tmp_path: Path, opened: Any) -> None:
    assert import_source(open_source("cityscapes", source), tmp_path / "out") == 2
    folder = opened(tmp_path / "out")
    assert [i.file_name[:6] for i in folder.images] == ["aachen", "ulm_00"]
    panoptic = folder.panoptic(1)
    found = sorted((s.category_id, s.area, s.is_crowd) for s in panoptic.segments)
    assert found == [
        (7, 2, False), (11, 1, False), (24, 1, True), (25, 1, False), (26, 1, False),
        (26, 2, False), (33, 1, False),
    ]  # fmt: skip
    assert (~panoptic.labelled).tolist() == [[True, True, False, False], [False] * 4,
                                             [False, False, True, False]]  # fmt: skip


def test_some_classes_alone(source: Path) -> None:
    """Matched by name, in the taxonomy's ids; whether they are things is the taxonomy's say."""
    taxonomy = Taxonomy((Category(1, "car", True), Category(2, "person", False)))
    panoptic = open_source("cityscapes", source, taxonomy=taxonomy).panoptic(0)
    found = sorted((s.category_id, s.area, s.is_crowd) for s in panoptic.segments)
    assert found == [(1, 1, False), (1, 2, False), (2, 1, False)]


def test_splits(source: Path, save: Any) -> None:
    (source / "leftImg8bit/val").mkdir()
    with pytest.raises(InputError, match=r"a split of .*leftImg8bit \(train, val\), got no split"):
        open_source("cityscapes", source)
    assert len(open_source("cityscapes", source, split="train")) == 2
    with pytest.raises(InputError, match=r"images below .*val, got none"):
        open_source("cityscapes", source, split="val")
    name = "val/ulm/ulm_000000_000019"
    save(source / f"leftImg8bit/{name}_leftImg8bit.png", np.zeros((3, 4, 3), np.uint8))
    save(source / f"gtFine/{name}_gtFine_instanceIds.png", np.full((3, 4), 7, np.uint16))
    (segment,) = open_source("cityscapes", source, split="val").panoptic(0).segments
    assert (segment.category_id, segment.area) == (7, 12)


def test_what_is_missing_is_named(source: Path, tmp_path: Path) -> None:
    for path in source.glob("gtFine/*/ulm/*instanceIds.png"):
        path.unlink()
    with pytest.raises(InputError, match=r"ulm_000000_000019_gtFine_instanceIds\.png"):
        import_source(open_source("cityscapes", source), tmp_path / "out")
    assert not (tmp_path / "out").exists()
    with pytest.raises(InputError, match=r"names of the source \(road, .*, got cars"):
        taxonomy = Taxonomy((Category(1, "cars", True),))
        open_source("cityscapes", source, taxonomy=taxonomy)
