"""Register the datasets of this folder with detectron2.

    import register_dataset
    register_dataset.register("my_data")    # my_data_train, and my_data_val if there is one

Each holds what detectron2's mappers and Mask2Former's for panoptic, instance and semantic
segmentation read. Class ids are contiguous, the things first; 255 is ignored.
"""

from __future__ import annotations

import json
from pathlib import Path

ROOT = Path(__file__).resolve().parent


def register(name: str, root: Path = ROOT) -> list[str]:
    """Register every split of a folder; returns the names of the datasets."""
    from detectron2.data import (  # type: ignore[import-not-found]
        DatasetCatalog,
        MetadataCatalog,
    )

    registered = []
    for path in sorted(root.glob("annotations/panoptic_*.json")):
        split = path.stem.removeprefix("panoptic_")
        dataset = f"{name}_{split}"
        DatasetCatalog.register(dataset, lambda split=split: load(split, root))
        MetadataCatalog.get(dataset).set(**metadata(split, root))
        registered.append(dataset)
    return registered


def load(split: str, root: Path = ROOT) -> list[dict]:
    """The dataset of a split, in detectron2's standard form."""
    from detectron2.structures import BoxMode  # type: ignore[import-not-found]

    panoptic, instances = _read("panoptic", split, root), _read("instances", split, root)
    contiguous = _contiguous(panoptic["categories"])
    isthing = {c["id"]: bool(c["isthing"]) for c in panoptic["categories"]}
    annotated = {a["image_id"]: a for a in panoptic["annotations"]}
    objects: dict[int, list[dict]] = {}
    for o in instances["annotations"]:
        keys = {k: o[k] for k in ("bbox", "segmentation", "iscrowd", "area")}
        own = {"bbox_mode": BoxMode.XYWH_ABS, "category_id": contiguous[o["category_id"]]}
        objects.setdefault(o["image_id"], []).append({**keys, **own})
    records = []
    for image in panoptic["images"]:
        annotation = annotated[image["id"]]
        png = annotation["file_name"]
        segments = [
            {**s, "category_id": contiguous[s["category_id"]], "isthing": isthing[s["category_id"]]}
            for s in annotation["segments_info"]
        ]
        records.append(
            {
                "file_name": str(root / split / image["file_name"]),
                "image_id": image["id"],
                "height": image["height"],
                "width": image["width"],
                "pan_seg_file_name": str(root / f"annotations/panoptic_{split}" / png),
                "sem_seg_file_name": str(root / f"annotations/semantic_{split}" / png),
                "segments_info": segments,
                "annotations": objects.get(image["id"], []),
            }
        )
    return records


def metadata(split: str, root: Path = ROOT) -> dict:
    """The names, colors and numbers of the classes, and where the files lie."""
    categories = _ordered(_read("panoptic", split, root)["categories"])
    things = [c for c in categories if c["isthing"]]
    contiguous = _contiguous(categories)
    return {
        "thing_classes": [c["name"] for c in things],
        "thing_colors": [c["color"] for c in things],
        "stuff_classes": [c["name"] for c in categories],
        "stuff_colors": [c["color"] for c in categories],
        "thing_dataset_id_to_contiguous_id": {c["id"]: contiguous[c["id"]] for c in things},
        "stuff_dataset_id_to_contiguous_id": contiguous,
        "ignore_label": 255,
        "label_divisor": 1000,
        "image_root": str(root / split),
        "panoptic_root": str(root / f"annotations/panoptic_{split}"),
        "panoptic_json": str(root / f"annotations/panoptic_{split}.json"),
        "json_file": str(root / f"annotations/instances_{split}.json"),
        "sem_seg_root": str(root / f"annotations/semantic_{split}"),
        "evaluator_type": "coco_panoptic_seg",
    }


def _read(kind: str, split: str, root: Path) -> dict:
    return json.loads((root / f"annotations/{kind}_{split}.json").read_text(encoding="utf-8"))


def _ordered(categories: list[dict]) -> list[dict]:
    return sorted(categories, key=lambda c: not c["isthing"])


def _contiguous(categories: list[dict]) -> dict[int, int]:
    return {c["id"]: k for k, c in enumerate(_ordered(categories))}
