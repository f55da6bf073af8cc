"""COCO instances: masks of all kinds, crowds, stuff as void, and the way back from the export."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from pycocotools import mask as coco_mask

from pandiff.coco import FolderWriter, PanopticFolder, write_json
from pandiff.errors import InputError
from pandiff.panoptic import PanopticMap
from pandiff.synthesis.exporters import export
from pandiff.synthesis.importers import import_source, open_source
from pandiff.taxonomy import Category, Taxonomy

SQUARE = [2, 2, 8, 2, 8, 8, 2, 8]


def box(x: int, y: int, width: int, height: int) -> np.ndarray:
    mask = np.zeros((12, 16), np.uint8)
    mask[y : y + height, x : x + width] = 1
    return mask


def compressed(mask: np.ndarray) -> dict[str, Any]:
    rle = coco_mask.encode(np.asfortranarray(mask))
    return {"size": list(mask.shape), "counts": rle["counts"].decode()}


def uncompressed(mask: np.ndarray) -> dict[str, Any]:
    flat = mask.flatten(order="F")
    edges = np.flatnonzero(np.diff(np.concatenate([[0], flat, [2]])))
    return {"size": list(mask.shape), "counts": np.diff(edges, prepend=0).tolist()}


@pytest.fixture
def content(tmp_path: Path) -> dict[str, Any]:
    (tmp_path / "in/images").mkdir(parents=True)
    images = [{"id": k, "file_name": f"{k}_ö.jpg", "width": 16, "height": 12} for k in (5, "text")]
    for image in images:
        Image.new("RGB", (16, 12)).save(tmp_path / "in/images" / image["file_name"])
    annotations = [
        annotation(1, "text", 1, compressed(box(0, 0, 3, 3))),
        annotation(2, 5, 1, [SQUARE]),
        annotation(3, 5, 2, uncompressed(box(3, 3, 2, 2))),
        annotation(4, 5, 1, compressed(box(0, 6, 16, 6)), iscrowd=1),
        annotation(5, 5, 2, [[12, 1, 15, 1, 15, 4, 12, 4], [12, 8, 15, 8, 15, 11, 12, 11]]),
    ]
    categories = [{"id": 1, "name": "kühe", "supercategory": "animal"}, {"id": 2, "name": "dog"}]
    return {"info": {"year": 2017}, "annotations": annotations, "images": images,
            "licenses": [], "categories": categories}  # fmt: skip


def annotation(number: int, image: object, kind: int, mask: Any, **more: Any) -> dict[str, Any]:
    return {"id": number, "image_id": image, "category_id": kind, "segmentation": mask, **more}


@pytest.fixture
def source(content: dict[str, Any], tmp_path: Path) -> Path:
    write_json(tmp_path / "in/instances.json", content)
    return tmp_path / "in/instances.json"


def test_masks_of_all_kinds(source: Path, tmp_path: Path, opened: Any, canonical: Any) -> None:
    """The smaller lies on top, the crowd below; the rest is void."""
    import_source(open_source("coco-instances", source), tmp_path / "out")
    folder = opened(tmp_path / "out")
    assert [(c.name, c.isthing) for c in folder.taxonomy.categories] == [
        ("kühe", True), ("dog", True),
    ]  # fmt: skip
    dog, square, parts = box(3, 3, 2, 2), box(2, 2, 6, 6), box(12, 1, 3, 3) + box(12, 8, 3, 3)
    square = square & ~dog
    crowd = box(0, 6, 16, 6) & ~square & ~parts
    wanted = {(square.tobytes(), 1, False), (dog.tobytes(), 2, False), (crowd.tobytes(), 1, True),
              (parts.tobytes(), 2, False)}  # fmt: skip
    panoptic = folder.panoptic(0)
    found = {
        (panoptic.mask(s.id).astype(np.uint8).tobytes(), s.category_id, s.is_crowd)
        for s in panoptic.segments
    }
    assert found == wanted
    assert [(s.category_id, s.area) for s in folder.panoptic(1).segments] == [(1, 9)]


def test_crowds_lie_below_all(content: dict[str, Any], tmp_path: Path) -> None:
    """Even small ones; what is hidden is left out."""
    content["annotations"] = [
        annotation(1, 5, 1, [SQUARE]),
        annotation(2, 5, 1, compressed(box(3, 3, 2, 2)), iscrowd=1),
        annotation(3, 5, 2, compressed(box(7, 3, 3, 2)), iscrowd=1),
    ]
    write_json(tmp_path / "in/x.json", content)
    panoptic = open_source("coco-instances", tmp_path / "in/x.json").panoptic(0)
    found = sorted((s.category_id, s.area, s.is_crowd) for s in panoptic.segments)
    assert found == [(1, 36, False), (2, 4, True)]


def test_polygons_without_an_area_are_left_out(content: dict[str, Any], tmp_path: Path) -> None:
    """pycocotools takes four numbers for a box, and the others then too."""
    content["annotations"][1]["segmentation"] = [[0, 0, 16, 12], SQUARE]
    write_json(tmp_path / "in/x.json", content)
    panoptic = open_source("coco-instances", tmp_path / "in/x.json").panoptic(0)
    assert [s.area for s in panoptic.segments if s.category_id == 1 and not s.is_crowd] == [32]


def test_ids_from_0_are_raised(content: dict[str, Any], tmp_path: Path) -> None:
    for entry in (*content["annotations"], *content["categories"]):
        entry["category_id" if "category_id" in entry else "id"] -= 1
    write_json(tmp_path / "in/x.json", content)
    source = open_source("coco-instances", tmp_path / "in/x.json")
    assert [c.id for c in source.taxonomy.categories] == [1, 2]
    assert [s.category_id for s in source.panoptic(1).segments] == [1]


def test_stuff_of_one_category_is_one(content: dict[str, Any], tmp_path: Path) -> None:
    content["categories"][1]["isthing"] = 0
    write_json(tmp_path / "in/x.json", content)
    panoptic = open_source("coco-instances", tmp_path / "in/x.json").panoptic(0)
    assert [s.area for s in panoptic.segments if s.category_id == 2] == [4 + 18]


def test_a_taxonomy_chooses_by_name(source: Path) -> None:
    taxonomy = Taxonomy((Category(40, "dog", True), Category(41, "sky", False)))
    panoptic = open_source("coco-instances", source, taxonomy=taxonomy).panoptic(0)
    assert {s.category_id for s in panoptic.segments} == {40}
    assert panoptic.count(40) == 2


@pytest.mark.parametrize(
    ("mask", "what"),
    [([], "empty"), ([[1, 2, 3, 4]], "a line"), (compressed(np.ones((4, 4), np.uint8)), "size"),
     ({"size": [12, 16]}, "no counts"), (None, "none"), ([5], "no polygon")],
)  # fmt: skip
def test_a_bad_mask_is_named(mask: Any, what: str, content: dict[str, Any], tmp_path: Path) -> None:
    content["annotations"][1]["segmentation"] = mask
    write_json(tmp_path / "in/x.json", content)
    with pytest.raises(InputError, match=r"16 x 12 px in .*x\.json, got neither in annotation 2"):
        import_source(open_source("coco-instances", tmp_path / "in/x.json"), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_an_unknown_category_is_named(content: dict[str, Any], tmp_path: Path) -> None:
    content["annotations"][1]["category_id"] = 99
    write_json(tmp_path / "in/x.json", content)
    with pytest.raises(InputError, match=r"in annotation 2 of .*x\.json, got 99"):
        open_source("coco-instances", tmp_path / "in/x.json").panoptic(0)


@pytest.mark.parametrize("key", ["image_id", "file_name", "name"])
def test_a_malformed_file_is_named(key: str, content: dict[str, Any], tmp_path: Path) -> None:
    for entry in (*content["annotations"], *content["images"], *content["categories"]):
        entry.pop(key, None)
    write_json(tmp_path / "in/x.json", content)
    with pytest.raises(InputError, match=r"a correct COCO file .*x\.json, got"):
        open_source("coco-instances", tmp_path / "in/x.json").image(0)


def test_where_images_lie(source: Path, tmp_path: Path) -> None:
    (tmp_path / "in/images").rename(tmp_path / "photos")
    found = open_source("coco-instances", source, images=tmp_path / "photos")
    assert import_source(found, tmp_path / "out") == 2
    with pytest.raises(InputError, match=r"the image .*images/5_ö\.jpg, got no such file"):
        import_source(open_source("coco-instances", source), tmp_path / "again")


@pytest.fixture
def data(taxonomy: Taxonomy, tmp_path: Path) -> PanopticFolder:
    """Two maps with stuff, a crowd and overlaps that the map has settled."""
    ids = np.array([[1, 1, 1, 1, 0], [4, 5, 1, 2, 2], [4, 5, 5, 6, 6], [2, 7, 7, 2, 6]])
    categories = {1: 300, 2: 2, 4: 7, 5: 7, 6: 9, 7: 7}
    with FolderWriter(tmp_path / "data", taxonomy) as writer:
        for k in range(2):
            panoptic = PanopticMap.from_ids(np.roll(ids, k), categories, taxonomy, crowds=[7])
            writer.add(Image.new("RGB", (5, 4)), panoptic, [f"caption {k}"] * (k + 1))
    return PanopticFolder.open(tmp_path / "data")


def test_the_export_comes_back(
    data: PanopticFolder, tmp_path: Path, opened: Any, canonical: Any
) -> None:
    """All things, crowds, captions, names and colors; stuff has become void."""
    export(tmp_path / "data", tmp_path / "coco", "coco-instances")
    import_source(open_source("coco-instances", tmp_path / "coco"), tmp_path / "out")
    again = opened(tmp_path / "out")
    things = tuple(c for c in data.taxonomy.categories if c.isthing)
    assert again.taxonomy.categories == things
    assert again.images == data.images
    kept = {c.id for c in things}
    for k in range(2):
        wanted = {s for s in canonical(data.panoptic(k)) if s[1] in kept}
        assert canonical(again.panoptic(k)) == wanted
        assert again.captions(k) == data.captions(k)
    write_json(tmp_path / "own.json", {data.images[0].file_name: "mine"})
    source = open_source("coco-instances", tmp_path / "coco")
    import_source(source, tmp_path / "own", captions=tmp_path / "own.json")
    assert PanopticFolder.open(tmp_path / "own").captions(0) == ["mine"]


def test_splits(data: PanopticFolder, tmp_path: Path) -> None:
    export(tmp_path / "data", tmp_path / "coco", "coco-instances", val=0.5)
    with pytest.raises(InputError, match=r"\(train, val\), got .*no split"):
        open_source("coco-instances", tmp_path / "coco")
    names = set()
    for split in ("train", "val"):
        source = open_source("coco-instances", tmp_path / "coco", split=split)
        assert source.image(0).parent == tmp_path / "coco" / split
        import_source(source, tmp_path / split)
        (image,) = PanopticFolder.open(tmp_path / split).images
        k = [i.file_name for i in data.images].index(image.file_name)
        assert PanopticFolder.open(tmp_path / split).captions(0) == data.captions(k)
        names.add(image.file_name)
    assert names == {i.file_name for i in data.images}
