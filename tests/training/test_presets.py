"""Every preset builds its network at full size and has a finite loss."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from pandiff.data.scenes import write_scenes
from pandiff.training.loop import make_task
from pandiff.training.presets import PRESETS, preset

HERE = [name for name in PRESETS if not name.startswith("coco")]
"""The presets whose encoders are in the package; tests/training/test_cost.py has the others."""


@pytest.mark.parametrize("name", HERE)
def test_presets_build_and_have_a_loss(name: str, toy_data: Path, tmp_path: Path) -> None:
    config = preset(name)
    if config.task in ("pdm", "image-prompt"):
        config = replace(config, encoders="scenes")
    data = toy_data
    if config.init:  # a model knows the categories that it was trained on
        data = tmp_path / "scenes"
        write_scenes(data, 2)
    task = make_task(config, data, tmp_path, torch.device("cpu"))
    draws = task.draw(2, torch.Generator().manual_seed(0))
    losses = task.losses(task.network, task.dataset.__getitems__([0, 1]), draws)
    assert torch.isfinite(losses["loss"])
    losses["loss"].backward()
    assert any(p.grad is not None and p.grad.any() for p in task.network.parameters())
