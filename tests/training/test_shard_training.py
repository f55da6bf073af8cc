"""Training on shards: as from a folder, resumed in the middle of an epoch, mirrored by half."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from pandiff.coco import PanopticFolder
from pandiff.codec import PanopticCodec
from pandiff.errors import InputError
from pandiff.training.config import TrainConfig
from pandiff.training.loop import make_task, train
from pandiff.training.pdm_task import PdmTask
from pandiff.training.prepare import prepare
from pandiff.training.tracker import Tracker

Make = Callable[..., TrainConfig]


@pytest.fixture
def shards(tiny_config: Make, toy_data: Path, tmp_path: Path) -> Path:
    """The twelve samples of `toy_data` in three shards."""
    prepare(tiny_config("pdm"), toy_data, tmp_path / "shards", shard_size=4)
    return tmp_path / "shards"


def test_it_trains_and_resumes_in_the_middle_of_an_epoch(
    tiny_config: Make, shards: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = tiny_config("pdm", steps=4)  # an epoch is three steps
    train(config, shards, tmp_path / "whole")

    def interrupt(self: Tracker, step: int, *others: object) -> None:
        if step == 3:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(Tracker, "log", interrupt)
        train(replace(config, save_every=2), shards, tmp_path / "cut")
    assert json.loads((tmp_path / "cut/checkpoint/state.json").read_text())["step"] == 2
    train(replace(config, save_every=2), shards, tmp_path / "cut")
    for name in ("network", "ema", "optimizer"):
        one, other = (
            load_file(tmp_path / run / f"checkpoint/{name}.safetensors") for run in ("whole", "cut")
        )
        torch.testing.assert_close(one, other, rtol=0, atol=0)
    assert not (tmp_path / "whole/encoded.safetensors").exists()


def test_samples_are_the_folders_or_their_mirror_images(
    tiny_config: Make, toy_data: Path, shards: Path, tmp_path: Path
) -> None:
    task = make_task(tiny_config("pdm"), shards, tmp_path, torch.device("cpu"))
    assert isinstance(task, PdmTask)
    batch = task.dataset.__getitems__([0, 1])
    draws = task.draw(2, torch.Generator().manual_seed(0))
    draws["flip"] = torch.tensor([False, True])
    seen = task.data.view(batch, draws)
    folder = PanopticFolder.open(toy_data)
    codec = PanopticCodec(folder.taxonomy)
    for k, panoptic in enumerate([folder.panoptic(0), folder.panoptic(1).flip()]):
        labels = codec.prepare(panoptic, (16, 16))
        assert torch.equal(seen["category"][k], torch.from_numpy(labels.category))
    assert seen["latents"].shape == (2, 4, 8, 8)


def test_shards_of_other_encoders_are_refused(
    tiny_config: Make, shards: Path, tmp_path: Path
) -> None:
    config = replace(tiny_config("pdm"), latent_scale=0.5)
    (tmp_path / "run").mkdir()
    with pytest.raises(InputError, match="shards of this"):
        train(replace(config, size=32), shards, tmp_path / "run")


def test_only_a_pdm_trains_on_shards(tiny_config: Make, shards: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="only a pdm trains on shards"):
        train(tiny_config("vae"), shards, tmp_path / "run")
