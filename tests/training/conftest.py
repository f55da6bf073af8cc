"""Tiny networks to train."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file

from pandiff.training.config import Optim, TrainConfig

MODELS: dict[str, dict[str, Any]] = {
    "vae": {"latent_channels": 4, "block_out_channels": [8, 16]},
    "decoder": {},
    "clip": {"width": 32, "layers": 1},
    "text": {},
    "swin": {"patch_size": 8, "embed_dim": 24, "depths": [1, 1], "window_size": 4},
    "pdm": {"patch_size": 4, "width": 32, "depth": 3, "heads": 2},
}


@pytest.fixture(scope="session")
def made_latents(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Latents of eight images of `toy_data`, as no model made them."""
    path = tmp_path_factory.mktemp("latents") / "latents.safetensors"
    noise = torch.randn(8, 4, 8, 8, generator=torch.Generator().manual_seed(0))
    save_file({"index": torch.arange(8) + 2, "latents": noise.half()}, path)
    return path


@pytest.fixture(scope="session")
def tiny_config(tiny_model: Path, made_latents: Path) -> Callable[..., TrainConfig]:
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
            init=str(tiny_model) if task == "decoder" else None,
            latents=str(made_latents) if task == "decoder" else None,
            optim=Optim(lr=2e-3, warmup=2, ema=0.9),
            log_every=1,
            save_every=3,
            preview_every=1000,
        )
        return replace(base, **changes)

    return make
