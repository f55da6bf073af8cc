"""From a dataset, in whichever layout, to batches that a resumed run reads as the first did."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader

from pandiff.coco import PanopticFolder
from pandiff.codec import PanopticCodec
from pandiff.data.encoded import CAPTIONS, fit_map
from pandiff.data.scenes import write_scenes
from pandiff.data.shards import ShardDataset, ShardIndex
from pandiff.errors import InputError
from pandiff.training.config import TrainConfig
from pandiff.training.prepare import prepare, shard_encoding
from pandiff.training.shard_sampler import ShardSampler

Batch = dict[str, torch.Tensor]
SAYINGS = [f"a table with {n} things on it" for n in ("five", "six", "seven", "some", "many", "no")]


@pytest.fixture
def config(tiny_config: Callable[..., TrainConfig]) -> TrainConfig:
    return tiny_config("pdm")


@pytest.fixture
def coco(shared: Path, tmp_path: Path) -> Path:
    """The original layout with both splits, of one real image; train2017 has six captions."""
    sample, root = shared / "coco_sample", tmp_path / "coco"
    for split in ("train2017", "val2017"):
        shutil.copytree(sample / "images", root / split)
        shutil.copytree(sample / "panoptic", root / f"annotations/panoptic_{split}")
        shutil.copy(sample / "panoptic.json", root / f"annotations/panoptic_{split}.json")
    images = json.loads((sample / "panoptic.json").read_text())["images"]
    captions = [
        {"image_id": images[0]["id"], "id": k, "caption": text} for k, text in enumerate(SAYINGS)
    ]
    file = root / "annotations/captions_train2017.json"
    file.write_text(json.dumps({"images": images, "annotations": captions}))
    return root


def test_the_original_coco_layout(coco: Path, config: TrainConfig, tmp_path: Path) -> None:
    index = prepare(config, coco, tmp_path / "s", split="train2017")
    assert index is not None
    assert (len(index), len(index.taxonomy), index.without_captions) == (1, 133, 0)
    dataset = ShardDataset(tmp_path / "s", PanopticCodec(index.taxonomy), 16)
    original = PanopticFolder.open(coco, "train2017").panoptic(0)
    assert dataset.panoptic(0) == fit_map(original, 64)
    meta, members = dataset.meta(0), dataset.reader.read(0)
    assert meta["file_name"] == "000000142238.jpg"
    assert meta["captions"] == SAYINGS
    expected = shard_encoding(config).text.tokenize(SAYINGS)
    tokens = np.frombuffer(members["tokens.npy"][-6 * 12 * 4 :], dtype=np.int32)
    assert np.array_equal(tokens.reshape(6, 12), expected)
    assert torch.equal(dataset[0]["tokens"], expected[:CAPTIONS].to(torch.int32))


def test_void_and_crowds_of_coco(coco: Path, config: TrainConfig, tmp_path: Path) -> None:
    """The real image has void pixels and a crowd of people: both train as void."""
    index = prepare(config, coco, tmp_path / "s", split="train2017")
    assert index is not None
    assert index.void
    dataset = ShardDataset(tmp_path / "s", PanopticCodec(index.taxonomy), 64)
    panoptic, row = dataset.panoptic(0), dataset[0]
    (crowd,) = (s for s in panoptic.segments if s.is_crowd)
    assert panoptic.taxonomy.by_id(crowd.category_id).name == "person"
    void = (panoptic.ids == 0) | (panoptic.ids == crowd.id)
    assert np.array_equal(row["category"] == 0, void)
    things = {c.id for c in panoptic.taxonomy.categories if c.isthing}
    counted = [s for s in panoptic.segments if s.category_id in things and s != crowd]
    assert len(row["instance"].unique()) - 1 == len(counted) > 5


def test_no_captions(coco: Path, config: TrainConfig, tmp_path: Path) -> None:
    index = prepare(config, coco, tmp_path / "s", split="val2017")
    assert index is not None
    assert index.without_captions == 1


def test_ids_of_text(toy_data: Path, config: TrainConfig, tmp_path: Path) -> None:
    """ADE20K and Cityscapes, as their own scripts convert them, name images so."""
    data = Path(shutil.copytree(toy_data, tmp_path / "data"))
    for name, key in (("panoptic.json", "annotations"), ("captions.json", "annotations")):
        content = json.loads((data / name).read_text())
        for entry in content[key]:
            entry["image_id"] = f"ADE_train_{entry['image_id']:08d}"
        for entry in content["images"]:
            entry["id"] = f"ADE_train_{entry['id']:08d}"
        (data / name).write_text(json.dumps(content))
    index = prepare(config, data, tmp_path / "s")
    assert index is not None
    assert index.without_captions == 0
    meta = ShardDataset(tmp_path / "s", PanopticCodec(index.taxonomy), 16).meta(4)
    assert meta["image_id"] == "ADE_train_00000005"


def test_processes_divide_the_work(
    toy_data: Path, config: TrainConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WORLD_SIZE", "2")
    for rank in ("1", "0"):
        monkeypatch.setenv("RANK", rank)
        index = prepare(config, toy_data, tmp_path / "two", shard_size=5)
        assert (index is None) == (rank == "1")
        tars = len(list((tmp_path / "two").glob("*.tar")))
        assert tars == {"1": 1, "0": 3}[rank]
    monkeypatch.setenv("WORLD_SIZE", "1")
    prepare(config, toy_data, tmp_path / "one", shard_size=5)
    for path in (tmp_path / "one").iterdir():
        assert (tmp_path / "two" / path.name).read_bytes() == path.read_bytes()


def test_sizes_come_from_the_settings(toy_data: Path, config: TrainConfig, tmp_path: Path) -> None:
    smaller = replace(config, size=32, model={"context_length": 7, "depth": 3})
    index = prepare(smaller, toy_data, tmp_path / "s")
    assert index is not None
    batch = ShardDataset(tmp_path / "s", PanopticCodec(index.taxonomy), 8).__getitems__([0])
    assert batch["moments"].shape == (1, 2, 8, 4, 4)
    assert batch["tokens"].shape == (1, CAPTIONS, 7)
    assert shard_encoding(config).image_encoder is None


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"task": "vae"}, "the settings of a pdm, got of a vae"),
        ({"size": 60}, "a size that 8 divides, got 60"),
        ({"encoders": "/no/such"}, "a built-in model"),
    ],
)
def test_settings_that_make_no_sense(
    changes: dict[str, object], message: str, toy_data: Path, config: TrainConfig, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match=message):
        prepare(replace(config, **changes), toy_data, tmp_path / "s")  # type: ignore[arg-type]
    assert not (tmp_path / "s").exists()


def test_a_dataset_without_images(toy_data: Path, config: TrainConfig, tmp_path: Path) -> None:
    content = json.loads((toy_data / "panoptic.json").read_text())
    (tmp_path / "panoptic.json").write_text(
        json.dumps({**content, "images": [], "annotations": []})
    )
    with pytest.raises(InputError, match="a dataset with images, got none"):
        prepare(config, tmp_path, tmp_path / "s")


@pytest.fixture(scope="module")
def scene_shards(tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twenty scenes in seven shards."""
    path = tmp_path_factory.mktemp("scenes")
    write_scenes(path / "data", 20, seed=3, size=64)
    config = TrainConfig("pdm", size=64, precision="no", encoders=str(tiny_model))
    prepare(config, path / "data", path / "s", shard_size=3)
    return path / "s"


def as_is(batch: Batch) -> Batch:
    return batch


def read(shards: Path, start: int, stop: int, workers: int, rank: int = 0) -> list[Batch]:
    """The batches of one of two ranks, read by a fresh dataset."""
    dataset = ShardDataset(
        shards, PanopticCodec(ShardIndex.read(shards / "shards.json").taxonomy), 16
    )
    sampler = ShardSampler(dataset.order(seed=4, window=2), 4, start, stop, rank, 2)
    return list(DataLoader(dataset, batch_sampler=sampler, num_workers=workers, collate_fn=as_is))


@pytest.mark.filterwarnings("ignore:This DataLoader will create")
@pytest.mark.parametrize("workers", [0, 2])
def test_a_resumed_epoch_is_the_uninterrupted_one(workers: int, scene_shards: Path) -> None:
    whole = read(scene_shards, 0, 8, workers=0)
    resumed = read(scene_shards, 0, 3, workers) + read(scene_shards, 3, 8, workers)
    assert len(resumed) == 8
    for one, other in zip(whole, resumed, strict=True):
        assert one.keys() == other.keys()
        assert all(torch.equal(one[name], other[name]) for name in one)


def test_an_epoch_of_both_ranks_is_every_sample(scene_shards: Path) -> None:
    """Twenty samples, four a step: five steps."""
    both = [read(scene_shards, 0, 5, workers=0, rank=r) for r in (0, 1)]
    found = {row.numpy().tobytes() for steps in both for b in steps for row in b["moments"]}
    assert len(found) == 20
