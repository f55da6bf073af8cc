"""ADE20K: 150 classes, a hundred of them with instances in masks of their own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pandiff.errors import InputError
from pandiff.synthesis.importers import import_source, open_source
from pandiff.synthesis.importers.ade20k_classes import ADE20K, INSTANCE_CLASSES, synonyms
from pandiff.taxonomy import Category, Taxonomy

WALL, BED, PERSON, FLAG = 1, 8, 13, 150
CLASSES = np.array([[WALL, BED, PERSON, PERSON], [0, BED, PERSON, FLAG]], np.uint8)
# The instance challenge's own classes: 1 bed, 4 person, 100 flag. The wall's pixel is a bed there.
RED = np.array([[1, 1, 4, 4], [0, 1, 0, 100]], np.uint8)
GREEN = np.array([[5, 5, 1, 2], [0, 5, 0, 255]], np.uint8)


@pytest.fixture
def source(save: Any, tmp_path: Path) -> Path:
    root = tmp_path / "ADEChallengeData2016"
    for k in (1, 2):
        name = f"training/ADE_train_0000000{k}"
        save(root / f"images/{name}.jpg", np.zeros((2, 4, 3), np.uint8))
        save(root / f"annotations/{name}.png", CLASSES)
        instances = np.stack([RED, GREEN, np.full_like(RED, 9)], axis=2)
        save(root / f"annotations_instance/{name}.png", instances)
    return root


def test_the_table() -> None:
    assert len(ADE20K) == 150
    assert len(INSTANCE_CLASSES) == 101 == len(set(INSTANCE_CLASSES))
    assert ADE20K.isthing.sum() == 100
    for number, name in ((WALL, "wall"), (BED, "bed"), (90, "television"), (FLAG, "flag")):
        assert ADE20K.by_id(number).name == name
    assert ADE20K.by_name("sky").color == (6, 230, 230)
    assert not ADE20K.by_name("sky").isthing
    assert " ".join(c.name for c in ADE20K.categories if not c.isthing) == (
        "wall building sky floor tree ceiling road grass sidewalk earth mountain plant water house "
        "sea rug field rock base sand skyscraper grandstand path runway stairway river bridge "
        "blind hill bar hovel tower dirt track land escalator buffet poster stage conveyer belt "
        "canopy swimming pool waterfall tent cradle tank lake blanket pier crt screen shower"
    )
    # As instanceInfo100_train.txt numbers them.
    for number, name in (
        (1, "bed"),
        (4, "person"),
        (32, "case"),
        (58, "television"),
        (100, "flag"),
    ):
        assert ADE20K.by_id(INSTANCE_CLASSES[number]).name == name


def test_names() -> None:
    found = synonyms()
    assert found["building"] == found["edifice"] == 2
    assert found["screen"] == 131  # the second name of two others
    assert found["ground"] == 14  # a later class has it too, neither has it first


def test_maps(source: Path, tmp_path: Path, opened: Any) -> None:
    assert import_source(open_source("ade20k", source), tmp_path / "out") == 2
    folder = opened(tmp_path / "out")
    assert [i.file_name for i in folder.images] == [f"ADE_train_0000000{k}.jpg" for k in (1, 2)]
    panoptic = folder.panoptic(0)
    found = sorted((s.category_id, s.area, s.is_crowd) for s in panoptic.segments)
    assert found == [
        (BED, 3, False), (PERSON, 1, False), (PERSON, 1, False), (PERSON, 1, True),
        (FLAG, 1, False),
    ]  # fmt: skip
    assert not panoptic.labelled[1, 0]


def test_an_instance_has_both_a_class_and_a_number(source: Path, save: Any) -> None:
    path = source / "annotations_instance/training/ADE_train_00000001.png"
    instances = np.zeros((2, 4, 3), np.uint8)
    instances[0, 0, 0], instances[0, 1, 1] = 4, 7
    save(path, instances)
    panoptic = open_source("ade20k", source).panoptic(0)
    assert {(s.category_id, s.area, s.is_crowd) for s in panoptic.segments} == {
        (WALL, 1, False), (BED, 2, True), (PERSON, 3, True), (FLAG, 1, True),
    }  # fmt: skip
    save(path, np.zeros((4, 2, 3), np.uint8))
    with pytest.raises(InputError, match="of 4 x 2 px, got RGB, 2 x 4"):
        open_source("ade20k", source).panoptic(0)


def test_splits(source: Path, save: Any) -> None:
    name = "validation/ADE_val_00000001"
    save(source / f"images/{name}.jpg", np.zeros((2, 4, 3), np.uint8))
    save(source / f"annotations/{name}.png", np.full((2, 4), BED, np.uint8))
    save(source / f"annotations_instance/{name}.png", np.ones((2, 4, 3), np.uint8))
    with pytest.raises(InputError, match=r"\(training, validation\), got no split"):
        open_source("ade20k", source)
    assert len(open_source("ade20k", source, split="training")) == 2
    (bed,) = open_source("ade20k", source, split="validation").panoptic(0).segments
    assert (bed.category_id, bed.area, bed.is_crowd) == (BED, 8, False)


def test_the_scene_parsing_set_alone(source: Path) -> None:
    (source / "annotations_instance").rename(source / "elsewhere")
    crowds = open_source("ade20k", source).panoptic(0)
    assert [s.is_crowd for s in crowds.segments] == [False, True, True, True]
    parts = open_source("ade20k", source, components=True).panoptic(0)
    (source / "elsewhere").rename(source / "annotations_instance")
    counted = open_source("ade20k", source, components=True).panoptic(0)
    assert sum(s.category_id == PERSON for s in counted.segments) == 3
    assert sorted((s.category_id, s.area) for s in parts.segments) == [
        (WALL, 1), (BED, 2), (PERSON, 3), (FLAG, 1),
    ]  # fmt: skip


def test_some_classes_by_any_name(source: Path) -> None:
    taxonomy = Taxonomy((Category(3, "individual", True), Category(5, "wall", False)))
    panoptic = open_source("ade20k", source, taxonomy=taxonomy).panoptic(0)
    assert panoptic.count(3) == 2
    assert {s.category_id for s in panoptic.segments} == {3}


def test_what_is_wrong_is_named(source: Path, save: Any) -> None:
    found = open_source("ade20k", source)
    name = "training/ADE_train_00000001.png"
    save(source / "annotations" / name, np.full((2, 4), 151, np.uint8))
    with pytest.raises(InputError, match=r"annotations/training/ADE_train_00000001\.png, got 151"):
        found.panoptic(0)
    save(source / "annotations" / name, CLASSES)
    save(source / "annotations_instance" / name, np.full((2, 4, 3), 101, np.uint8))
    with pytest.raises(InputError, match=r"0\.\.100 in the red of .*00000001\.png, got 101"):
        found.panoptic(0)
    save(source / "annotations_instance" / name, CLASSES)
    with pytest.raises(InputError, match=r"an RGB mask .*00000001\.png of 4 x 2 px, got L"):
        found.panoptic(0)
    (source / "annotations_instance" / name).unlink()
    with pytest.raises(InputError, match=r"annotations_instance/training/ADE_train_00000001\.png"):
        found.panoptic(0)
