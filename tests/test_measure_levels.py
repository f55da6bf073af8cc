"""The script that tells at which levels prompts matter: what it holds fixed, and what it varies."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch

from pandiff.training.config import TrainConfig
from pandiff.training.pdm_task import PdmTask


@pytest.fixture(scope="module")
def script(load_script: Callable[[str], ModuleType]) -> Any:
    return load_script("measure_levels")


def test_conditions_differ_in_the_prompts_alone(
    script: Any, tiny_model: Path, toy_data: Path, tmp_path: Path
) -> None:
    config = TrainConfig("pdm", init=str(tiny_model), size=64, ratio=2)
    task = PdmTask(config, toy_data, torch.device("cpu"), tmp_path / "cache.safetensors")
    one = script.draws_at(task, 4, 0.9, True, False, 3)
    other = script.draws_at(task, 4, 0.9, False, True, 3)
    assert {k for k in one if not torch.equal(one[k], other[k])} == {"drop", "prompted"}
    assert one["t"].unique().tolist() == [900]
    assert not one["known"].any()
    assert not one["drop"].any()
    assert other["prompted"].all()
    rows = [script.losses(task, 5, level, True, False, 0, 3) for level in (0.05, 0.99)]
    assert rows[0]["map"] != rows[1]["map"]
    with torch.inference_mode():
        batch = task.dataset.__getitems__([0, 1, 2, 3, 4])
        whole = task.losses(task.network, batch, script.draws_at(task, 5, 0.99, True, False, 0))
    assert script.losses(task, 5, 0.99, True, False, 0, 8)["map"] == pytest.approx(
        whole["map"].item()
    )
