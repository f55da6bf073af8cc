"""Every way to spoil a dataset is found, and nothing else is said."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from pandiff.errors import InputError
from pandiff.evaluation.validate import validate

Json = dict[str, Any]
JSON = Callable[[Json], object]
FILES = Callable[[Path], object]


def change_json(path: Path, change: JSON) -> None:
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))


def said(folder: Path) -> list[str]:
    return [str(problem) for problem in validate(folder)]


def segment(content: Json) -> Json:
    return content["annotations"][0]["segments_info"][0]


def drop_segment(content: Json) -> None:
    del content["annotations"][0]["segments_info"][0]


def add_segment(content: Json) -> None:
    extra = segment(content) | {"id": 999, "area": 3}
    content["annotations"][0]["segments_info"].append(extra)


def copy_of(items: list[Json]) -> None:
    items.append(items[0])


IN_JSON: dict[str, tuple[JSON, list[str]]] = {
    "area": (lambda c: segment(c).update(area=-1), ["area to be an integer of 0 or more, got -1"]),
    "other area": (lambda c: segment(c).update(area=10**6), ["expected area", "got 1000000"]),
    "bbox": (lambda c: segment(c).update(bbox=[0, 0, 1, 999]), ["expected bbox", "999]"]),
    "short bbox": (lambda c: segment(c).update(bbox=[0, 0]), ["bbox to be [x, y, width, height]"]),
    "category": (lambda c: segment(c).update(category_id=77), ["a category_id", "got 77 in"]),
    "iscrowd": (lambda c: segment(c).update(iscrowd=2), ["iscrowd to be 0..1, got 2"]),
    "score": (lambda c: segment(c).update(score=1.5), ["score to be a number in 0..1, got 1.5"]),
    "segment's key": (lambda c: segment(c).pop("iscrowd"), ["a key 'iscrowd', got none"]),
    "no object": (
        lambda c: c["annotations"][0]["segments_info"].append(5),
        ["expected an object, got 5"],
    ),
    "segment missing": (drop_segment, ["a segment for id", "got none"]),
    "segment too many": (add_segment, ["pixels of segment 999, got none"]),
    "segment twice": (
        lambda c: copy_of(c["annotations"][0]["segments_info"]),
        ["a unique segment id", "2 times"],
    ),
    "category twice": (lambda c: copy_of(c["categories"]), ["unique category id, got 7 2 times"]),
    "isthing": (lambda c: c["categories"][0].pop("isthing"), ["categories[0]", "'isthing'"]),
    "color": (lambda c: c["categories"][0].update(color="red"), ["color to be [R, G, B]"]),
    "width": (lambda c: c["images"][0].update(width=999), ["expected 999 x"]),
    "no width": (lambda c: c["images"][0].pop("width"), ["images[0]", "'width'"]),
    "image twice": (lambda c: copy_of(c["images"]), ["a unique image id, got 1 2 times"]),
    "annotation twice": (
        lambda c: copy_of(c["annotations"]),
        ["a unique annotation image_id, got 1 2 times"],
    ),
    "annotation missing": (
        lambda c: c["annotations"].pop(),
        ["an annotation of image id 3, got none", "000000000003.png: expected only files"],
    ),
    "annotation of no image": (
        lambda c: c["annotations"][0].update(image_id=9),
        ["an annotation of image id 1, got none", "an image of id 9, as annotated, got none"],
    ),
    "no categories": (lambda c: c.pop("categories"), ["a list 'categories', got none"]),
    "no images": (lambda c: c.update(images=3), ["a list 'images', got none"]),
}


@pytest.mark.parametrize("name", IN_JSON)
def test_wrong_json_is_found(folder: Path, name: str) -> None:
    change, expected = IN_JSON[name]
    change_json(folder / "panoptic.json", change)
    problems = said(folder)
    assert all(any(words in p for p in problems) for words in expected), problems


def resave(path: Path, change: Callable[[Image.Image], Image.Image]) -> None:
    with Image.open(path) as image:
        changed = change(image)
    changed.save(path)


def paint(path: Path) -> None:
    """Give the first pixel an id that has no segment."""
    with Image.open(path) as image:
        rgb = np.array(image)
    rgb[0, 0] = (1, 2, 3)
    Image.fromarray(rgb).save(path)


def cut(path: Path) -> None:
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])


FIRST = "000000000001.png"
IN_FILES: dict[str, tuple[FILES, list[str]]] = {
    "no map": (lambda d: (d / "panoptic" / FIRST).unlink(), ["panoptic/0", "a file, got none"]),
    "no image": (lambda d: (d / "images" / FIRST).unlink(), ["images/0", "a file, got none"]),
    "no images": (lambda d: shutil.rmtree(d / "images"), ["1.png: expected a file", "3.png: exp"]),
    "extra map": (
        lambda d: shutil.copy(d / "panoptic" / FIRST, d / "panoptic/x.png"),
        ["panoptic/x.png: expected only files that the JSON lists"],
    ),
    "extra image": (
        lambda d: shutil.copy(d / "images" / FIRST, d / "images/x.jpg"),
        ["images/x.jpg: expected only files that the JSON lists"],
    ),
    "pixel": (lambda d: paint(d / "panoptic" / FIRST), ["a segment for id 197121 of the PNG"]),
    "mode": (
        lambda d: resave(d / "panoptic" / FIRST, lambda i: i.convert("L")),
        ["a PNG of mode RGB, got L"],
    ),
    "map's size": (
        lambda d: resave(d / "panoptic" / FIRST, lambda i: i.resize((50, 40), 0)),
        ["px, got 50 x 40"],
    ),
    "image's size": (
        lambda d: resave(d / "images" / FIRST, lambda i: i.resize((50, 40))),
        ["images/", "px, got 50 x 40"],
    ),
    "torn map": (lambda d: cut(d / "panoptic" / FIRST), ["panoptic/", "a readable image"]),
    "torn image": (lambda d: cut(d / "images" / FIRST), ["images/", "a readable image"]),
    "torn JSON": (lambda d: cut(d / "panoptic.json"), ["panoptic.json: expected a JSON file"]),
    "list": (lambda d: (d / "panoptic.json").write_text("[]"), ["a list 'images', got none"]),
    "torn captions": (lambda d: cut(d / "captions.json"), ["captions.json: expected a JSON"]),
}


@pytest.mark.parametrize("name", IN_FILES)
def test_wrong_files_are_found(folder: Path, name: str) -> None:
    change, expected = IN_FILES[name]
    change(folder)
    problems = said(folder)
    assert all(any(words in p for p in problems) for words in expected), problems


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda c: c["annotations"][0].update(image_id=99), "an image_id of the images, got 99"),
        (lambda c: c["annotations"][0].update(caption=" "), "caption to be text, got ' '"),
        (lambda c: copy_of(c["annotations"]), "a unique caption id, got 1 2 times"),
        (lambda c: c.pop("annotations"), "a list 'annotations', got none"),
    ],
)
def test_wrong_captions_are_found(folder: Path, change: JSON, expected: str) -> None:
    change_json(folder / "captions.json", change)
    (problem,) = said(folder)
    assert expected in problem


def test_a_correct_dataset_has_no_problems(folder: Path) -> None:
    assert said(folder) == []
    (folder / "images/.hidden").touch()
    (folder / "captions.json").unlink()
    assert said(folder) == []


def test_all_problems_are_listed(folder: Path) -> None:
    cut(folder / "panoptic" / FIRST)
    paint(folder / "panoptic/000000000002.png")
    change_json(folder / "panoptic.json", lambda c: c["categories"][0].update(isthing=5))
    problems = said(folder)
    for words in ("a readable image", "id 197121", "categories[0]: expected isthing"):
        assert any(words in p for p in problems)


def test_one_fault_is_said_once(folder: Path) -> None:
    change_json(folder / "panoptic.json", lambda c: segment(c).pop("iscrowd"))
    assert len(said(folder)) == 1
    assert said(folder)[0].startswith("panoptic/000000000001.png segments_info[0]: expected a key")


def test_a_bare_json_needs_no_images(folder: Path) -> None:
    shutil.rmtree(folder / "images")
    assert said(folder / "panoptic.json") == []
    assert len(said(folder)) == 3


def test_the_original_layout(folder: Path, tmp_path: Path) -> None:
    coco = tmp_path / "coco"
    (coco / "annotations").mkdir(parents=True)
    (folder / "images").rename(coco / "val2017")
    (folder / "panoptic").rename(coco / "annotations/panoptic_val2017")
    for kind in ("panoptic", "captions"):
        (folder / f"{kind}.json").rename(coco / f"annotations/{kind}_val2017.json")
    assert said(coco) == []
    (coco / "val2017" / FIRST).unlink()
    assert len(said(coco)) == 1


def test_no_dataset_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="expected a dataset folder"):
        validate(tmp_path)


def test_progress_sees_every_image(folder: Path) -> None:
    seen: list[int] = []
    validate(folder, progress=lambda items: seen.append(len(items)) or items)
    assert seen == [3, 3]


def test_coco_sample_is_correct(shared: Path) -> None:
    assert said(shared / "coco_sample/panoptic.json") == []
