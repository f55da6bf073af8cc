"""Writing: exact files, nothing half-written, going on after an interruption."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pandiff.coco import FolderWriter, PanopticFolder, atomic_text, save_sample, write_json
from pandiff.errors import InputError
from pandiff.panoptic import PanopticMap
from pandiff.taxonomy import Category, Taxonomy


@pytest.fixture
def image(panoptic: PanopticMap) -> Image.Image:
    return Image.new("RGB", panoptic.size, (10, 20, 30))


def files(folder: Path) -> set[str]:
    return {f.relative_to(folder).as_posix() for f in folder.rglob("*") if f.is_file()}


def load(folder: Path, name: str) -> dict:
    return json.loads((folder / name).read_text())


def test_files_are_as_coco_has_them(
    tmp_path: Path, image: Image.Image, panoptic: PanopticMap
) -> None:
    with FolderWriter(tmp_path, panoptic.taxonomy) as writer:
        assert writer.add(image, panoptic, ["a", "b"]) == 1
        assert writer.add(image, panoptic, ["c"], file_name="x.jpg") == 2
    first = "000000000001.png"
    assert files(tmp_path) == {
        *(f"images/{first}", "images/x.jpg", f"panoptic/{first}", "panoptic/x.png"),
        *("panoptic.json", "captions.json"),
    }
    content = load(tmp_path, "panoptic.json")
    assert content["images"][1] == {"id": 2, "file_name": "x.jpg", "width": 5, "height": 3}
    assert content["annotations"][1]["image_id"] == 2
    assert content["annotations"][1]["file_name"] == "x.png"
    infos = content["annotations"][0]["segments_info"]
    by_id = {info["id"]: info for info in infos}
    box = {"id": 9, "category_id": 7, "area": 3, "bbox": [1, 0, 2, 2], "iscrowd": 0}
    assert by_id[9] == box | {"score": 0.25}
    assert by_id[70000]["iscrowd"] == 1
    assert "score" not in by_id[300]
    assert content["categories"] == panoptic.taxonomy.to_coco()
    captions = load(tmp_path, "captions.json")["annotations"]
    assert captions[2] == {"id": 3, "image_id": 2, "caption": "c"}


def test_manifest(tmp_path: Path, image: Image.Image, panoptic: PanopticMap) -> None:
    with FolderWriter(tmp_path, panoptic.taxonomy) as writer:
        writer.add(image, panoptic, manifest={"prompt": "a sheep", "seed": 3})
        writer.add(image, panoptic, file_name="x.png")
    lines = [json.loads(line) for line in (tmp_path / "manifest.jsonl").read_text().splitlines()]
    assert lines == [
        {"image_id": 1, "file_name": "000000000001.png", "prompt": "a sheep", "seed": 3},
        {"image_id": 2, "file_name": "x.png"},
    ]


def test_an_error_leaves_no_json(tmp_path: Path, image: Image.Image, panoptic: PanopticMap) -> None:
    with (
        pytest.raises(RuntimeError),
        FolderWriter(tmp_path, panoptic.taxonomy) as writer,
    ):
        writer.add(image, panoptic)
        raise RuntimeError
    assert not list(tmp_path.glob("*.json"))
    with pytest.raises(InputError, match=r"got an unfinished one in .*; resume or delete it"):
        FolderWriter(tmp_path, panoptic.taxonomy)


def test_resume_gives_the_same_bytes(
    tmp_path: Path, image: Image.Image, panoptic: PanopticMap
) -> None:
    whole = FolderWriter(tmp_path / "whole", panoptic.taxonomy)
    for k in range(3):
        whole.add(image, panoptic, [str(k)], manifest={"seed": k})
    whole.close()
    first = FolderWriter(tmp_path / "parts", panoptic.taxonomy)
    first.add(image, panoptic, ["0"], manifest={"seed": 0})
    with (tmp_path / "parts/.journal.jsonl").open("a") as journal:
        journal.write('{"image": {"id"')  # interrupted in the middle of a line
    second = FolderWriter(tmp_path / "parts", panoptic.taxonomy, resume=True)
    assert [entry["manifest"]["seed"] for entry in second.entries()] == [0]
    for k in range(len(second), 3):
        second.add(image, panoptic, [str(k)], manifest={"seed": k})
    second.close()
    assert files(tmp_path / "parts") == files(tmp_path / "whole")
    for name in files(tmp_path / "whole"):
        assert (tmp_path / "parts" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()


def test_workers_write_and_the_writer_takes_up(
    tmp_path: Path, image: Image.Image, panoptic: PanopticMap
) -> None:
    entries = [save_sample(tmp_path, k, f"{k}.png", image, panoptic, ["x"]) for k in (5, 4)]
    with FolderWriter(tmp_path, panoptic.taxonomy) as writer:
        for entry in entries:
            writer.append(entry)
        assert writer.add(image, panoptic) == 6
    folder = PanopticFolder.open(tmp_path)
    assert [i.id for i in folder.images] == [5, 4, 6]
    assert folder.panoptic(1) == panoptic


def test_a_dataset_is_not_overwritten(
    tmp_path: Path, image: Image.Image, panoptic: PanopticMap
) -> None:
    with FolderWriter(tmp_path, panoptic.taxonomy) as writer:
        writer.add(image, panoptic)
    for resume in (False, True):
        with pytest.raises(InputError, match="expected a folder without a dataset"):
            FolderWriter(tmp_path, panoptic.taxonomy, resume=resume)


def test_wrong_input_leaves_no_folder(
    tmp_path: Path, image: Image.Image, panoptic: PanopticMap
) -> None:
    writer = FolderWriter(tmp_path / "new", panoptic.taxonomy)
    other = Taxonomy((*panoptic.taxonomy.categories, Category(1, "new", True)))
    wrong = PanopticMap.from_ids(np.zeros((3, 5), int), {}, other)
    with pytest.raises(InputError, match="the writer's taxonomy"):
        writer.add(image, wrong)
    with pytest.raises(InputError, match=r"expected an image of \(5, 3\) as its map, got \(9, 9\)"):
        writer.add(image.resize((9, 9)), panoptic)
    for name in ("../x.png", "x.gif", "x"):
        with pytest.raises(InputError, match="expected a bare file name"):
            writer.add(image, panoptic, file_name=name)
    assert not (tmp_path / "new").exists()


def test_names_must_differ_in_their_stems(
    tmp_path: Path, image: Image.Image, panoptic: PanopticMap
) -> None:
    writer = FolderWriter(tmp_path, panoptic.taxonomy)
    writer.add(image, panoptic, file_name="a.jpg")
    with pytest.raises(InputError, match=r"got a\.png again"):
        writer.add(image, panoptic, file_name="a.png")


def test_an_empty_dataset(tmp_path: Path, taxonomy: Taxonomy) -> None:
    with FolderWriter(tmp_path, taxonomy):
        pass
    assert len(PanopticFolder.open(tmp_path)) == 0


def test_atomic_text_is_whole_or_absent(tmp_path: Path) -> None:
    path = tmp_path / "deep/a.json"
    write_json(path, {"a": 1})
    with pytest.raises(RuntimeError), atomic_text(path) as file:
        file.write("half")
        raise RuntimeError
    assert load(tmp_path / "deep", "a.json") == {"a": 1}
    assert files(tmp_path) == {"deep/a.json"}
