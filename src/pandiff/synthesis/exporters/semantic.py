"""Semantic masks as mmsegmentation's `BaseSegDataset` reads them.

images/train/*   annotations/train/*.png   classes.json   mmseg_dataset.py, and the same of val.
"""

from __future__ import annotations

import json
from pprint import pformat

import numpy as np
from PIL import Image

from pandiff.coco import write_json
from pandiff.errors import InputError
from pandiff.synthesis.exporters.exporter import Exporter, Sample, Target
from pandiff.synthesis.exporters.placing import new_file

IGNORE = 255
"""The value of void."""


class Semantic(Exporter):
    """Writes one gray PNG an image: 0..K-1 in the taxonomy's order, 255 = void.

    A crowd has its category's value: for semantics it does not matter that nobody has counted it.
    """

    def __init__(self, target: Target) -> None:
        super().__init__(target)
        check_bytes(target)
        self._values = np.arange(-1, len(target.taxonomy)).astype(np.uint8)
        self._suffixes: set[tuple[str, str]] = set()

    def add(self, sample: Sample) -> None:
        self._suffixes.add((sample.split, sample.name.suffix))
        self.target.place(sample, f"images/{sample.split}")
        write_mask(self.target, f"annotations/{sample.split}", sample, self._values)

    def close(self) -> None:
        categories = self.target.taxonomy.categories
        info: dict[str, list] = {
            "classes": [c.name for c in categories],
            "palette": [list(c.color) for c in categories],
        }
        ids = [c.id for c in categories]
        write_json(
            self.target.out / "classes.json",
            {**info, "category_ids": ids, "ignore_index": IGNORE},
        )
        text = _config(info, sorted(self._suffixes))
        (self.target.out / "mmseg_dataset.py").write_text(text, encoding="utf-8")


def check_bytes(target: Target) -> None:
    """InputError if a byte cannot hold every category and void."""
    if len(target.taxonomy) > IGNORE:
        got = str(len(target.taxonomy))
        raise InputError(f"at most {IGNORE} categories", got, "choose another format")


def write_mask(target: Target, folder: str, sample: Sample, values: np.ndarray) -> None:
    """Write `values[index]`, (K + 1,) uint8 with void's first, for each pixel's category index."""
    path = new_file(target.out / folder / sample.png_name, sample.name)
    Image.fromarray(values[sample.panoptic.category_index]).save(path)


def _config(info: dict[str, list], suffixes: list[tuple[str, str]]) -> str:
    """A config for mmsegmentation: a dataset for each split and kind of image file."""
    names = [f"{split}_{suffix.lstrip('.')}" for split, suffix in suffixes]
    datasets = "".join(
        f"""
{name} = dict(
    type="BaseSegDataset",
    data_root=data_root,
    metainfo=metainfo,
    data_prefix=dict(img_path="images/{split}", seg_map_path="annotations/{split}"),
    img_suffix={json.dumps(suffix)},
    seg_map_suffix=".png",
    reduce_zero_label=False,
)
"""
        for name, (split, suffix) in zip(names, suffixes, strict=True)
    )
    metainfo = pformat(info, width=100, compact=True, sort_dicts=False)
    return f'''"""Datasets for mmsegmentation; 255 is ignored. Add a pipeline where you use them."""

data_root = "."  # the folder of this file, seen from where you train
metainfo = {metainfo}
{datasets}'''
