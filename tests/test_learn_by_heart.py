"""The whole road: read, encode, train, sample, write, score; on the real photograph in minutes."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest
from PIL import Image

from pandiff.coco import PanopticFolder
from pandiff.codec import PanopticCodec
from pandiff.data.frame import Frame
from pandiff.errors import InputError
from pandiff.evaluation.score import MapScores, score


@pytest.fixture(scope="module")
def script(load_script: Callable[[str], ModuleType]) -> ModuleType:
    return load_script("learn_by_heart")


def test_the_road_with_boxes(script: ModuleType, toy_data: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    report = script.run(["--data", f"{toy_data}", "--out", f"{out}", "--size=64", "--steps=2"])
    assert json.loads((out / "metrics.json").read_text()) == report
    assert report["codec"]["pq"]["all"]["pq"] > 0.97 > report["found"]["pq"]["all"]["pq"]
    assert report["found_full"] == score(toy_data, out / "found_full")
    assert Image.open(out / "grid.png").width > 3 * 512
    assert PanopticFolder.open(out / "squares").captions(0) == ["a red box"]
    with pytest.raises(InputError, match="an empty or new folder"):
        script.run(["--data", f"{toy_data}", "--out", f"{out}"])


def test_the_codec_keeps_the_photograph(script: ModuleType, shared: Path) -> None:
    """Nothing is lost before the learning: at this size small things are still there."""
    config = script.settings(script.parser().parse_args(["--data=x", "--out=y"]))
    folder = PanopticFolder.open(shared / "coco_sample")
    codec = PanopticCodec(folder.taxonomy, config.instances, min_area=config.min_area)
    square = Frame(folder.image(0).size, config.size).place_map(folder.panoptic(0))
    scores = MapScores(folder.taxonomy)
    scores.add(square, codec.decode(codec.encode(square)))
    assert scores.metrics()["pq"]["all"]["pq"] > 0.97


@pytest.mark.slow
def test_the_photograph_is_learned(script: ModuleType, shared: Path, tmp_path: Path) -> None:
    data, out = shared / "coco_sample", tmp_path / "out"
    report = script.run(["--data", f"{data}", "--out", f"{out}"])
    assert report["codec"]["pq"]["all"]["pq"] > 0.97
    for name, least in (("found", 0.9), ("made", 0.9), ("found_full", 0.88)):
        assert report[name]["pq"]["all"]["pq"] > least
    assert report["found_full"] == score(data, out / "found_full")
