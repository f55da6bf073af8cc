"""detectron2: `register_dataset.py` registers, detectron2's mapper makes what models are given.

python read_detectron2.py FOLDER OUT.json: for each dataset its metadata, and of each image what
`DatasetMapper` makes of it (instances, semantic) and what `segments_info` says of the panoptic PNG.
"""

from __future__ import annotations

import json
import runpy
import sys
from pathlib import Path
from typing import Any

import numpy as np
import without_compiled
from PIL import Image

without_compiled.torchvision()
without_compiled.module("detectron2._C")
Image.LINEAR = Image.BILINEAR  # the name that Pillow had for it until version 9
np.int = int  # the name that numpy had for it until version 1.23

from detectron2.data import (  # noqa: E402
    DatasetMapper,
    MetadataCatalog,
    get_detection_dataset_dicts,
)
from detectron2.data.datasets import load_coco_json  # noqa: E402
from detectron2.data.detection_utils import read_image  # noqa: E402

MAPPER = DatasetMapper(
    is_train=True,
    augmentations=[],
    image_format="RGB",
    use_instance_mask=True,
    instance_mask_format="bitmask",
)
METADATA = ("thing_classes", "stuff_classes", "thing_colors", "stuff_colors", "ignore_label")


def read(name: str) -> dict[str, Any]:
    """A dataset as training reads it, and how many objects are in its COCO instances."""
    records, metadata = (
        get_detection_dataset_dicts(name, filter_empty=False),
        MetadataCatalog.get(name),
    )
    instances = load_coco_json(metadata.json_file, metadata.image_root)
    return {
        "metadata": {key: getattr(metadata, key) for key in METADATA},
        "images": [image(r) for r in records],
        "counts": [len(r["annotations"]) for r in instances],
    }


def image(record: dict[str, Any]) -> dict[str, Any]:
    mapped, png = MAPPER(record), read_image(record["pan_seg_file_name"], "RGB")
    instances = mapped["instances"]
    return {
        "file": Path(record["file_name"]).name,
        "shape": list(mapped["image"].shape),
        "semantic": mapped["sem_seg"].tolist(),
        "classes": instances.gt_classes.tolist(),
        "boxes": instances.gt_boxes.tensor.tolist(),
        "masks": instances.gt_masks.tensor.int().tolist() if len(instances) else [],
        "ids": (png.astype(int) @ (1, 256, 65536)).tolist(),
        "segments": record["segments_info"],
    }


def main(folder: str, out: str) -> None:
    names = runpy.run_path(str(Path(folder, "register_dataset.py")))["register"]("mine")
    Path(out).write_text(json.dumps({name: read(name) for name in names}))


main(*sys.argv[1:])
