"""Reading: real data, the original layout, what is missing or odd."""

from __future__ import annotations

import json
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from pandiff.coco import FolderWriter, ImageRecord, PanopticFolder
from pandiff.errors import InputError
from pandiff.panoptic import PanopticMap


@pytest.fixture
def written(tmp_path: Path, panoptic: PanopticMap) -> Path:
    with FolderWriter(tmp_path / "data", panoptic.taxonomy) as writer:
        writer.add(Image.new("RGB", panoptic.size, "red"), panoptic, ["one", "two"])
        writer.add(Image.new("RGB", panoptic.size, "blue"), panoptic, file_name="b.jpg")
    return tmp_path / "data"


def test_reads_what_was_written(written: Path, panoptic: PanopticMap) -> None:
    folder = PanopticFolder.open(written)
    assert len(folder) == 2
    assert folder.taxonomy == panoptic.taxonomy
    assert folder.images[1] == ImageRecord(2, "b.jpg", 5, 3)
    assert folder.panoptic(0) == folder.panoptic(1) == panoptic
    assert folder.image(0).getpixel((0, 0)) == (255, 0, 0)
    assert [folder.captions(0), folder.captions(1)] == [["one", "two"], []]


def test_coco_sample(shared: Path) -> None:
    sample = shared / "coco_sample"
    folder = PanopticFolder.open(sample)
    panoptic = folder.panoptic(0)
    (entry,) = json.loads((sample / "panoptic.json").read_text())["annotations"]
    assert [s.id for s in panoptic.segments] == [s["id"] for s in entry["segments_info"]]
    for segment, info in zip(panoptic.segments, entry["segments_info"], strict=True):
        assert (segment.area, list(segment.bbox)) == (info["area"], info["bbox"])
        assert segment.is_crowd == bool(info["iscrowd"])
    assert folder.image(0).size == panoptic.size == (640, 427)
    assert folder.captions(0) == []
    assert len(folder.taxonomy) == 133


def test_a_bare_json_with_its_pngs(shared: Path) -> None:
    folder = PanopticFolder.open(shared / "coco_sample/panoptic_predicted.json")
    assert len(folder.panoptic(0).segments) == 15
    with pytest.raises(InputError, match="expected a readable image"):
        folder.image(0)


def change(folder: Path, edit: Callable[[Any], object]) -> None:
    content = json.loads((folder / "panoptic.json").read_text())
    edit(content)
    (folder / "panoptic.json").write_text(json.dumps(content))


def test_annotations_in_another_order(written: Path) -> None:
    change(written, lambda c: c["annotations"].reverse())
    assert len(PanopticFolder.open(written).panoptic(0).segments) == 4


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (lambda c: c["annotations"].pop(), "KeyError 2"),
        (lambda c: c.pop("categories"), "KeyError 'categories'"),
        (lambda c: c["images"][0].pop("width"), "expected a correct COCO file"),
        (lambda c: c["images"][0].pop("id"), "KeyError 'id'"),
        (lambda c: c["annotations"][0].pop("segments_info"), "expected a correct COCO file"),
        (lambda c: c["annotations"][0].update(segments_info=[[1]]), "expected a correct COCO file"),
        (lambda c: c["categories"][0].pop("name"), "expected a category with id, name"),
    ],
)
def test_malformed_json(written: Path, edit: Callable[[Any], object], message: str) -> None:
    change(written, edit)
    with pytest.raises(InputError, match=message):
        PanopticFolder.open(written)


def test_no_json_at_all(written: Path) -> None:
    (written / "panoptic.json").write_text("{")
    with pytest.raises(InputError, match="run pandiff validate"):
        PanopticFolder.open(written)


def test_undeclared_pixels(written: Path) -> None:
    change(written, lambda c: c["annotations"][0]["segments_info"].pop(0))
    with pytest.raises(InputError, match=r"every id of 0+1\.png in its segments_info, got none"):
        PanopticFolder.open(written).panoptic(0)


def test_missing_map(written: Path) -> None:
    (written / "panoptic/b.png").unlink()
    with pytest.raises(InputError, match=r"expected a readable image .*b\.png"):
        PanopticFolder.open(written).panoptic(1)


def test_holds_little_memory(tmp_path: Path) -> None:
    """COCO's training set has 118 000 images of 11 segments: 2 kB an image would be 240 MB."""
    count = 2000
    segments = [
        {"id": k, "category_id": 1, "area": 99999, "bbox": [1, 2, 3, 4], "iscrowd": 0}
        for k in range(1, 12)
    ]
    content = {
        "images": [
            {
                "id": k,
                "file_name": f"{k:012}.jpg",
                "width": 640,
                "height": 480,
                "coco_url": "x" * 60,
            }
            for k in range(count)
        ],
        "annotations": [
            {"image_id": k, "file_name": f"{k:012}.png", "segments_info": segments}
            for k in range(count)
        ],
        "categories": [{"id": 1, "name": "a", "isthing": 1}],
    }
    (tmp_path / "panoptic.json").write_text(json.dumps(content))
    tracemalloc.start()
    folder = PanopticFolder.open(tmp_path)
    held, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(folder) == count
    assert held / count < 2000
