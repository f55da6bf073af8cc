"""FiftyOne: the dataset, imported into its database and asked for all that it holds.

python read_fiftyone.py FOLDER OUT.json: classes and mask targets, and of each sample its fields.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import fiftyone


def sample(found: Any) -> dict[str, Any]:
    size = (found.metadata.width, found.metadata.height)
    return {
        "file": Path(found.filepath).name,
        "there": Path(found.filepath).is_file(),
        "tags": found.tags,
        "image_id": found.image_id,
        "captions": list(found.captions),
        "mime_type": found.metadata.mime_type,
        "segmentation": found.segmentation.get_mask().tolist(),
        "detections": [detection(d, size) for d in found.ground_truth.detections],
    }


def detection(found: Any, size: tuple[int, int]) -> dict[str, Any]:
    mask = found.to_segmentation(frame_size=size, target=1).get_mask()
    names = ("label", "bounding_box", "confidence", "iscrowd", "area")
    return {name: found[name] for name in names} | {"mask": mask.tolist()}


def main(folder: str, out: str) -> None:
    kind = fiftyone.types.FiftyOneDataset
    dataset = fiftyone.Dataset.from_dir(folder, dataset_type=kind)
    content = {
        "classes": dataset.classes,
        "targets": dataset.mask_targets,
        "counts": dataset.count_values("ground_truth.detections.label"),
        "samples": [sample(s) for s in dataset],
    }
    Path(out).write_text(json.dumps(content))


main(*sys.argv[1:])
