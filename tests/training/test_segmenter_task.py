"""Training of the segmenter: it learns, it is exported, disturbances leave the labels alone."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import one_hot, pixel_unshuffle

from pandiff.codec.labels import LabelBatch
from pandiff.data.scenes import write_scenes
from pandiff.evaluation.segmenter import load_segmenter
from pandiff.models.segmenter import PATCH
from pandiff.training.config import Optim, TrainConfig
from pandiff.training.loop import train
from pandiff.training.presets import preset
from pandiff.training.segmenter_task import SegmenterTask, disturb


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("scenes")
    write_scenes(folder, 8, size=32)
    return folder


@pytest.fixture(scope="module")
def config() -> TrainConfig:
    return replace(
        preset("scenes-segmenter"),
        steps=120,
        optim=Optim(lr=5e-3, warmup=5, cooldown=0.3),
        batch_size=8,
        size=32,
        precision="no",
        model={"widths": [16, 24]},
        log_every=1,
        preview_every=120,
    )


def test_it_learns_and_is_exported(data: Path, config: TrainConfig, tmp_path: Path) -> None:
    folder = train(config, data, tmp_path / "run")
    log = [json.loads(line) for line in (tmp_path / "run/log.jsonl").read_text().splitlines()]
    first, last = (sum(x["loss"] for x in part) for part in (log[:8], log[-8:]))
    assert last < 0.6 * first
    network = load_segmenter(folder)
    assert (tmp_path / "run/previews/0000120.png").exists()
    assert torch.isfinite(network(torch.zeros(1, 3, 32, 32))).all()


class Answer(nn.Module):
    """Knows the maps of a batch by heart, mirrored or not."""

    def __init__(self, task: SegmenterTask, batch: dict[str, Tensor], mirrored: bool) -> None:
        super().__init__()
        category, instance = (
            batch[k].long().flip(-1) if mirrored else batch[k].long()
            for k in ("category", "instance")
        )
        classes = one_hot(category, task.taxonomy.num_classes).permute(0, 3, 1, 2)
        offsets = task.coding.encode(LabelBatch(category, instance, instance))
        self.output = pixel_unshuffle(torch.cat([20.0 * classes, offsets], dim=1), PATCH)

    def forward(self, pixels: Tensor) -> Tensor:
        return self.output


@pytest.mark.parametrize("mirrored", [False, True])
def test_labels_are_mirrored_with_their_images(
    data: Path, config: TrainConfig, mirrored: bool
) -> None:
    task = SegmenterTask(config, data, torch.device("cpu"))
    batch = task.dataset.__getitems__([0, 1, 2, 3])
    draws = task.draw(4, torch.Generator().manual_seed(0))
    draws["flip"] = torch.full((4,), mirrored)
    right = task.losses(Answer(task, batch, mirrored), batch, draws)
    assert right["loss"] < 1e-3 and right["accuracy"] == 1
    assert task.losses(Answer(task, batch, not mirrored), batch, draws)["loss"] > 0.5


def test_draws_belong_to_samples(data: Path, config: TrainConfig) -> None:
    task = SegmenterTask(config, data, torch.device("cpu"))
    draws = task.draw(3, torch.Generator().manual_seed(0))
    assert {len(v) for v in draws.values()} == {3}
    assert ((draws["blur"] >= 0) & (draws["blur"] <= 1)).all()


def test_disturbances_do_what_they_say() -> None:
    pixels = torch.rand(2, 3, 16, 16) * 2 - 1
    none = {
        "blur": torch.zeros(2, 1, 1, 1),
        "gain": torch.ones(2, 3, 1, 1),
        "shift": torch.zeros(2, 3, 1, 1),
        "noise": torch.zeros(2, 3, 16, 16),
    }
    assert torch.allclose(disturb(pixels, none), pixels)
    assert torch.allclose(disturb(pixels, none | {"shift": none["gain"]}), pixels + 1)
    blurred = disturb(pixels, none | {"blur": torch.ones(2, 1, 1, 1)})
    assert blurred.std() < 0.5 * pixels.std()
    assert torch.allclose(disturb(torch.ones_like(pixels), none | {"blur": torch.ones(2, 1, 1, 1)}),
                          torch.ones_like(pixels))  # fmt: skip
