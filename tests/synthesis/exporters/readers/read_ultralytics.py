"""Ultralytics: `YOLODataset` finds the labels, its own transforms draw them at the images' size.

python read_ultralytics.py FOLDER OUT.json: for each split class names, and of each image its file,
the class and mask of each object, and how many pixels lie outside of the image.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

import without_compiled

without_compiled.torchvision()

from ultralytics.cfg import get_cfg  # noqa: E402
from ultralytics.data.dataset import YOLODataset  # noqa: E402
from ultralytics.data.utils import check_det_dataset  # noqa: E402

SIZE = 40  # the greater side of the images, so that nothing is resized
SETTINGS = {"mask_ratio": 1, "overlap_mask": False}


def read(data: dict[str, Any], split: str) -> dict[str, Any]:
    """What a trainer is given of a split, its images padded to a square of `SIZE` pixels."""
    dataset = YOLODataset(
        img_path=data[split],
        imgsz=SIZE,
        data=data,
        task="segment",
        augment=False,
        hyp=get_cfg(overrides=SETTINGS),
    )
    return {"names": list(data["names"].values()), "images": [image(s) for s in dataset]}


def image(sample: dict[str, Any]) -> dict[str, Any]:
    height, width = sample["ori_shape"]
    top, left = (SIZE - height) // 2, (SIZE - width) // 2
    masks = sample["masks"][:, top : top + height, left : left + width]
    return {
        "file": Path(sample["im_file"]).name,
        "classes": sample["cls"].flatten().int().tolist(),
        "masks": masks.tolist(),
        "outside": int(sample["masks"].sum() - masks.sum()),
    }


def main(folder: str, out: str) -> None:
    font = Path(os.environ["YOLO_CONFIG_DIR"], "Ultralytics/Arial.ttf")
    font.touch()  # or it would be fetched
    data = check_det_dataset(Path(folder, "data.yaml"))
    Path(out).write_text(json.dumps({split: read(data, split) for split in ("train", "val")}))


main(*sys.argv[1:])
