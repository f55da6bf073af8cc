"""Semantic and instance masks: the map comes back, mistakes are told with the file's name."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from pandiff.errors import InputError
from pandiff.panoptic import PanopticMap
from pandiff.synthesis.exporters import export
from pandiff.synthesis.importers import import_source, open_source
from pandiff.synthesis.importers.painting import read_mask, to_panoptic
from pandiff.taxonomy import Category, Taxonomy

IDS = (2, 300, 7, 9)


def masks_of(panoptic: PanopticMap) -> tuple[np.ndarray, np.ndarray]:
    """A map as two masks: category ids, and numbers of the things that are counted."""
    category = panoptic.lookup([s.category_id for s in panoptic.segments])
    counted = [
        k if panoptic.taxonomy.by_id(s.category_id).isthing and not s.is_crowd else 0
        for k, s in enumerate(panoptic.segments, start=1)
    ]
    return category.astype(np.uint16), panoptic.lookup(counted).astype(np.uint8)


@pytest.fixture
def panoptic(taxonomy: Taxonomy) -> PanopticMap:
    ids = np.array([[1, 1, 1, 0], [4, 5, 1, 0], [4, 5, 6, 6], [2, 7, 2, 7]])
    categories = {1: 300, 2: 2, 4: 7, 5: 7, 6: 9, 7: 7}
    return PanopticMap.from_ids(ids, categories, taxonomy, crowds=[7])


@pytest.fixture
def source(panoptic: PanopticMap, save: Any, tmp_path: Path) -> Path:
    """Three images of three formats, with both masks."""
    semantic, instances = masks_of(panoptic)
    for k, suffix in enumerate(("png", "jpg", "webp")):
        save(tmp_path / f"in/images/{k}.{suffix}", np.full((4, 4, 3), 40 * k, np.uint8))
        save(tmp_path / f"in/semantic/{k}.png", semantic)
        save(tmp_path / f"in/instances/{k}.png", instances)
    return tmp_path / "in"


def test_the_map_comes_back(
    source: Path, panoptic: PanopticMap, taxonomy: Taxonomy, opened: Any, canonical: Any
) -> None:
    out = source.parent / "out"
    assert import_source(open_source("masks", source, taxonomy=taxonomy), out) == 3
    folder = opened(out)
    assert folder.taxonomy == taxonomy
    assert [i.file_name for i in folder.images] == ["0.png", "1.jpg", "2.png"]
    for k in range(3):
        assert canonical(folder.panoptic(k)) == canonical(panoptic)
        assert np.abs(np.asarray(folder.image(k)).astype(int) - 40 * k).max() <= 2
    assert (out / "images/1.jpg").samefile(source / "images/1.jpg")


@given(
    arrays(np.int64, (4, 5), elements=st.sampled_from((0, *IDS))),
    arrays(np.int64, (4, 5), elements=st.integers(0, 3)),
)
def test_every_pixel_is_as_the_masks_say(
    taxonomy: Taxonomy, semantic: np.ndarray, instances: np.ndarray
) -> None:
    panoptic = to_panoptic(semantic, instances, taxonomy)
    things = np.isin(semantic, (7, 9))
    for s in panoptic.segments:
        mask = panoptic.mask(s.id)
        (category,) = np.unique(semantic[mask])
        number = np.unique(np.where(things, instances, 0)[mask])
        assert category == s.category_id
        assert number.size == 1
        assert s.is_crowd == bool(things[mask].any() and number[0] == 0)
        alike = (semantic == category) & (np.where(things, instances, 0) == number[0])
        assert np.array_equal(alike, mask)
    assert np.array_equal(panoptic.labelled, semantic != 0)


def test_without_instances(source: Path, taxonomy: Taxonomy) -> None:
    """Crowds, or, on request, touching pixels are one."""
    for path in (source / "instances").iterdir():
        path.unlink()
    (source / "instances").rmdir()
    crowds = open_source("masks", source, taxonomy=taxonomy).panoptic(0)
    assert {s.category_id for s in crowds.segments if s.is_crowd} == {7, 9}
    assert crowds.count(7) == 0
    parts = open_source("masks", source, taxonomy=taxonomy, components=True).panoptic(0)
    assert not any(s.is_crowd for s in parts.segments)
    assert parts.count(7) == 2


def test_palette_and_rgb_masks(source: Path, panoptic: PanopticMap, taxonomy: Taxonomy) -> None:
    """A palette's colors do not count; an RGB instance mask is a panoptic PNG's ids."""
    from PIL import Image

    from pandiff.coco import ids_to_png

    small = Taxonomy(tuple(Category(k, str(k), True) for k in range(1, 4)))
    semantic = np.array([[1, 2, 2, 2]] * 4, np.uint8)
    for k in range(3):
        image = Image.fromarray(semantic, "L").convert("P")
        image.putpalette([255, 0, 0] * 4)
        image.save(source / f"semantic/{k}.png")
        ids_to_png(np.array([[1, 1, 1 + 256, 1 + 65536]] * 4)).save(source / f"instances/{k}.png")
    found = open_source("masks", source, taxonomy=small).panoptic(0)
    assert sorted((s.category_id, s.area) for s in found.segments) == [
        (1, 4), (2, 4), (2, 4), (2, 4),
    ]  # fmt: skip


@pytest.mark.parametrize(("suffix", "kind"), [("png", "<u2"), ("tif", "<u2"), ("tif", ">u2")])
def test_masks_of_16_bits(suffix: str, kind: str, save: Any, tmp_path: Path) -> None:
    values = np.array([[0, 1, 256, 65535]])
    save(tmp_path / f"a.{suffix}", values.astype(kind))
    assert np.array_equal(read_mask(tmp_path / f"a.{suffix}"), values)


def test_train_ids_of_the_semantic_export(
    source: Path, taxonomy: Taxonomy, tmp_path: Path, opened: Any, canonical: Any
) -> None:
    """export --format semantic, import --train-ids: the semantics come back."""
    import_source(open_source("masks", source, taxonomy=taxonomy), tmp_path / "data")
    export(tmp_path / "data", tmp_path / "semantic", "semantic")
    again = tmp_path / "again"
    again.mkdir()
    (again / "images").symlink_to(tmp_path / "semantic/images/train")
    (again / "semantic").symlink_to(tmp_path / "semantic/annotations/train")
    import_source(open_source("masks", again, taxonomy=taxonomy, train_ids=True), tmp_path / "out")
    first, last = opened(tmp_path / "data"), opened(tmp_path / "out")
    for k in range(3):
        assert np.array_equal(first.panoptic(k).category_index, last.panoptic(k).category_index)


def test_a_value_that_is_no_category(source: Path, taxonomy: Taxonomy, save: Any) -> None:
    save(source / "semantic/1.png", np.full((4, 4), 5, np.uint8))
    found = open_source("masks", source, taxonomy=taxonomy)
    with pytest.raises(InputError, match=r"\(2, 300, 7, 9\) or 0 in .*semantic/1\.png, got 5"):
        import_source(found, source.parent / "out")
    assert [p.name for p in source.parent.iterdir()] == ["in"]
    found = open_source("masks", source, taxonomy=taxonomy, train_ids=True)
    with pytest.raises(InputError, match=r"0\.\.3 or 255 in .*semantic/1\.png, got 5"):
        found.panoptic(1)


def test_train_ids_are_bytes(source: Path) -> None:
    for count in (255, 256):
        taxonomy = Taxonomy(tuple(Category(k, str(k), False) for k in range(1, count + 1)))
        if count == 255:
            found = open_source("masks", source, taxonomy=taxonomy, train_ids=True)
        else:
            with pytest.raises(InputError, match="at most 255 categories with --train-ids"):
                open_source("masks", source, taxonomy=taxonomy, train_ids=True)
    with pytest.raises(InputError, match=r"0\.\.254 or 255 in .*, got 300"):
        found.panoptic(0)


def test_values_below_0_are_refused(source: Path, taxonomy: Taxonomy, save: Any) -> None:
    """A TIFF has them; joined with a category they would be another's."""
    (source / "instances/0.png").unlink()
    save(source / "instances/0.tif", np.full((4, 4), -1, np.int32))
    with pytest.raises(InputError, match=r"values of 0 or more in .*instances/0\.tif, got -1"):
        open_source("masks", source, taxonomy=taxonomy).panoptic(0)


def test_images_of_one_stem_do_not_touch_the_source(
    source: Path, taxonomy: Taxonomy, save: Any
) -> None:
    """What becomes PNG is never written through the hard link of an image beside it."""
    before = (source / "images/0.png").read_bytes()
    save(source / "images/0.webp", np.full((4, 4, 3), 200, np.uint8))
    with pytest.raises(InputError, match=r"images of different stems, got 0\.webp again"):
        import_source(open_source("masks", source, taxonomy=taxonomy), source.parent / "out")
    assert (source / "images/0.png").read_bytes() == before


def test_sizes_must_agree(source: Path, taxonomy: Taxonomy, save: Any) -> None:
    found = open_source("masks", source, taxonomy=taxonomy)
    save(source / "instances/0.png", np.zeros((4, 5), np.uint8))
    with pytest.raises(InputError, match=r"instances/0\.png of 4 x 4 px, as the other mask"):
        found.panoptic(0)
    save(source / "semantic/0.png", np.zeros((5, 4), np.uint8))
    with pytest.raises(InputError, match=r"instances/0\.png of 4 x 5 px, .* got 5 x 4"):
        found.panoptic(0)
    save(source / "semantic/0.png", np.zeros((4, 4), np.uint8))
    save(source / "images/1.jpg", np.zeros((4, 5, 3), np.uint8))
    save(source / "instances/0.png", np.zeros((4, 4), np.uint8))
    with pytest.raises(InputError, match=r"images/1\.jpg of 4 x 4 px, as its map, got 5 x 4"):
        import_source(found, source.parent / "out")


@pytest.mark.parametrize("name", ["images/2.webp", "semantic/0.png", "instances/1.png"])
def test_files_belong_together(name: str, source: Path, taxonomy: Taxonomy) -> None:
    (source / name).unlink()
    folder, stem = Path(name).parent, Path(name).stem
    with pytest.raises(InputError, match=rf"the file .*{folder}/{stem}\.\*, got none"):
        open_source("masks", source, taxonomy=taxonomy)


def test_two_masks_of_one_stem(source: Path, taxonomy: Taxonomy, save: Any) -> None:
    save(source / "semantic/more/0.png", np.zeros((4, 4), np.uint8))
    with pytest.raises(InputError, match="masks of different stems"):
        open_source("masks", source, taxonomy=taxonomy)


def test_masks_of_an_odd_mode(source: Path, taxonomy: Taxonomy, save: Any) -> None:
    save(source / "semantic/0.png", np.zeros((4, 4, 4), np.uint8))
    with pytest.raises(InputError, match=r"semantic/0\.png, got RGBA"):
        open_source("masks", source, taxonomy=taxonomy).panoptic(0)
