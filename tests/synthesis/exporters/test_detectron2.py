"""The registration snippet, run beside a stand-in for detectron2."""

from __future__ import annotations

import runpy
import sys
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest
from PIL import Image
from pycocotools import mask as rle

from pandiff.coco import PanopticFolder, png_to_ids

XYWH_ABS = object()


class Metadata(SimpleNamespace):
    def set(self, **values: Any) -> None:
        self.__dict__.update(values)


class Catalogs:
    """detectron2's two registries."""

    def __init__(self) -> None:
        self.datasets: dict[str, Callable[[], list[dict[str, Any]]]] = {}
        self.metadata: dict[str, Metadata] = defaultdict(Metadata)

    def modules(self) -> dict[str, ModuleType]:
        data, structures = ModuleType("detectron2.data"), ModuleType("detectron2.structures")
        data.DatasetCatalog = SimpleNamespace(register=self.datasets.__setitem__)  # type: ignore[attr-defined]
        data.MetadataCatalog = SimpleNamespace(get=self.metadata.__getitem__)  # type: ignore[attr-defined]
        structures.BoxMode = SimpleNamespace(XYWH_ABS=XYWH_ABS)  # type: ignore[attr-defined]
        packages = {m.__name__: m for m in (data, structures)}
        return {"detectron2": ModuleType("detectron2"), **packages}


@pytest.fixture
def catalogs(monkeypatch: pytest.MonkeyPatch) -> Catalogs:
    found = Catalogs()
    for name, module in found.modules().items():
        monkeypatch.setitem(sys.modules, name, module)
    return found


def register(out: Path) -> list[str]:
    return runpy.run_path(str(out / "register_dataset.py"))["register"]("mine")


def test_both_splits_are_registered(exported: Any, catalogs: Catalogs) -> None:
    out = exported("detectron2", val=0.3)
    assert register(out) == ["mine_train", "mine_val"] == list(catalogs.datasets)
    assert [len(catalogs.datasets[n]()) for n in catalogs.datasets] == [4, 2]


@pytest.mark.parametrize("split", ["train", "val"])
def test_classes_are_contiguous_and_things_first(
    split: str, exported: Any, catalogs: Catalogs
) -> None:
    out = exported("detectron2", val=0.3)
    register(out)
    metadata = catalogs.metadata[f"mine_{split}"]
    assert metadata.thing_classes == ["sheep", "dog"]
    assert metadata.stuff_classes == ["sheep", "dog", "grass", "sky"]
    assert metadata.thing_dataset_id_to_contiguous_id == {7: 0, 12: 1}
    assert metadata.stuff_dataset_id_to_contiguous_id == {7: 0, 12: 1, 3: 2, 200: 3}
    colors = [(250, 240, 230), (90, 60, 30), (60, 140, 60), (120, 180, 240)]
    assert [*map(tuple, metadata.thing_colors)] == colors[:2]
    assert [*map(tuple, metadata.stuff_colors)] == colors
    assert (metadata.ignore_label, metadata.label_divisor) == (255, 1000)
    assert metadata.evaluator_type == "coco_panoptic_seg"
    for name, path in (
        ("image_root", split),
        ("panoptic_root", f"annotations/panoptic_{split}"),
        ("panoptic_json", f"annotations/panoptic_{split}.json"),
        ("json_file", f"annotations/instances_{split}.json"),
        ("sem_seg_root", f"annotations/semantic_{split}"),
    ):
        assert Path(getattr(metadata, name)).samefile(out / path)


def test_records_hold_the_maps(folder: PanopticFolder, exported: Any, catalogs: Catalogs) -> None:
    names = register(exported("detectron2", val=0.3))
    numbers = {7: 0, 12: 1, 3: 2, 200: 3}
    places = {image.file_name: k for k, image in enumerate(folder.images)}
    for record in (r for name in names for r in catalogs.datasets[name]()):
        k = places[Path(record["file_name"]).name]
        panoptic = folder.panoptic(k)
        assert record["image_id"] == folder.images[k].id
        assert (record["width"], record["height"]) == Image.open(record["file_name"]).size
        ids = png_to_ids(Image.open(record["pan_seg_file_name"]))
        assert np.array_equal(ids, panoptic.ids)
        semantic = np.full(ids.shape, 255)
        for segment, wanted in zip(record["segments_info"], panoptic.segments, strict=True):
            assert segment["id"] == wanted.id
            assert segment["category_id"] == numbers[wanted.category_id]
            assert segment["isthing"] == (wanted.category_id in (7, 12))
            assert segment["iscrowd"] == wanted.is_crowd
            semantic[ids == segment["id"]] = segment["category_id"]
        assert np.array_equal(np.asarray(Image.open(record["sem_seg_file_name"])), semantic)
        things = [s for s in panoptic.segments if s.category_id in (7, 12)]
        for annotation, segment in zip(record["annotations"], things, strict=True):
            assert annotation["bbox_mode"] is XYWH_ABS
            assert tuple(annotation["bbox"]) == segment.bbox
            assert annotation["category_id"] == numbers[segment.category_id]
            assert annotation["iscrowd"] == segment.is_crowd
            assert annotation["area"] == segment.area
            mask = rle.decode(annotation["segmentation"]).astype(bool)
            assert np.array_equal(mask, panoptic.mask(segment.id))
