"""Presets: what `pandiff train --preset NAME` starts from."""

from __future__ import annotations

from collections.abc import Callable

from pandiff.errors import InputError
from pandiff.training.config import Optim, TrainConfig


def scenes_vae() -> TrainConfig:
    """The small VAE of the built-in world: 128 px to 8 x 16 x 16."""
    return TrainConfig(
        task="vae",
        steps=1500,
        batch_size=64,
        optim=Optim(lr=1.5e-3, warmup=100, weight_decay=0.01, cooldown=0.4),
    )


def scenes_clip() -> TrainConfig:
    """The small CLIP of the built-in world."""
    return TrainConfig(
        task="clip",
        steps=1200,
        batch_size=192,
        optim=Optim(lr=1e-3, warmup=100, weight_decay=0.05, cooldown=0.4),
    )


def scenes() -> TrainConfig:
    """The panoptic diffusion model of the built-in world: 160 tokens, 8 M parameters."""
    return TrainConfig(task="pdm", steps=5000, batch_size=40, optim=Optim(lr=8e-4, warmup=300))


PRESETS: dict[str, Callable[[], TrainConfig]] = {
    "scenes-vae": scenes_vae,
    "scenes-clip": scenes_clip,
    "scenes": scenes,
}


def preset(name: str) -> TrainConfig:
    """The preset of this name; InputError lists the known ones."""
    if name not in PRESETS:
        raise InputError(f"a preset of {', '.join(PRESETS)}", repr(name), "choose one")
    return PRESETS[name]()
