"""Exports, read back by the very tools that they are for, in the environment of `make tools`.

The tools need not fit our dependencies: each is called in a process of its own, by a script of
`readers`, which writes what the tool has read as JSON.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pandiff.coco import PanopticFolder
from pandiff.panoptic import PanopticMap, Segment

READERS = Path(__file__).with_name("readers")

pytestmark = pytest.mark.slow

Read = Callable[[str, Path], Any]


@pytest.fixture
def read(root: Path, tmp_path: Path) -> Read:
    """What a tool, named by its reader, reads from a folder; it writes into `tmp_path`."""
    python = root / os.environ.get("PANDIFF_TOOLS", ".tools") / "bin/python"
    if not python.is_file():
        pytest.skip(f"no {python}: call make tools, or set PANDIFF_TOOLS to its folder")
    home = tmp_path / "home"
    home.mkdir()
    env = {"PATH": os.environ["PATH"], "HOME": str(home), "OMP_NUM_THREADS": "1"}
    env |= {"YOLO_CONFIG_DIR": str(home), "FIFTYONE_DO_NOT_TRACK": "true"}

    def run(tool: str, folder: Path) -> Any:
        out = tmp_path / "read.json"
        command = [python, READERS / f"read_{tool}.py", folder, out]
        done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=600)
        assert done.returncode == 0, done.stderr
        return json.loads(out.read_text())

    return run


def map_of(folder: PanopticFolder, file: str) -> PanopticMap:
    names = [i.file_name for i in folder.images]
    return folder.panoptic(names.index(file))


def things(panoptic: PanopticMap) -> list[Segment]:
    return [s for s in panoptic.segments if s.category_id in (7, 12)]


def iou(a: np.ndarray, b: np.ndarray) -> float:
    return float((a & b).sum() / (a | b).sum())


def test_ultralytics(folder: PanopticFolder, exported: Any, read: Read) -> None:
    """Whole objects and those with a hole exactly; a bridge to a part costs its line of pixels."""
    found = read("ultralytics", exported("yolo", val=0.3))
    assert [len(found[split]["images"]) for split in ("train", "val")] == [4, 2]
    for image in (i for split in found.values() for i in split["images"]):
        panoptic = map_of(folder, image["file"])
        wanted = [s for s in things(panoptic) if not s.is_crowd]
        assert image["classes"] == [(7, 12).index(s.category_id) for s in wanted]
        assert image["outside"] == 0
        for mask, segment in zip(image["masks"], wanted, strict=True):
            least = 0.92 if segment.id == 300 else 1.0
            assert iou(np.array(mask, bool), panoptic.mask(segment.id)) >= least, segment
    assert found["train"]["names"] == found["val"]["names"] == ["sheep", "dog"]


def test_mmsegmentation(folder: PanopticFolder, exported: Any, read: Read) -> None:
    """Every pixel's class, of every image, whatever the images' format."""
    found = read("mmsegmentation", exported("semantic", val=0.3))
    assert {name.split("_")[0] for name in found} == {"train", "val"}
    for dataset in found.values():
        assert dataset["type"] == "BaseSegDataset"
        assert dataset["classes"] == [c.name for c in folder.taxonomy.categories]
        assert dataset["palette"] == [list(c.color) for c in folder.taxonomy.categories]
        for image in dataset["images"]:
            panoptic = map_of(folder, image["file"])
            assert image["shape"] == [3, 32, 40]
            values = np.append(np.arange(4), 255)[panoptic.category_index - 1]
            assert np.array_equal(image["values"], values)
    files = [i["file"] for dataset in found.values() for i in dataset["images"]]
    assert sorted(files) == sorted(i.file_name for i in folder.images)


def test_fiftyone(folder: PanopticFolder, exported: Any, read: Read) -> None:
    """Every field of every sample; masks exactly, in the box and in the image."""
    found = read("fiftyone", exported("fiftyone", val=0.3))
    names = {str(c.id): c.name for c in folder.taxonomy.categories}
    assert found["targets"] == {"segmentation": names}
    assert found["classes"] == {"ground_truth": ["sheep", "dog"]}
    assert found["counts"] == {"sheep": 15, "dog": 10}
    assert sorted(s["tags"] for s in found["samples"]) == [["train"]] * 4 + [["val"]] * 2
    for k, (image, sample) in enumerate(zip(folder.images, found["samples"], strict=True)):
        panoptic = folder.panoptic(k)
        assert (sample["file"], sample["image_id"]) == (image.file_name, image.id)
        assert sample["there"]
        assert sample["captions"] == folder.captions(k)
        assert sample["mime_type"] == ("image/jpeg" if k % 2 else "image/png")
        categories = folder.taxonomy.category_ids[panoptic.category_index]
        assert np.array_equal(sample["segmentation"], categories)
        for detection, segment in zip(sample["detections"], things(panoptic), strict=True):
            assert detection["label"] == folder.taxonomy.by_id(segment.category_id).name
            assert np.allclose(np.array(detection["bounding_box"]) * (40, 32, 40, 32), segment.bbox)
            assert np.array_equal(np.array(detection["mask"]) > 0, panoptic.mask(segment.id))
            assert detection["confidence"] == segment.score
            assert detection["iscrowd"] == segment.is_crowd
            assert detection["area"] == segment.area


def test_detectron2(folder: PanopticFolder, exported: Any, read: Read) -> None:
    """What a model of each kind is trained with: instances without crowds, classes, segments."""
    found = read("detectron2", exported("detectron2", val=0.3))
    assert {name: len(d["images"]) for name, d in found.items()} == {"mine_train": 4, "mine_val": 2}
    numbers = np.array([7, 12, 3, 200])
    for dataset in found.values():
        assert dataset["metadata"]["thing_classes"] == ["sheep", "dog"]
        assert dataset["metadata"]["stuff_classes"] == ["sheep", "dog", "grass", "sky"]
        assert dataset["metadata"]["ignore_label"] == 255
        for image, count in zip(dataset["images"], dataset["counts"], strict=True):
            panoptic = map_of(folder, image["file"])
            assert image["shape"] == [3, 32, 40]
            assert count == len(things(panoptic))
            check_segments(image, panoptic, numbers)
            check_instances(image, panoptic, numbers)


def check_segments(image: dict[str, Any], panoptic: PanopticMap, numbers: np.ndarray) -> None:
    """Panoptic and semantic: ids, classes, crowds."""
    semantic = np.full(panoptic.ids.shape, 255)
    assert np.array_equal(image["ids"], panoptic.ids)
    for found, segment in zip(image["segments"], panoptic.segments, strict=True):
        assert found["id"] == segment.id
        assert numbers[found["category_id"]] == segment.category_id
        assert found["isthing"] == (segment.category_id in (7, 12))
        assert found["iscrowd"] == segment.is_crowd
        semantic[panoptic.mask(segment.id)] = found["category_id"]
    assert np.array_equal(image["semantic"], semantic)


def check_instances(image: dict[str, Any], panoptic: PanopticMap, numbers: np.ndarray) -> None:
    wanted = [s for s in things(panoptic) if not s.is_crowd]
    assert [numbers[c] for c in image["classes"]] == [s.category_id for s in wanted]
    for mask, box, segment in zip(image["masks"], image["boxes"], wanted, strict=True):
        x, y, width, height = segment.bbox
        assert np.array_equal(np.array(mask, bool), panoptic.mask(segment.id))
        assert box == [x, y, x + width, y + height]
