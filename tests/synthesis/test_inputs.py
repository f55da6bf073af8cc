"""What a user hands in: pictures, and maps out of any dataset folder."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pandiff.coco import FolderWriter, PanopticFolder
from pandiff.errors import InputError
from pandiff.panoptic import PanopticMap
from pandiff.pipeline import Known
from pandiff.synthesis.inputs import in_taxonomy, read_image, read_map, read_mask
from pandiff.taxonomy import Category, Taxonomy

OURS = Taxonomy((Category(1, "sky", False, (1, 2, 3)), Category(5, "box", True)))
THEIRS = Taxonomy((Category(3, "box", True), Category(9, "sky", False), Category(10, "cat", True)))


def theirs(category: int = 3) -> PanopticMap:
    return PanopticMap.from_ids(np.array([[1, 2], [1, 7]]), {1: 9, 2: category, 7: 3}, THEIRS)


def write(path: Path, *maps: PanopticMap) -> Path:
    with FolderWriter(path, THEIRS) as writer:
        for k, panoptic in enumerate(maps):
            writer.add(Image.new("RGB", (2, 2)), panoptic, file_name=f"photo{k}.jpg")
    return path


def test_a_png_of_a_dataset(tmp_path: Path) -> None:
    folder = write(tmp_path / "data", theirs().flip(), theirs())
    read = read_map(folder / "panoptic/photo1.png", THEIRS)
    assert read == PanopticFolder.open(folder).panoptic(1) == theirs()


def test_a_folder_with_one_map(tmp_path: Path) -> None:
    folder = write(tmp_path / "data", theirs())
    assert read_map(folder, THEIRS) == theirs()
    assert read_map(folder / "panoptic.json", THEIRS) == theirs()


def test_categories_are_matched_by_name(tmp_path: Path) -> None:
    read = read_map(write(tmp_path / "data", theirs()), OURS)
    assert read.taxonomy == OURS
    assert [OURS.by_id(s.category_id).name for s in read.segments] == ["sky", "box", "box"]
    assert np.array_equal(read.ids, theirs().ids)


def test_crowds_and_scores_stay() -> None:
    given = PanopticMap.from_ids(np.ones((2, 2), int), {1: 3}, THEIRS, scores={1: 0.5}, crowds=[1])
    (segment,) = in_taxonomy(given, OURS).segments
    assert (segment.score, segment.is_crowd, segment.category_id) == (0.5, True, 5)


def test_a_category_that_the_model_lacks(tmp_path: Path) -> None:
    folder = write(tmp_path / "data", theirs(category=10))
    where = re.escape(str(folder / "panoptic/photo0.png"))
    message = rf"the model's categories \(sky, box\) in {where}, got 'cat'; rename it in "
    for path in (folder, folder / "panoptic/photo0.png"):
        with pytest.raises(InputError, match=message):
            read_map(path, OURS)


def rename(folder: Path, old: str, new: str) -> None:
    """Give photo1's map another file name, in the folder and in the JSON."""
    (folder / "panoptic" / old).rename(folder / "panoptic" / new)
    text = (folder / "panoptic.json").read_text()
    (folder / "panoptic.json").write_text(text.replace(f'"{old}"', f'"{new}"'))


@pytest.mark.parametrize("name", ["photo1_panoptic.png", "photo1.PNG", "photo0.x.png"])
def test_a_map_is_found_by_its_own_name(name: str, tmp_path: Path) -> None:
    """Image and map differ in their names, as in Cityscapes."""
    folder = write(tmp_path / "data", theirs().flip(), theirs())
    rename(folder, "photo1.png", name)
    assert read_map(folder / "panoptic" / name, THEIRS) == theirs()


def test_dots_in_a_folders_name(tmp_path: Path) -> None:
    folder = write(tmp_path / "data", theirs().flip(), theirs())
    (folder / "panoptic").rename(folder / "panoptic_v1.0")
    (folder / "panoptic.json").rename(folder / "panoptic_v1.0.json")
    assert read_map(folder / "panoptic_v1.0/photo1.png", THEIRS) == theirs()


def test_maps_that_are_not_there(tmp_path: Path) -> None:
    folder = write(tmp_path / "data", theirs(), theirs())
    with pytest.raises(InputError, match="no such file"):
        read_map(folder / "panoptic/none.png", THEIRS)
    with pytest.raises(InputError, match=r"one map in .*, got 2; name a PNG"):
        read_map(folder, THEIRS)
    with pytest.raises(InputError, match=r"the segments of photo0\.jpg|a dataset folder"):
        read_map(folder / "images/photo0.jpg", THEIRS)
    stray = tmp_path / "stray.png"
    Image.new("RGB", (2, 2)).save(stray)
    with pytest.raises(InputError, match=r"the segments of stray\.png in"):
        read_map(stray, THEIRS)
    Image.new("RGB", (2, 2)).save(folder / "panoptic/other.png")
    with pytest.raises(InputError, match=r"one map in .*, got 0"):
        read_map(folder / "panoptic/other.png", THEIRS)


def test_pictures_are_turned_upright(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by a quarter
    Image.new("L", (4, 2)).save(tmp_path / "photo.jpg", exif=exif)
    image = read_image(tmp_path / "photo.jpg")
    assert (image.size, image.mode) == ((2, 4), "RGB")


def test_pictures_of_sixteen_bits(tmp_path: Path) -> None:
    levels = np.array([[0, 1000, 32768, 65535]], "<u2")
    Image.frombytes("I;16", (4, 1), levels.tobytes()).save(tmp_path / "deep.png")
    for read in (read_image, read_mask):
        assert np.asarray(read(tmp_path / "deep.png"))[0, :, 0].tolist() == [0, 4, 128, 255]
    known = Known.of(read_mask(tmp_path / "deep.png")).map
    assert isinstance(known, np.ndarray)
    assert known.tolist() == [[False, False, True, True]]


def test_what_is_transparent_is_white_in_a_picture_and_not_kept_in_a_mask(tmp_path: Path) -> None:
    Image.new("RGBA", (1, 1), (255, 0, 0, 0)).save(tmp_path / "clear.png")
    assert read_image(tmp_path / "clear.png").getpixel((0, 0)) == (255, 255, 255)
    assert read_mask(tmp_path / "clear.png").getpixel((0, 0)) == (0, 0, 0)


def test_pictures_of_a_dataset_are_read_and_written_alike(tmp_path: Path) -> None:
    folder = write(tmp_path / "data", theirs())
    Image.new("I;16", (2, 2), 32768).save(folder / "images/photo0.jpg", "PNG")
    assert np.unique(np.asarray(PanopticFolder.open(folder).image(0))).tolist() == [128]
    with FolderWriter(tmp_path / "clear", THEIRS) as writer:
        writer.add(Image.new("RGBA", (2, 2), (9, 9, 9, 0)), theirs())
    assert np.unique(np.asarray(PanopticFolder.open(tmp_path / "clear").image(0))).tolist() == [255]


def test_pictures_that_are_none(tmp_path: Path) -> None:
    (tmp_path / "text.png").write_text("no picture")
    for name in ("text.png", "none.png"):
        with pytest.raises(InputError, match="a readable image"):
            read_image(tmp_path / name)
