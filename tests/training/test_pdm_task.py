"""What a pdm's task weighs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import torch

from pandiff.training.config import TrainConfig
from pandiff.training.pdm_task import IMAGE_GIVEN, MAP_GIVEN, PdmTask

Make = Callable[..., TrainConfig]


def test_cells_with_things_weigh_more_where_it_is_settled_what_is_a_thing(
    tiny_config: Make, toy_data: Path, tmp_path: Path
) -> None:
    def task(weight: float) -> PdmTask:
        config = tiny_config("pdm", thing_weight=weight)
        return PdmTask(config, toy_data, torch.device("cpu"), tmp_path / "cache.safetensors")

    heavy = task(3.0)
    stuff, thing = (list(heavy.data.taxonomy.isthing).index(b, 1) for b in (False, True))
    category = torch.full((4, 8, 8), stuff)
    category[:, :2, :3] = thing  # a cell and a half
    pattern = torch.tensor([0, 0, MAP_GIVEN, IMAGE_GIVEN])
    t = torch.tensor([[900, 900], [300, 300], [900, 0], [0, 900]])
    weights = heavy._image_weights(category, pattern, t)
    assert weights is not None
    assert weights.shape == (4, 1, 4, 4)
    assert (weights[0] == 1).all(), "at much noise nothing is settled"
    assert weights[1:, 0, 0].tolist() == [[3.0, 2.0, 1.0, 1.0]] * 3
    assert (weights[:, :, 1:] == 1).all()
    assert task(1.0)._image_weights(category, pattern, t) is None
