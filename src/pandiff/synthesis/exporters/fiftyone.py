"""FiftyOne's own format on disk, written without FiftyOne.

data/*   fields/segmentation/*.png   metadata.json   samples.json. FiftyOne reads it by
`Dataset.from_dir(folder, dataset_type=fiftyone.types.FiftyOneDataset)`
(https://docs.voxel51.com/user_guide/export_datasets.html#fiftyonedataset). Binary and object ids
are in MongoDB's extended JSON.
"""

from __future__ import annotations

import base64
import io
import zlib
from hashlib import blake2b
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from pandiff.coco import write_json
from pandiff.errors import InputError
from pandiff.panoptic import PanopticMap, Segment
from pandiff.synthesis.exporters.coco_instances import things
from pandiff.synthesis.exporters.exporter import Exporter, Sample, Target
from pandiff.synthesis.exporters.fiftyone_schema import MAP, THINGS, metadata
from pandiff.synthesis.exporters.json_lists import JsonLists
from pandiff.synthesis.exporters.placing import new_file

Document = dict[str, Any]


class FiftyOne(Exporter):
    """Writes a FiftyOneDataset: things as Detections with masks, the map as a Segmentation.

    The values of the segmentation are category ids, 0 = void. Splits are tags.
    """

    def __init__(self, target: Target) -> None:
        super().__init__(target)
        ids = target.taxonomy.category_ids
        if ids.max() > 65535:
            got, remedy = str(ids.max()), "choose another format"
            raise InputError("category ids of at most 65535", got, remedy)
        self._samples = JsonLists(target.out / "samples.json", ("samples",))
        self._values = ids.astype(np.uint8 if ids.max() < 256 else np.uint16)

    def add(self, sample: Sample) -> None:
        image = self.target.place(sample, "data")
        path = new_file(self.target.out / "fields" / MAP / sample.png_name, sample.name)
        Image.fromarray(self._values[sample.panoptic.category_index]).save(path)
        detections = [_detection(sample, s) for s in things(sample.panoptic)]
        self._samples.add(
            "samples",
            {
                "_id": _object_id(sample.id),
                "filepath": f"data/{sample.name}",
                "tags": [sample.split],
                "metadata": _image_metadata(image),
                "_media_type": "image",
                "_rand": _random(sample.id),
                "image_id": sample.id,
                "captions": list(sample.captions),
                THINGS: {"_cls": "Detections", "detections": detections},
                MAP: _label("Segmentation", _object_id(sample.id, 0))
                | {"mask_path": path.relative_to(self.target.out).as_posix()},
            },
        )

    def close(self) -> None:
        self._samples.close()
        write_json(self.target.out / "metadata.json", metadata(self.target.taxonomy))


def _detection(sample: Sample, segment: Segment) -> Document:
    """A thing: its box in 0..1, its mask within the box."""
    panoptic = sample.panoptic
    x, y, width, height = segment.bbox
    box = (
        x / panoptic.width,
        y / panoptic.height,
        width / panoptic.width,
        height / panoptic.height,
    )
    return _label("Detection", _object_id(sample.id, segment.id)) | {
        "attributes": {},
        "label": panoptic.taxonomy.by_id(segment.category_id).name,
        "bounding_box": list(box),
        "mask": _binary(_within_box(panoptic, segment)),
        "confidence": segment.score,
        "area": segment.area,
        "iscrowd": segment.is_crowd,
    }


def _label(kind: str, number: Document) -> Document:
    return {"_id": number, "_cls": kind, "tags": []}


def _within_box(panoptic: PanopticMap, segment: Segment) -> np.ndarray:
    x, y, width, height = segment.bbox
    return panoptic.ids[y : y + height, x : x + width] == segment.id


def _binary(array: np.ndarray) -> Document:
    """An array as FiftyOne keeps it: the bytes of an .npy file, deflated."""
    file = io.BytesIO()
    np.save(file, array, allow_pickle=False)
    text = base64.b64encode(zlib.compress(file.getvalue())).decode("ascii")
    return {"$binary": {"base64": text, "subType": "00"}}


def _image_metadata(path: Path) -> Document:
    with Image.open(path) as image:
        return {
            "_cls": "ImageMetadata",
            "size_bytes": path.stat().st_size,
            "mime_type": image.get_format_mimetype(),
            "width": image.width,
            "height": image.height,
            "num_channels": len(image.getbands()),
        }


def _digest(*key: int) -> bytes:
    return blake2b(repr(key).encode(), digest_size=12).digest()


def _object_id(*key: int) -> Document:
    """A MongoDB id of twelve bytes, the same in each export."""
    return {"$oid": _digest(*key).hex()}


def _random(*key: int) -> float:
    """A number in 0..1, by which FiftyOne shuffles."""
    return int.from_bytes(_digest(*key)[:6], "big") / 2**48
