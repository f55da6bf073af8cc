"""What all formats must keep: whole or not at all, images as they are, constant memory."""

from __future__ import annotations

import gc
import shutil
import tracemalloc
import weakref
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import Any

import pytest
from PIL import Image

from pandiff.cli import main
from pandiff.cli.exchange import EXPORT, IMPORT
from pandiff.coco import CocoLayout, PanopticFolder, read_json, write_json
from pandiff.errors import InputError
from pandiff.synthesis.exporters import EXPORTERS, Sample, Samples, Target, export, hf
from pandiff.synthesis.exporters.json_lists import JsonLists
from pandiff.synthesis.importers import IMPORTERS

FORMATS = list(EXPORTERS)
WITH_IMAGES = [name for name in FORMATS if name != "hf"]  # its images lie in the parquet files


@pytest.mark.parametrize("copy", [False, True])
@pytest.mark.parametrize("name", WITH_IMAGES)
def test_images_are_linked_or_copied(
    name: str, copy: bool, folder: PanopticFolder, exported: Any
) -> None:
    out, source = exported(name, copy=copy), folder.layout.images
    names = {i.file_name for i in folder.images}
    files = (p for p in out.rglob("*") if p.name in names)
    found = [p for p in files if not {"annotations", "fields"} & set(p.parts)]
    assert {p.name for p in found} == {i.file_name for i in folder.images}
    for path in found:
        assert path.read_bytes() == (source / path.name).read_bytes()
        assert path.samefile(source / path.name) is not copy


def test_copies_where_links_are_not_possible(
    exported: Any, folder: PanopticFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    def link(*_: object) -> None:
        raise OSError("another file system")

    monkeypatch.setattr("os.link", link)
    source = folder.layout.images / "0.png"
    path = exported("yolo") / "images/train/0.png"
    assert path.read_bytes() == source.read_bytes()
    assert not path.samefile(source)


@pytest.mark.parametrize("name", FORMATS)
def test_nothing_is_left_but_the_format(name: str, exported: Any) -> None:
    out = exported(name)
    assert [p for p in (*out.parent.iterdir(), *out.rglob("*")) if p.name.startswith(".")] == []


@pytest.mark.parametrize("name", FORMATS)
def test_a_bad_file_is_named_and_leaves_nothing(name: str, data: Path, tmp_path: Path) -> None:
    """Four ways in which the last image but one can be wrong."""
    broken = tmp_path / "broken"
    for k, spoil in enumerate((missing, truncated, resized, without_map)):
        shutil.copytree(data, broken)
        file = spoil(broken)
        with pytest.raises(InputError, match=file):
            export(broken, tmp_path / f"out{k}", name)
        shutil.rmtree(broken)
    assert list(tmp_path.iterdir()) == []


def missing(data: Path) -> str:
    (data / "images/4.png").unlink()
    return "4.png"


def truncated(data: Path) -> str:
    (data / "images/4.png").write_bytes(b"\x89PNG")
    return "4.png"


def resized(data: Path) -> str:
    Image.new("RGB", (4, 4)).save(data / "images/4.png")
    return "4.png of 40 x 32 px, as its map, got 4 x 4"


def without_map(data: Path) -> str:
    (data / "panoptic/4.png").unlink()
    return "panoptic/4.png"


@pytest.mark.parametrize("name", FORMATS)
def test_samples_are_let_go(
    name: str, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Never more than one map is alive, besides the one that is being read."""
    maps: list[weakref.ref[Any]] = []
    read, most = Samples.__getitem__, []

    def counted(self: Samples, k: int) -> Sample:
        sample = read(self, k)
        maps.append(weakref.ref(sample.panoptic))
        most.append(sum(m() is not None for m in maps))
        return sample

    monkeypatch.setattr(Samples, "__getitem__", counted)
    export(data, tmp_path / "out", name)
    assert len(most) == 6
    assert max(most) <= 2


@pytest.mark.parametrize("name", FORMATS)
def test_memory_does_not_grow(
    name: str, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What an exporter holds after a hundred samples is what it holds after forty."""
    monkeypatch.setattr(hf, "GROUP_ROWS", 10)
    exporter = EXPORTERS[name](Target(tmp_path, Samples(data).taxonomy, ("train",)))
    sample = Samples(data)[0]

    def add(first: int, last: int) -> int:
        for k in range(first, last):
            exporter.add(replace(sample, id=k, name=PurePosixPath(f"deep/{k}.png")))
        gc.collect()
        return tracemalloc.get_traced_memory()[0]

    tracemalloc.start()
    try:
        add(1, 21)
        before = add(21, 41)
        growth = add(41, 101) - before
    finally:
        tracemalloc.stop()
    exporter.close()
    assert growth < 16 << 10  # sixty maps take 300 kB, what the formats say of them at least 40


def test_a_share_is_as_good_as_random_and_lasting(data: Path) -> None:
    def val(share: float) -> set[int]:
        samples = Samples(data, val=share)
        return {k for k in range(len(samples)) if samples[k].split == "val"}

    assert [len(val(s)) for s in (0, 0.01, 0.5, 0.99)] == [0, 1, 3, 6]
    assert val(0.01) < val(0.5)
    assert val(0.5) not in ({0, 1, 2}, {3, 4, 5})


@pytest.mark.parametrize("name", ["/etc/x.png", "../x.png", ""])
def test_names_that_lead_out_are_refused(name: str, data: Path, tmp_path: Path) -> None:
    shutil.copytree(data, tmp_path / "in")
    content = read_json(data / "panoptic.json")
    content["images"][0]["file_name"] = name
    write_json(tmp_path / "in/panoptic.json", content)
    with pytest.raises(InputError, match="inside of the images' folder"):
        export(tmp_path / "in", tmp_path / "out", "yolo")


def undeclared(data: Path, content: dict[str, Any]) -> str:
    del content["annotations"][4]["segments_info"][0]
    return r"a segment for every id of .*panoptic/4\.png, got none for"


def unknown(data: Path, content: dict[str, Any]) -> str:
    content["annotations"][4]["segments_info"][0]["category_id"] = 99
    return r"a category of the dataset for segment .*panoptic/4\.png, got 99"


def gray(data: Path, content: dict[str, Any]) -> str:
    Image.new("L", (40, 32)).save(data / "panoptic/4.png")
    return r"panoptic/4\.png of mode RGB, got L"


def alone(data: Path, content: dict[str, Any]) -> str:
    del content["annotations"][4]
    return r"panoptic\.json, got .*no annotation of 5"


@pytest.mark.parametrize("spoil", [undeclared, unknown, gray, alone])
def test_a_wrong_map_is_named(spoil: Any, data: Path, tmp_path: Path) -> None:
    shutil.copytree(data, tmp_path / "in")
    content = read_json(data / "panoptic.json")
    message = spoil(tmp_path / "in", content)
    write_json(tmp_path / "in/panoptic.json", content)
    with pytest.raises(InputError, match=message):
        export(tmp_path / "in", tmp_path / "out", "coco-panoptic")
    assert [p.name for p in tmp_path.iterdir()] == ["in"]


@pytest.mark.parametrize("name", FORMATS)
def test_images_in_folders(name: str, data: Path, tmp_path: Path) -> None:
    """Names may have folders in them, as in datasets by city."""
    shutil.copytree(data, tmp_path / "in")
    content = read_json(data / "panoptic.json")
    (tmp_path / "in/images/city").mkdir()
    for image in content["images"]:
        (tmp_path / "in/images" / image["file_name"]).rename(
            tmp_path / "in/images/city" / image["file_name"]
        )
        image["file_name"] = f"city/{image['file_name']}"
    write_json(tmp_path / "in/panoptic.json", content)
    export(tmp_path / "in", tmp_path / "out", name)
    if name == "coco-panoptic":
        again = PanopticFolder.open(tmp_path / "out")
        assert again.panoptic(0).ids.shape == again.image(0).size[::-1]


@pytest.mark.parametrize("name", ["coco-panoptic", "semantic", "yolo", "fiftyone", "detectron2"])
def test_stems_must_differ_where_they_name_labels(name: str, data: Path, tmp_path: Path) -> None:
    shutil.copytree(data, tmp_path / "in")
    content = read_json(data / "panoptic.json")
    shutil.copy(data / "images/2.png", tmp_path / "in/images/0.PNG")
    content["images"][2]["file_name"] = "0.PNG"
    write_json(tmp_path / "in/panoptic.json", content)
    with pytest.raises(InputError, match=r"different stems, got 0\.PNG again"):
        export(tmp_path / "in", tmp_path / "out", name)


def test_json_lists(tmp_path: Path) -> None:
    lists = JsonLists(tmp_path / "new/x.json", ("a", "b", "ü"))
    for k in range(3):
        assert lists.next_id("a") == k + 1
        lists.add("a", {"k": k, "text": "ä\n"})
    lists.add("ü", [])
    lists.close()
    wanted = {"a": [{"k": k, "text": "ä\n"} for k in range(3)], "b": [], "ü": [[]]}
    assert read_json(tmp_path / "new/x.json") == wanted
    assert [p.name for p in (tmp_path / "new").iterdir()] == ["x.json"]


def test_command(data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "out"
    command = ["export", str(data), "--format", "coco-panoptic", "--val", "0.3", "--out", str(out)]
    assert main(command) == 0
    assert capsys.readouterr() == (f"{out}: 6 images as coco-panoptic\n", "")
    assert CocoLayout.find(out, "val").panoptic_json.is_file()
    assert main(command) == 2
    assert "an empty or new folder" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--format", "voc"), "a format (coco-panoptic, coco-instances, semantic"),
        (("--format", "yolo", "--val", "1"), "--val"),
        (("--format", "yolo", "--split", "val"), "a split of"),
        ((), "--format"),
    ],
)
def test_one_line_of_error(
    arguments: tuple[str, ...],
    message: str,
    data: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["export", str(data), "--out", str(tmp_path / "out"), *arguments]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("pandiff: error: expected ")
    assert message in line
    assert list(tmp_path.iterdir()) == []


def test_an_empty_dataset(tmp_path: Path, folder: PanopticFolder) -> None:
    content = {"images": [], "annotations": [], "categories": folder.taxonomy.to_coco()}
    write_json(tmp_path / "in/panoptic.json", content)
    with pytest.raises(InputError, match="a dataset with images"):
        export(tmp_path / "in", tmp_path / "out", "yolo")


def test_help_names_every_format() -> None:
    import argparse

    for command, table in ((EXPORT, EXPORTERS), (IMPORT, IMPORTERS)):
        parser = argparse.ArgumentParser()
        command.add_arguments(parser)
        text = " ".join(parser.format_help().split())
        assert all(name in text for name in table)
