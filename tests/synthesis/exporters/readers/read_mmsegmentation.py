"""mmsegmentation: the datasets of `mmseg_dataset.py`, built from its registry and loaded.

python read_mmsegmentation.py FOLDER OUT.json: for each dataset of the config its classes and
palette, and of each image its file, the values of its mask, and its size.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import without_compiled

without_compiled.module("mmcv._ext")

from mmengine.config import Config  # noqa: E402
from mmengine.registry import init_default_scope  # noqa: E402
from mmseg.registry import DATASETS  # noqa: E402

PIPELINE = [{"type": t} for t in ("LoadImageFromFile", "LoadAnnotations", "PackSegInputs")]


def read(config: dict[str, Any], folder: str) -> dict[str, Any]:
    dataset = DATASETS.build({**config, "data_root": folder, "pipeline": PIPELINE})
    return {
        "type": type(dataset).__name__,
        "classes": dataset.metainfo["classes"],
        "palette": dataset.metainfo["palette"],
        "images": [image(dataset[k]) for k in range(len(dataset))],
    }


def image(sample: dict[str, Any]) -> dict[str, Any]:
    packed = sample["data_samples"]
    return {
        "file": Path(packed.img_path).name,
        "shape": list(sample["inputs"].shape),
        "values": packed.gt_sem_seg.data[0].tolist(),
    }


def main(folder: str, out: str) -> None:
    init_default_scope("mmseg")
    config = Config.fromfile(Path(folder, "mmseg_dataset.py"))
    datasets = {k: v for k, v in config.items() if isinstance(v, dict) and "type" in v}
    Path(out).write_text(json.dumps({k: read(v, folder) for k, v in datasets.items()}))


main(*sys.argv[1:])
