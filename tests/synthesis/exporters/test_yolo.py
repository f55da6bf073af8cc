"""YOLO polygons, rasterised as Ultralytics does: coordinates truncated, borders filled."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from PIL import Image, ImageDraw

from pandiff.coco import FolderWriter, PanopticFolder
from pandiff.panoptic import PanopticMap
from pandiff.synthesis.exporters import export
from pandiff.taxonomy import Category, Taxonomy


def rasterise(line: str, size: tuple[int, int]) -> tuple[int, np.ndarray]:
    """The class and (H, W) bool mask of a line of a label file."""
    kind, *numbers = line.split()
    points = np.array(numbers, float).reshape(-1, 2) * size
    image = Image.new("1", size)
    ImageDraw.Draw(image).polygon([tuple(p) for p in points.tolist()], fill=1)
    return int(kind), np.asarray(image)


def iou(a: np.ndarray, b: np.ndarray) -> float:
    return float((a & b).sum() / (a | b).sum())


def labels(out: Path, folder: PanopticFolder, k: int) -> list[str]:
    stem = Path(folder.images[k].file_name).stem
    return (out / f"labels/train/{stem}.txt").read_text().splitlines()


def countable(panoptic: PanopticMap) -> list[int]:
    return [s.id for s in panoptic.segments if s.category_id in (7, 12) and not s.is_crowd]


def test_polygons_give_back_the_masks(folder: PanopticFolder, exported: Any) -> None:
    """Whole shapes exactly; a bridge between two parts costs its line of pixels."""
    out, exact = exported("yolo"), {5: True, 6: True, 70000: True, 300: False}
    names = yaml.safe_load((out / "data.yaml").read_text())["names"]
    for k in range(len(folder) - 1):
        panoptic, lines = folder.panoptic(k), labels(out, folder, k)
        assert len(lines) == len(countable(panoptic)) == 4
        for line, segment_id in zip(lines, countable(panoptic), strict=True):
            kind, mask = rasterise(line, panoptic.size)
            category = folder.taxonomy.by_id(panoptic[segment_id].category_id)
            assert names[kind] == category.name
            if segment_id == 70000:  # Pillow draws the bridge to the hole, inside of the ring
                assert iou(mask, panoptic.mask(segment_id)) > 0.95
            elif exact[segment_id]:
                assert np.array_equal(mask, panoptic.mask(segment_id))
            else:
                assert iou(mask, panoptic.mask(segment_id)) > 0.85


def test_coordinates_are_within_the_image(folder: PanopticFolder, exported: Any) -> None:
    out = exported("yolo")
    for k in range(len(folder)):
        for line in labels(out, folder, k):
            numbers = np.array(line.split()[1:], float)
            assert len(numbers) >= 6
            assert len(numbers) % 2 == 0
            assert 0 <= numbers.min() <= numbers.max() <= 1


def test_an_image_without_things_has_an_empty_file(folder: PanopticFolder, exported: Any) -> None:
    assert labels(exported("yolo"), folder, 5) == []


def test_any_name_is_yaml(tmp_path: Path) -> None:
    """Quotes, a colon, letters beyond ASCII and beyond 16 bits."""
    names = ['a: "b"', "#kühe", "no", "\U0001f411"]
    taxonomy = Taxonomy(tuple(Category(k, name, True) for k, name in enumerate(names, start=1)))
    with FolderWriter(tmp_path / "in", taxonomy) as writer:
        panoptic = PanopticMap.from_ids(np.ones((2, 2), int), {1: 1}, taxonomy)
        writer.add(Image.new("RGB", (2, 2)), panoptic)
    export(tmp_path / "in", tmp_path / "out", "yolo")
    config = yaml.safe_load((tmp_path / "out/data.yaml").read_text(encoding="utf-8"))
    assert config["names"] == dict(enumerate(names))


@pytest.mark.parametrize(("val", "wanted"), [(0.0, "images/train"), (0.4, "images/val")])
def test_data_yaml(val: float, wanted: str, exported: Any) -> None:
    """Both splits are named, for Ultralytics asks for both; every image has its label file."""
    out = exported("yolo", val=val)
    config = yaml.safe_load((out / "data.yaml").read_text())
    assert (config["train"], config["val"]) == ("images/train", wanted)
    assert config["names"] == {0: "sheep", 1: "dog"}
    for image in out.glob("images/*/*"):
        assert (out / "labels" / image.parent.name / f"{image.stem}.txt").is_file()
    assert len(list(out.glob("labels/*/*.txt"))) == 6
