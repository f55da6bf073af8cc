"""Semantic masks, read back as mmsegmentation does: names by suffix, values by Pillow."""

from __future__ import annotations

import runpy
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from pandiff.coco import FolderWriter, PanopticFolder, read_json
from pandiff.errors import InputError
from pandiff.panoptic import PanopticMap
from pandiff.synthesis.exporters import export
from pandiff.taxonomy import Category, Taxonomy


def pairs(config: dict[str, Any], out: Path) -> list[tuple[Path, Path]]:
    """The images and masks of a dataset, as `BaseSegDataset.load_data_list` finds them."""
    prefix, suffix = config["data_prefix"], config["img_suffix"]
    images = sorted(p for p in (out / prefix["img_path"]).rglob("*") if p.name.endswith(suffix))
    masks = out / prefix["seg_map_path"]
    return [(p, masks / (p.name[: -len(suffix)] + config["seg_map_suffix"])) for p in images]


@pytest.mark.parametrize("val", [0.0, 0.5])
def test_values_are_train_ids(val: float, folder: PanopticFolder, exported: Any) -> None:
    out = exported("semantic", val=val)
    config = runpy.run_path(str(out / "mmseg_dataset.py"))
    datasets = [d for name, d in config.items() if name.startswith(("train_", "val_"))]
    assert not any(d["reduce_zero_label"] for d in datasets)
    found = [pair for d in datasets for pair in pairs(d, out)]
    places = {i.file_name: k for k, i in enumerate(folder.images)}
    assert {image.name for image, _ in found} == places.keys()
    for image, path in found:
        panoptic = folder.panoptic(places[image.name])
        mask = Image.open(path)
        assert mask.mode == "L"
        values = np.asarray(mask)
        assert np.array_equal(values == 255, ~panoptic.labelled)
        for k, category in enumerate(folder.taxonomy.categories):
            ids = [s.id for s in panoptic.segments if s.category_id == category.id]
            assert np.array_equal(values == k, np.isin(panoptic.ids, ids))


def test_classes_and_palette(folder: PanopticFolder, exported: Any) -> None:
    out = exported("semantic", val=0.2)
    config = runpy.run_path(str(out / "mmseg_dataset.py"))
    classes = read_json(out / "classes.json")
    assert classes["classes"] == ["grass", "sheep", "sky", "dog"]
    assert classes["palette"] == [list(c.color) for c in folder.taxonomy.categories]
    assert classes["category_ids"] == [3, 7, 200, 12]
    assert classes["ignore_index"] == 255
    assert config["metainfo"] == {k: classes[k] for k in ("classes", "palette")}
    assert sum(len(pairs(v, out)) for k, v in config.items() if k.startswith("val_")) == 1


@pytest.mark.parametrize("name", ["semantic", "detectron2"])
@pytest.mark.parametrize("count", [255, 256])
def test_as_many_categories_as_a_byte_holds(count: int, name: str, tmp_path: Path) -> None:
    taxonomy = Taxonomy(tuple(Category(k, str(k), k == 1) for k in range(1, count + 1)))
    with FolderWriter(tmp_path / "in", taxonomy) as writer:
        ids = np.array([[0, count]])
        panoptic = PanopticMap.from_ids(ids, {count: count}, taxonomy)
        writer.add(Image.new("RGB", (2, 1)), panoptic, file_name="a.png")
    if count > 255:
        with pytest.raises(InputError, match="at most 255 categories"):
            export(tmp_path / "in", tmp_path / "out", name)
    else:
        export(tmp_path / "in", tmp_path / "out", name)
        (path,) = (tmp_path / "out").glob("annotations/[!p]*/a.png")
        mask = np.asarray(Image.open(path))
        assert mask.tolist() == [[255, 254]]
