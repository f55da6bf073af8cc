"""Dataset folders in the formats of other tools: one row a format, in `EXPORTERS`."""

from __future__ import annotations

from pathlib import Path

from pandiff.coco import Progress
from pandiff.errors import InputError
from pandiff.synthesis.exporters.coco_instances import CocoInstances
from pandiff.synthesis.exporters.coco_panoptic import CocoPanoptic
from pandiff.synthesis.exporters.detectron2 import Detectron2
from pandiff.synthesis.exporters.exporter import Exporter, Sample, Target
from pandiff.synthesis.exporters.fiftyone import FiftyOne
from pandiff.synthesis.exporters.hf import HuggingFace
from pandiff.synthesis.exporters.samples import Samples
from pandiff.synthesis.exporters.semantic import Semantic
from pandiff.synthesis.exporters.yolo import Yolo
from pandiff.synthesis.folders import check_new, new_folder

__all__ = ["EXPORTERS", "Exporter", "Sample", "Samples", "Target", "export"]

EXPORTERS: dict[str, type[Exporter]] = {
    "coco-panoptic": CocoPanoptic,
    "coco-instances": CocoInstances,
    "semantic": Semantic,
    "yolo": Yolo,
    "fiftyone": FiftyOne,
    "hf": HuggingFace,
    "detectron2": Detectron2,
}


def export(
    source: str | Path,
    out: Path,
    name: str,
    *,
    split: str | None = None,
    val: float = 0.0,
    copy: bool = False,
    progress: Progress = iter,
) -> int:
    """Write a COCO-panoptic dataset in another format; `out` appears whole or not at all.

    Samples are read and written one at a time. Images are never encoded anew.

    Args:
        source: dataset folder of either layout, or a panoptic .json.
        out: folder to make.
        name: of the format, a key of `EXPORTERS`.
        split: which split of the original COCO layout.
        val: share of the images in 0..1 that become the split "val".
        copy: copy images instead of hard-linking them.
        progress: wraps the places of the samples, to show how far it is.

    Returns:
        The number of images.

    Raises:
        InputError: if there is no such format or dataset, `out` is not empty, a file is missing or
            wrong, or the format cannot hold the dataset.
    """
    if name not in EXPORTERS:
        raise InputError(f"a format ({', '.join(EXPORTERS)})", repr(name), "choose one of them")
    check_new(out)
    samples = Samples(source, split, val)
    if not len(samples):
        raise InputError("a dataset with images", f"none in {source}", "choose another")
    with new_folder(out) as fresh:
        exporter = EXPORTERS[name](Target(fresh, samples.taxonomy, samples.splits, copy))
        for k in progress(range(len(samples))):
            exporter.add(samples[k])
        exporter.close()
    return len(samples)
