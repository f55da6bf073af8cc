"""Tiny networks to train."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from pandiff.training.config import Optim, TrainConfig
from pandiff.training.loop import train
from pandiff.training.tracker import Tracker

MODELS: dict[str, dict[str, Any]] = {
    "vae": {"latent_channels": 4, "block_out_channels": [8, 16]},
    "clip": {"width": 32, "layers": 1},
    "text": {},
    "swin": {"patch_size": 8, "embed_dim": 24, "depths": [1, 1], "window_size": 4},
    "image-prompt": {},
    "pdm": {"patch_size": 4, "width": 32, "depth": 3, "heads": 2},
}


@pytest.fixture(scope="session")
def tiny_config(tiny_model: Path) -> Callable[..., TrainConfig]:
    """The settings of a tiny run of a task, with changes."""

    def make(task: str, **changes: Any) -> TrainConfig:
        base = TrainConfig(
            task,
            steps=6,
            batch_size=4,
            size=64,
            precision="no",
            model=MODELS[task],
            ratio=2,
            encoders=str(tiny_model) if task in ("text", "swin", "pdm") else None,
            optim=Optim(lr=2e-3, warmup=2, ema=0.9),
            log_every=1,
            save_every=3,
            preview_every=1000,
        )
        return replace(base, **changes)

    return make


@pytest.fixture
def with_swin(
    tiny_config: Callable[..., TrainConfig], tiny_model: Path, toy_data: Path, tmp_path: Path
) -> Path:
    """The tiny model's folder, and an image encoder in it."""
    train(tiny_config("swin", steps=1), toy_data, tmp_path / "swin")
    encoders = tmp_path / "encoders"
    shutil.copytree(tiny_model, encoders)
    shutil.copytree(tmp_path / "swin/model/image_encoder", encoders / "image_encoder")
    return encoders


@pytest.fixture
def with_prompts(
    tiny_config: Callable[..., TrainConfig],
    tiny_model: Path,
    with_swin: Path,
    toy_data: Path,
    tmp_path: Path,
) -> Path:
    """A model that takes image prompts."""
    config = tiny_config("pdm", init=str(tiny_model), encoders=str(with_swin), steps=2)
    return train(replace(config, image_prompt_dropout=0.0), toy_data, tmp_path / "prompted")


@pytest.fixture
def check_resume(
    toy_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[[TrainConfig], Path]:
    """Train in one go, and again with a break at step 5: all is the same, bit by bit."""

    def check(config: TrainConfig) -> Path:
        whole, cut = tmp_path / "whole", tmp_path / "cut"
        train(config, toy_data, whole)

        def interrupt(self: Tracker, step: int, *others: object) -> None:
            if step == 5:
                raise KeyboardInterrupt

        with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
            patch.setattr(Tracker, "log", interrupt)
            train(config, toy_data, cut)
        train(config, toy_data, cut)
        for name in ("network", "ema", "optimizer"):
            one, other = (load_file(p / f"checkpoint/{name}.safetensors") for p in (whole, cut))
            torch.testing.assert_close(one, other, rtol=0, atol=0)
        return cut

    return check
