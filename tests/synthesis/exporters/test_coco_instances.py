"""COCO instances, read back by pycocotools."""

from __future__ import annotations

from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pycocotools.coco import COCO

from pandiff.coco import PanopticFolder
from pandiff.errors import InputError
from pandiff.panoptic import PanopticMap
from pandiff.taxonomy import Taxonomy


def read(path: Path) -> COCO:
    with redirect_stdout(None):
        return COCO(path)


def test_masks_areas_and_boxes_are_the_maps(folder: PanopticFolder, exported: Any) -> None:
    coco = read(exported("coco-instances") / "annotations/instances_train.json")
    assert [c["name"] for c in coco.loadCats(coco.getCatIds())] == ["sheep", "dog"]
    for k, image in enumerate(folder.images):
        panoptic = folder.panoptic(k)
        wanted = [s for s in panoptic.segments if s.category_id in (7, 12)]
        found = coco.loadAnns(coco.getAnnIds(imgIds=[image.id]))
        assert len(found) == len(wanted)
        for annotation, segment in zip(found, wanted, strict=True):
            mask = coco.annToMask(annotation).astype(bool)
            assert np.array_equal(mask, panoptic.mask(segment.id))
            assert annotation["area"] == segment.area == mask.sum()
            assert tuple(annotation["bbox"]) == segment.bbox
            assert annotation["category_id"] == segment.category_id
            assert annotation["iscrowd"] == segment.is_crowd
            assert annotation.get("score", 1) == segment.score


def test_every_number_is_unique_in_its_split(exported: Any) -> None:
    out = exported("coco-instances", val=0.5)
    for split in ("train", "val"):
        coco = read(out / f"annotations/instances_{split}.json")
        assert sorted(coco.anns) == list(range(1, len(coco.anns) + 1))
        assert {i["file_name"] for i in coco.imgs.values()} == {
            p.name for p in (out / split).iterdir()
        }


def test_captions_are_cocos(folder: PanopticFolder, exported: Any) -> None:
    coco = read(exported("coco-instances") / "annotations/captions_train.json")
    found = [a["caption"] for a in coco.loadAnns(coco.getAnnIds(imgIds=[folder.images[1].id]))]
    assert found == folder.captions(1)
    assert [i["file_name"] for i in coco.imgs.values()] == [i.file_name for i in folder.images[:-1]]


@pytest.mark.parametrize("name", ["coco-instances", "yolo", "detectron2"])
def test_there_must_be_things(name: str, tmp_path: Path) -> None:
    from PIL import Image

    from pandiff.coco import FolderWriter
    from pandiff.synthesis.exporters import export
    from pandiff.taxonomy import Category

    taxonomy = Taxonomy((Category(1, "sky", False),))
    with FolderWriter(tmp_path / "in", taxonomy) as writer:
        panoptic = PanopticMap.from_ids(np.ones((2, 2), int), {1: 1}, taxonomy)
        writer.add(Image.new("RGB", (2, 2)), panoptic)
    with pytest.raises(InputError, match="a taxonomy with things"):
        export(tmp_path / "in", tmp_path / "out", name)
    assert [p.name for p in tmp_path.iterdir()] == ["in"]


def test_without_pycocotools(monkeypatch: pytest.MonkeyPatch, exported: Any) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "pycocotools.mask", None)
    with pytest.raises(InputError, match=r"pip install 'pandiff\[eval\]'"):
        exported("coco-instances")
