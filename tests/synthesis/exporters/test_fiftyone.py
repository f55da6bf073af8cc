"""The FiftyOneDataset layout: its files, its schema, and what FiftyOne decodes them to."""

from __future__ import annotations

import base64
import io
import json
import re
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from pandiff.coco import FolderWriter, PanopticFolder
from pandiff.errors import InputError
from pandiff.panoptic import PanopticMap
from pandiff.synthesis.exporters import export
from pandiff.taxonomy import Category, Taxonomy

CLASSES = {
    "ObjectIdField": dict,
    "StringField": str,
    "IntField": int,
    "FloatField": float,
    "BooleanField": bool,
    "ListField": list,
    "DictField": dict,
    "ArrayField": dict,
    "EmbeddedDocumentField": dict,
}


def read(out: Path) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    metadata = json.loads((out / "metadata.json").read_text())
    return metadata, json.loads((out / "samples.json").read_text())["samples"]


def decode(binary: dict[str, Any]) -> np.ndarray:
    """As `fiftyone.core.utils.deserialize_numpy_array`."""
    assert binary["$binary"]["subType"] == "00"
    data = zlib.decompress(base64.b64decode(binary["$binary"]["base64"]))
    return np.load(io.BytesIO(data), allow_pickle=False)


def check(document: dict[str, Any], fields: list[dict[str, Any]]) -> None:
    """Every value has a field, of its class; documents within are checked likewise."""
    known = {f["db_field"]: f for f in fields}
    assert {f["name"] for f in fields} == {"id" if key == "_id" else key for key in known}
    for key, value in document.items():
        if key in ("_cls", "_media_type", "_rand"):
            continue
        kind = CLASSES[known[key]["ftype"].removeprefix("fiftyone.core.fields.")]
        assert type(value) is kind, key
        if key == "_id":
            assert re.fullmatch("[0-9a-f]{24}", value["$oid"])
        elif known[key]["embedded_doc_type"] and kind is dict and key != "attributes":
            assert known[key]["embedded_doc_type"].endswith(f".{value['_cls']}")
            check(value, known[key]["fields"])
        elif known[key]["embedded_doc_type"] and kind is list:
            for item in value:
                assert known[key]["embedded_doc_type"].endswith(f".{item['_cls']}")
                check(item, known[key]["fields"])


def test_every_value_is_in_the_schema(exported: Any) -> None:
    metadata, samples = read(exported("fiftyone"))
    assert metadata["version"] == "1.0.0"
    assert metadata["media_type"] == "image"
    assert metadata["mask_targets"] == {
        "segmentation": {"3": "grass", "7": "sheep", "200": "sky", "12": "dog"}
    }
    assert metadata["classes"] == {"ground_truth": ["sheep", "dog"]}
    for sample in samples:
        check(sample, metadata["sample_fields"])
        assert 0 <= sample["_rand"] < 1
    ids = [s["_id"]["$oid"] for s in samples]
    ids += [d["_id"]["$oid"] for s in samples for d in s["ground_truth"]["detections"]]
    assert len(set(ids)) == len(ids)


def test_it_holds_the_maps(folder: PanopticFolder, exported: Any) -> None:
    out = exported("fiftyone")
    for k, sample in enumerate(read(out)[1]):
        panoptic, image = folder.panoptic(k), out / sample["filepath"]
        assert image.read_bytes() == (folder.layout.images / image.name).read_bytes()
        assert sample["image_id"] == folder.images[k].id
        assert [sample["metadata"][n] for n in ("width", "height", "num_channels")] == [40, 32, 3]
        assert sample["metadata"]["size_bytes"] == image.stat().st_size
        assert sample["metadata"]["mime_type"] == ("image/jpeg" if k % 2 else "image/png")
        assert sample["captions"] == folder.captions(k)
        mask = np.asarray(Image.open(out / sample["segmentation"]["mask_path"]))
        ids = folder.taxonomy.category_ids[panoptic.category_index]
        assert np.array_equal(mask, ids)
        things = [s for s in panoptic.segments if s.category_id in (7, 12)]
        detections = sample["ground_truth"]["detections"]
        assert len(detections) == len(things)
        for detection, segment in zip(detections, things, strict=True):
            assert np.allclose(np.array(detection["bounding_box"]) * (40, 32, 40, 32), segment.bbox)
            again = np.zeros((32, 40), bool)
            left, top, width, height = segment.bbox
            again[top : top + height, left : left + width] = decode(detection["mask"])
            assert np.array_equal(again, panoptic.mask(segment.id))
            assert detection["label"] == folder.taxonomy.by_id(segment.category_id).name
            assert detection["iscrowd"] is segment.is_crowd
            assert detection["confidence"] == segment.score
            assert detection["area"] == segment.area


@pytest.mark.parametrize("number", [255, 256, 65535, 65536])
def test_masks_hold_category_ids_of_two_bytes(number: int, tmp_path: Path) -> None:
    taxonomy = Taxonomy((Category(number, "ball", True),))
    with FolderWriter(tmp_path / "in", taxonomy) as writer:
        panoptic = PanopticMap.from_ids(np.array([[1, 0]]), {1: number}, taxonomy)
        writer.add(Image.new("RGB", (2, 1)), panoptic, file_name="a.png")
    if number > 65535:
        with pytest.raises(InputError, match="category ids of at most 65535, got 65536"):
            export(tmp_path / "in", tmp_path / "out", "fiftyone")
    else:
        export(tmp_path / "in", tmp_path / "out", "fiftyone")
        mask = np.asarray(Image.open(tmp_path / "out/fields/segmentation/a.png"))
        assert mask.tolist() == [[number, 0]]


def test_splits_are_tags(exported: Any) -> None:
    tags = [s["tags"] for s in read(exported("fiftyone", val=0.3))[1]]
    assert sorted(tags) == [["train"]] * 4 + [["val"]] * 2
