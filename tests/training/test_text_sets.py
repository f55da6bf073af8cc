"""Training with the text encoders of every backbone: one step, and the pipeline that comes out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from pandiff.pipeline import PanopticDiffusionPipeline
from pandiff.training.config import TrainConfig
from pandiff.training.loop import train
from pandiff.training.pdm_task import PdmTask

Make = Callable[..., TrainConfig]


@pytest.fixture(params=["sd15", "pixart", "sd3"])
def config(request: pytest.FixtureRequest, tiny_config: Make, hub: Path) -> TrainConfig:
    return replace(tiny_config("pdm", encoders=str(hub / request.param), steps=1), batch_size=2)


def test_trains_and_samples(config: TrainConfig, toy_data: Path, tmp_path: Path) -> None:
    train(config, toy_data, tmp_path)
    pipe = PanopticDiffusionPipeline.from_pretrained(tmp_path / "model")
    pipe.set_progress_bar_config(disable=True)
    assert pipe.transformer.config.context_length == pipe.text.length
    assert pipe.transformer.config.context_dim == pipe.text.dim
    assert pipe("a red box", num_inference_steps=1).images[0].size == (64, 64)


@torch.no_grad()
def test_contexts_of_a_batch(config: TrainConfig, toy_data: Path, tmp_path: Path) -> None:
    """Each row is one of its image's captions, or the empty prompt where it is dropped."""
    task = PdmTask(config, toy_data, torch.device("cpu"), tmp_path / "cache.safetensors")
    batch = task.dataset.__getitems__([0, 1, 2])
    draws = {"caption": torch.tensor([0.0, 0.3, 0.9]), "drop": torch.tensor([False, False, True])}
    context = task._context(batch, draws)
    captions = ["a red box", "two red boxes on the ground below the sky", ""]
    expected = task.text.encode_prompts(captions)
    torch.testing.assert_close(context.text, expected.text)
    torch.testing.assert_close(context.pooled, expected.pooled)
    torch.testing.assert_close(context.mask, expected.mask)
