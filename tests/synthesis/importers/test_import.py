"""What all sources share: captions, options, one line of error, whole or not at all."""

from __future__ import annotations

import json
import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from pandiff.cli import main
from pandiff.coco import PanopticFolder
from pandiff.errors import InputError
from pandiff.synthesis.importers import import_source, open_source
from pandiff.synthesis.importers.captions import read_captions
from pandiff.synthesis.importers.source import images_below
from pandiff.taxonomy import Taxonomy

Capture = pytest.CaptureFixture[str]


@pytest.fixture
def source(save: Any, tmp_path: Path, taxonomy: Taxonomy) -> Path:
    """Two images with semantic masks, and the taxonomy beside them."""
    for k in range(2):
        save(tmp_path / f"in/images/{k}.png", np.zeros((3, 4, 3), np.uint8))
        save(tmp_path / f"in/semantic/{k}.png", np.full((3, 4), 7, np.uint8))
    (tmp_path / "in/taxonomy.json").write_text(json.dumps(taxonomy.to_coco()))
    return tmp_path / "in"


def arguments(source: Path, *more: object, name: str = "masks") -> list[str]:
    out = source.parent / "out"
    return ["import", str(source), "--format", name, "--out", str(out), *map(str, more)]


def test_command(source: Path, capsys: Capture) -> None:
    taxonomy, out = source / "taxonomy.json", source.parent / "out"
    (source / "captions.json").write_text('{"0.png": "a ball", "1.png": ["one", "two"]}')
    given = ("--taxonomy", taxonomy, "--captions", source / "captions.json", "--components")
    assert main(arguments(source, *given)) == 0
    assert capsys.readouterr() == (f"{out}: 2 images, 4 categories\n", "")
    assert main(["validate", str(out)]) == 0
    folder = PanopticFolder.open(out)
    assert [folder.captions(k) for k in range(2)] == [["a ball"], ["one", "two"]]
    assert folder.panoptic(0).count(7) == 1
    capsys.readouterr()
    assert main(arguments(source, *given)) == 2
    assert "an empty or new folder" in capsys.readouterr().err


@pytest.mark.parametrize("copy", [False, True])
def test_images_are_linked_or_copied(copy: bool, source: Path) -> None:
    more = ["--copy"] if copy else []
    assert main(arguments(source, "--taxonomy", source / "taxonomy.json", *more)) == 0
    image = source.parent / "out/images/0.png"
    assert image.samefile(source / "images/0.png") is not copy
    assert image.read_bytes() == (source / "images/0.png").read_bytes()


@pytest.mark.parametrize(
    ("name", "more", "message"),
    [
        ("masks", (), "--taxonomy for masks, got none"),
        ("masks", ("--split", "train"), "options of masks, got --split"),
        ("cityscapes", ("--train-ids",), "options of cityscapes, got --train-ids"),
        ("cityscapes", (), "a split of"),
        ("coco-instances", (), "annotations/instances_SPLIT.json (none)"),
        ("ade20k", ("--images", "x"), "options of ade20k, got --images"),
        ("ade20k", (), "a split of"),
        ("voc", (), "a format (masks, coco-instances, cityscapes, ade20k), got 'voc'"),
    ],
)
def test_one_line_of_error(
    name: str, more: tuple[str, ...], message: str, source: Path, capsys: Capture
) -> None:
    assert main(arguments(source, *more, name=name)) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("pandiff: error: expected ")
    assert message in line
    assert [p.name for p in source.parent.iterdir()] == ["in"]


def test_no_such_path(tmp_path: Path, capsys: Capture) -> None:
    assert main(arguments(tmp_path / "none")) == 2
    assert f"no such path: {tmp_path / 'none'}" in capsys.readouterr().err


def test_an_error_in_the_middle_leaves_nothing(source: Path, capsys: Capture) -> None:
    (source / "images/1.png").write_bytes(b"\x89PNG")
    assert main(arguments(source, "--taxonomy", source / "taxonomy.json")) == 2
    assert "1.png" in capsys.readouterr().err
    assert [p.name for p in source.parent.iterdir()] == ["in"]


def test_captions_belong_to_the_images_own_names(source: Path, save: Any) -> None:
    """That of an image which becomes PNG is told by the name that it had."""
    (source / "images/1.png").unlink()
    save(source / "images/1.webp", np.zeros((3, 4, 3), np.uint8))
    (source / "captions.json").write_text('{"0.png": "a ball", "1.webp": "two"}')
    given = ("--taxonomy", source / "taxonomy.json", "--captions", source / "captions.json")
    assert main(arguments(source, *given)) == 0
    folder = PanopticFolder.open(source.parent / "out")
    assert [folder.captions(k) for k in range(2)] == [["a ball"], ["two"]]


def test_which_images_there_are_and_their_order(save: Any, tmp_path: Path) -> None:
    """Folder by folder, any case of the suffix, without what begins with a dot."""
    names = ["a/2.png", "a/3.PNG", "a b/1.png"]
    for name in ("a/._2.png", *reversed(names)):
        save(tmp_path / name, np.zeros((3, 4, 3), np.uint8))
    assert images_below(tmp_path) == [str(tmp_path / name) for name in names]


def test_colors_that_png_has_not_become_rgb(source: Path) -> None:
    (source / "images/1.png").unlink()
    Image.new("CMYK", (4, 3)).save(source / "images/1.tif")
    assert main(arguments(source, "--taxonomy", source / "taxonomy.json")) == 0
    assert Image.open(source.parent / "out/images/1.png").mode == "RGB"


def test_a_suffix_in_capitals_stays(source: Path) -> None:
    (source / "images/1.png").rename(source / "images/1.PNG")
    assert main(arguments(source, "--taxonomy", source / "taxonomy.json")) == 0
    assert (source.parent / "out/images/1.PNG").samefile(source / "images/1.PNG")


def test_captions_of_images_in_folders(tmp_path: Path) -> None:
    images = [{"id": 4, "file_name": "city/a.jpg"}]
    annotations = [{"id": k, "image_id": 4, "caption": f"{k} dogs"} for k in (1, 2)]
    content = json.dumps({"images": images, "annotations": annotations})
    (tmp_path / "captions.json").write_text(content)
    assert read_captions(tmp_path / "captions.json") == {"a.jpg": ["1 dogs", "2 dogs"]}


@pytest.mark.parametrize("content", ['["a"]', '{"0.png": 5}', '{"annotations": [{}]}', "x"])
def test_malformed_captions_are_named(content: str, tmp_path: Path) -> None:
    (tmp_path / "captions.json").write_text(content)
    with pytest.raises(InputError, match=r"captions\.json"):
        read_captions(tmp_path / "captions.json")


def test_what_is_held_of_an_image(save: Any, tmp_path: Path, taxonomy: Taxonomy) -> None:
    """Names alone, under a kilobyte; a map would be sixteen times as much."""

    def peak(count: int) -> int:
        """The most memory at a time, from the opening of so many images to their last file."""
        source = tmp_path / str(count)
        for k in range(count):
            save(source / f"images/{k:06}.png", np.zeros((64, 64, 3), np.uint8))
            for kind, value in (("semantic", 7), ("instances", 1)):
                save(source / kind / f"{k:06}.png", np.full((64, 64), value, np.uint8))
        tracemalloc.start()
        try:
            opened = open_source("masks", source, taxonomy=taxonomy)
            assert import_source(opened, source / "out") == count
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    peak(2)  # what is imported and cached once
    few, many = peak(50), peak(250)
    assert (many - few) / 200 < 1000
