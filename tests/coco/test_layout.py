"""Where datasets are found."""

from __future__ import annotations

from pathlib import Path

import pytest

from pandiff.coco import CocoLayout
from pandiff.errors import InputError


def touch(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("{}")
    return path


def test_our_folder(tmp_path: Path) -> None:
    file = touch(tmp_path / "panoptic.json")
    layout = CocoLayout(
        file, tmp_path / "panoptic", tmp_path / "images", tmp_path / "captions.json"
    )
    assert (
        CocoLayout.find(tmp_path) == CocoLayout.find(file) == CocoLayout.find(str(file)) == layout
    )


def test_original_layout(tmp_path: Path) -> None:
    notes = tmp_path / "annotations"
    file = touch(notes / "panoptic_val2017.json")
    captions = notes / "captions_val2017.json"
    layout = CocoLayout(file, notes / "panoptic_val2017", tmp_path / "val2017", captions)
    assert CocoLayout.find(tmp_path) == CocoLayout.find(file) == layout
    touch(notes / "panoptic_train2017.json")
    assert CocoLayout.find(tmp_path, "val2017") == layout
    assert CocoLayout.find(tmp_path, "train2017").images == tmp_path / "train2017"


def test_errors_name_the_splits(tmp_path: Path) -> None:
    for name in ("train2017", "val2017"):
        touch(tmp_path / f"annotations/panoptic_{name}.json")
    with pytest.raises(InputError, match=r"\(train2017, val2017\), got no split"):
        CocoLayout.find(tmp_path)
    with pytest.raises(InputError, match=r"\(train2017, val2017\), got 'test'"):
        CocoLayout.find(tmp_path, "test")


def test_no_dataset(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="got a folder without them"):
        CocoLayout.find(tmp_path)
    with pytest.raises(InputError, match=r"got no such folder or \.json file: .*nowhere"):
        CocoLayout.find(tmp_path / "nowhere")
    touch(tmp_path / "panoptic.json")
    with pytest.raises(InputError, match=r"a split of .* \(none\), got 'val'"):
        CocoLayout.find(tmp_path, "val")
