"""A Swin-V2 that learns what is where."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.nn.functional import adaptive_avg_pool2d

from pandiff.coco import PanopticFolder
from pandiff.training.config import TrainConfig
from pandiff.training.swin_task import TONES, SwinTask

Make = Callable[..., TrainConfig]


@pytest.fixture
def task(tiny_config: Make, toy_data: Path) -> SwinTask:
    return SwinTask(tiny_config("swin"), toy_data, torch.device("cpu"))


def test_places_hold_what_their_pixels_show(task: SwinTask, toy_data: Path) -> None:
    folder = PanopticFolder.open(toy_data)
    batch = task.dataset.__getitems__([1, 0])
    there = task.places(batch["category"], (4, 4))
    assert there.shape == (2, len(folder.taxonomy), 4, 4)
    index = folder.panoptic(1).category_index
    for row, col in np.ndindex(4, 4):
        pixels = index[16 * row : 16 * row + 16, 16 * col : 16 * col + 16].ravel()
        shares = np.bincount(pixels, minlength=len(folder.taxonomy) + 1) / len(pixels)
        assert there[0, :, row, col].tolist() == (shares[1:] >= 1 / 64).tolist()


def test_void_and_slivers_are_nowhere(task: SwinTask) -> None:
    category = torch.zeros(1, 32, 32, dtype=torch.uint8)
    category[0, 0, 0] = 1  # a pixel of the 64 of its place
    category[0, 31, 31] = 2
    category[0, 16:24, 16:24] = 2
    there = task.places(category, (4, 4))
    assert there.sum() == 3
    assert (there[0, 0, 0, 0], there[0, 1, 2, 2], there[0, 1, 3, 3]) == (1, 1, 1)
    assert task.places(category, (2, 2))[0, 0].sum() == 0, "a sliver of a larger place"


def test_who_knows_all_has_no_loss_but_that_of_the_captions(task: SwinTask) -> None:
    batch = task.dataset.__getitems__([0, 1, 2])
    there = task.places(batch["category"], (4, 4))

    class Knows(torch.nn.Module):
        """Tells what is where, and nothing of the captions."""

        logit_scale = torch.nn.Parameter(torch.zeros(()))

        def forward(self, pixels: torch.Tensor, text: torch.Tensor) -> tuple[torch.Tensor, ...]:
            same = torch.ones(len(pixels), 1)
            tones = adaptive_avg_pool2d(pixels, 4 * TONES)
            return same, same, 99.0 * (2 * there - 1), tones

    found = task.losses(Knows(), batch, {"caption": torch.zeros(3)})
    assert found["presence"] < 1e-6
    assert found["color"] < 1e-6
    assert found["loss"].item() == pytest.approx(float(np.log(3)))


def test_it_goes_on_from_a_models_image_encoder(
    tiny_config: Make, task: SwinTask, toy_data: Path, tmp_path: Path
) -> None:
    task.export(task.network, tmp_path)
    config = tiny_config("swin", init=str(tmp_path))
    other = SwinTask(config, toy_data, torch.device("cpu")).network.image_encoder
    for mine, theirs in zip(
        task.network.image_encoder.parameters(), other.parameters(), strict=True
    ):
        assert torch.equal(mine, theirs)
