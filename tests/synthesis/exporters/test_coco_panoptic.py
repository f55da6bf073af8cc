"""COCO panoptic, read back by our reader, our validator and the processors of trainers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from pandiff.coco import PanopticFolder, png_to_ids, read_json, write_json
from pandiff.evaluation.validate import validate
from pandiff.synthesis.exporters import export


def test_the_export_is_the_dataset(folder: PanopticFolder, exported: Any) -> None:
    out = exported("coco-panoptic")
    again = PanopticFolder.open(out)
    assert validate(out) == []
    assert again.images == folder.images
    assert again.taxonomy == folder.taxonomy
    for k in range(len(folder)):
        assert again.panoptic(k) == folder.panoptic(k)
        assert again.captions(k) == folder.captions(k)


def test_a_share_is_set_aside(folder: PanopticFolder, exported: Any) -> None:
    out = exported("coco-panoptic", val=0.3)
    train, val = (PanopticFolder.open(out, split) for split in ("train", "val"))
    assert (len(train), len(val)) == (4, 2)
    assert {*train.images, *val.images} == set(folder.images)
    assert validate(out, "train") == validate(out, "val") == []


def target_of(out: Path, k: int) -> tuple[Image.Image, dict[str, Any], Path]:
    """What a data loader hands to a processor: image, annotation, folder of the maps."""
    content = read_json(out / "annotations/panoptic_train.json")
    image, annotation = content["images"][k], content["annotations"][k]
    assert image["id"] == annotation["image_id"]
    maps = out / "annotations/panoptic_train"
    return Image.open(out / "train" / image["file_name"]).convert("RGB"), annotation, maps


def test_detr_reads_it(folder: PanopticFolder, exported: Any) -> None:
    """Masks, classes and boxes that DETR would be trained with are those of the map."""
    from transformers import DetrImageProcessorPil

    image, annotation, maps = target_of(exported("coco-panoptic"), 1)
    processor = DetrImageProcessorPil(format="coco_panoptic", do_resize=False, do_pad=False)
    batch = processor(images=image, annotations=[annotation], masks_path=maps, return_tensors="pt")
    (labels,), panoptic = batch["labels"], folder.panoptic(1)
    assert labels["class_labels"].tolist() == [s.category_id for s in panoptic.segments]
    masks = labels["masks"].numpy().astype(bool)
    assert np.array_equal(masks, np.stack([panoptic.mask(s.id) for s in panoptic.segments]))
    boxes = labels["boxes"].numpy() * (40, 32, 40, 32)
    centers = [(x + w / 2, y + h / 2) for x, y, w, h in (s.bbox for s in panoptic.segments)]
    assert np.allclose(boxes[:, :2], centers, atol=0.51)  # DETR's boxes end at the last pixel


def test_mask2former_reads_it(folder: PanopticFolder, exported: Any) -> None:
    from transformers import Mask2FormerImageProcessorPil

    image, annotation, maps = target_of(exported("coco-panoptic"), 0)
    ids = png_to_ids(Image.open(maps / annotation["file_name"]))
    classes = {s["id"]: s["category_id"] for s in annotation["segments_info"]}
    processor = Mask2FormerImageProcessorPil(ignore_index=0, do_resize=False)
    batch = processor(
        images=image,
        segmentation_maps=ids,
        instance_id_to_semantic_id=classes,
        return_tensors="pt",
    )
    panoptic = folder.panoptic(0)
    order = sorted(panoptic.segments, key=lambda s: s.id)
    assert batch["class_labels"][0].tolist() == [s.category_id for s in order]
    masks = batch["mask_labels"][0].numpy().astype(bool)
    assert np.array_equal(masks[:, :32, :40], np.stack([panoptic.mask(s.id) for s in order]))


def test_numbers_and_orders_stay(data: Path, tmp_path: Path) -> None:
    """Image ids with gaps, segments in no order; of two maps of an image the last, as we read."""
    (tmp_path / "in").mkdir()
    for name in ("images", "panoptic"):
        (tmp_path / "in" / name).symlink_to(data / name)
    content, captions = (read_json(data / f"{name}.json") for name in ("panoptic", "captions"))
    for entry in (*content["images"], *captions["images"]):
        entry["id"] = 900 - 7 * entry["id"]
    for entry in (*content["annotations"], *captions["annotations"]):
        entry["image_id"] = 900 - 7 * entry["image_id"]
    for annotation in content["annotations"]:
        annotation["segments_info"].reverse()
    first = {**content["annotations"][0], "file_name": content["annotations"][-1]["file_name"]}
    content["annotations"].insert(0, first)
    write_json(tmp_path / "in/panoptic.json", content)
    write_json(tmp_path / "in/captions.json", captions)
    export(tmp_path / "in", tmp_path / "out", "coco-panoptic")
    source, again = PanopticFolder.open(tmp_path / "in"), PanopticFolder.open(tmp_path / "out")
    assert again.images == source.images
    for k in range(len(source)):
        assert again.panoptic(k).segments == source.panoptic(k).segments
        assert again.captions(k) == source.captions(k)


def test_image_ids_that_are_text_become_numbers(data: Path, tmp_path: Path) -> None:
    content = read_json(data / "panoptic.json")
    for entry, key in ((e, k) for k in ("images", "annotations") for e in content[k]):
        name = "id" if key == "images" else "image_id"
        entry[name] = f"ADE_{entry[name]}"
    (tmp_path / "in").mkdir()
    for name in ("images", "panoptic"):
        (tmp_path / "in" / name).symlink_to(data / name)
    (tmp_path / "in/panoptic.json").write_text(json.dumps(content))
    export(tmp_path / "in", tmp_path / "out", "coco-panoptic")
    assert validate(tmp_path / "out") == []
    assert [i.id for i in PanopticFolder.open(tmp_path / "out").images] == [1, 2, 3, 4, 5, 6]


def test_the_original_layout_is_read(shared: Path, tmp_path: Path) -> None:
    """COCO's own images and maps, with crowds, go there and back unchanged."""
    source = PanopticFolder.open(shared / "coco_sample")
    export(shared / "coco_sample", tmp_path / "once", "coco-panoptic")
    export(tmp_path / "once", tmp_path / "twice", "coco-panoptic", split="train")
    again = PanopticFolder.open(tmp_path / "twice")
    assert again.images == source.images
    assert [again.panoptic(k) for k in range(len(again))] == [
        source.panoptic(k) for k in range(len(source))
    ]
