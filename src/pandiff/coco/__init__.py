"""COCO panoptic files: the format, the reader and the writer of dataset folders.

A dataset is a `panoptic.json`, a folder of the same stem with one PNG of ids for each image, the
images, and optionally captions (https://cocodataset.org/#format-data, "Panoptic Segmentation").
Checking is in `pandiff.evaluation.validate`.
"""

from pandiff.coco.files import Progress, atomic_text, open_image, read_json, write_json
from pandiff.coco.folder import ImageRecord, PanopticFolder
from pandiff.coco.layout import CocoLayout
from pandiff.coco.pixels import MAX_ID, ids_to_png, png_to_ids
from pandiff.coco.sample import save_sample, segment_to_coco
from pandiff.coco.writer import FolderWriter

__all__ = [
    "MAX_ID",
    "CocoLayout",
    "FolderWriter",
    "ImageRecord",
    "PanopticFolder",
    "Progress",
    "atomic_text",
    "ids_to_png",
    "open_image",
    "png_to_ids",
    "read_json",
    "save_sample",
    "segment_to_coco",
    "write_json",
]
