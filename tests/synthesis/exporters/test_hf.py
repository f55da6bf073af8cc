"""Parquet, read back by Hugging Face datasets, offline."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pandiff.coco import PanopticFolder, png_to_ids, read_json, segment_to_coco
from pandiff.errors import InputError
from pandiff.synthesis.exporters import hf

datasets = pytest.importorskip("datasets")


def load(path: str, cache: Path, **options: Any) -> Any:
    return datasets.load_dataset(path, cache_dir=str(cache), **options)


def test_datasets_reads_it(
    folder: PanopticFolder, exported: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In files of two row groups and several files: all columns, and the bytes of the images."""
    monkeypatch.setattr(hf, "GROUP_ROWS", 2)
    monkeypatch.setattr(hf, "SHARD_BYTES", 1)
    out = exported("hf")
    files = sorted(map(str, out.glob("data/*.parquet")))
    assert len(files) == 3
    found = load("parquet", tmp_path / "cache", data_files=files)["train"]
    assert len(found) == len(folder)
    for k, row in enumerate(found):
        image, panoptic = folder.images[k], folder.panoptic(k)
        assert (row["image_id"], row["width"], row["height"]) == (image.id, 40, 32)
        assert np.array_equal(np.asarray(row["image"]), np.asarray(folder.image(k)))
        assert np.array_equal(png_to_ids(row["panoptic"]), panoptic.ids)
        assert row["captions"] == folder.captions(k)
        assert row["segments_info"] == [
            {"score": 1.0, **segment_to_coco(s)} for s in panoptic.segments
        ]
    raw = found.cast_column("image", datasets.Image(decode=False))
    for k, row in enumerate(raw):
        path = folder.layout.images / folder.images[k].file_name
        assert row["image"] == {"bytes": path.read_bytes(), "path": path.name}
    for k, row in enumerate(found.cast_column("panoptic", datasets.Image(decode=False))):
        assert row["panoptic"]["path"] == f"{Path(folder.images[k].file_name).stem}.png"


def test_the_folder_names_its_splits(folder: PanopticFolder, exported: Any, tmp_path: Path) -> None:
    out = exported("hf", val=0.3)
    found = load(str(out), tmp_path / "cache")
    assert {name: len(split) for name, split in found.items()} == {"train": 4, "validation": 2}
    assert read_json(out / "categories.json") == folder.taxonomy.to_coco()


def test_row_groups_end_by_their_bytes(exported: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from pyarrow.parquet import ParquetFile

    monkeypatch.setattr(hf, "GROUP_BYTES", 1)
    (path,) = exported("hf").glob("data/*.parquet")
    with ParquetFile(path) as file:
        assert file.num_row_groups == 6


def test_without_pyarrow(exported: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(InputError, match=r"pip install 'pandiff\[hf\]'"):
        exported("hf")
