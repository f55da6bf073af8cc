"""The cost of a run, and the presets for COCO at their full size."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
import torch

from pandiff.cli import main
from pandiff.diffusion import Levels, StreamSchedules, objective
from pandiff.training.config import TrainConfig
from pandiff.training.cost import _sizes, estimate, example, published
from pandiff.training.network import make_network
from pandiff.training.optimizer import make_optimizer
from pandiff.training.presets import PRESETS, preset

COCO = [name for name in PRESETS if name.startswith("coco")]
SIZE = {  # millions of parameters: in all, trained
    "coco256-unified": (53.7, 53.7),
    "coco256-unified-m": (154.8, 154.8),
    "coco256-two-stream": (97.6, 52.9),
    "coco256-two-stream-m": (284.4, 153.6),
    "coco256-two-stream-pixart": (1287.4, 676.6),
    "coco512-unified": (54.6, 54.6),
    "coco512-unified-m": (156.2, 156.2),
}
Make = Callable[..., TrainConfig]


def test_a_small_runs_cost_by_hand(tiny_config: Make) -> None:
    """Two operations for each weight and token; attention, convolutions and levels come on top."""
    cost = estimate(tiny_config("pdm"), categories=3)
    assert cost.tokens == {"image": 4, "map": 4, "text": 12, "levels": 2}
    trunk = 3 * (4 * 32 * 32 + 2 * 4 * 32 * 32) + 2 * 32 * 32  # blocks, and a long skip
    least = 3 * 4 * 2 * trunk * 22  # forward and backward, four samples
    assert least < cost.flops < 10 * least
    assert cost.weights == 20 * cost.parameters == 20 * cost.trained
    assert cost.activations > 22 * 32 * 4 * 3 * 8


def test_the_work_grows_with_batch_and_the_memory_does_not(tiny_config: Make) -> None:
    one = estimate(tiny_config("pdm"))
    two = estimate(replace(tiny_config("pdm"), batch_size=8))
    assert two.flops == 2 * one.flops
    assert two.activations == one.activations


@pytest.mark.parametrize("name", COCO)
def test_the_presets_sizes(name: str) -> None:
    cost = estimate(preset(name))
    assert (round(cost.parameters / 1e6, 1), round(cost.trained / 1e6, 1)) == SIZE[name]
    assert cost.tokens["image"] == cost.tokens["map"] == 256


def test_dry_run_needs_no_data(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["train", "--preset", "coco256-unified", "--dry-run"]) == 0
    out = capsys.readouterr().err
    for word in ("parameters:  53.7 M", "607 a sample", "TFLOP a step of 256", "GiB of weights"):
        assert word in out


def test_a_run_needs_data_and_a_folder(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["train", "--preset", "scenes", "--out", "x"]) == 2
    assert "expected --data, got none" in capsys.readouterr().err


@pytest.mark.slow
@pytest.mark.parametrize("name", COCO)
def test_a_preset_takes_two_steps_at_full_size(name: str) -> None:
    config = preset(name)
    network = make_network(config, _sizes(config, 133), published(config.backbone))
    frozen = {n for n, p in network.named_parameters() if not p.requires_grad}
    assert bool(frozen) == (config.network == "two-stream")
    optimizer = make_optimizer(config.optim, network)
    layout, schedules = network.layout, StreamSchedules.of(network)
    clean, t, context = example(network, 1)
    levels = Levels(t[:, 0], t, torch.zeros(1, layout.known_channels, *clean.shape[-2:]))
    for _ in range(2):
        losses = objective(
            network, layout, schedules, clean, context, levels, torch.randn_like(clean),
            network.config.image_prediction,
        )  # fmt: skip
        (losses.image + losses.panoptic).backward()
        assert losses.image.isfinite() and losses.panoptic.isfinite()
        optimizer.step()
        optimizer.zero_grad()
