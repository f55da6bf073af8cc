"""Presets: what `pandiff train --preset NAME` starts from."""

from __future__ import annotations

from collections.abc import Callable

from pandiff.diffusion.levels import PatternWeights
from pandiff.errors import InputError
from pandiff.training import coco_presets as coco
from pandiff.training.config import Optim, TrainConfig


def scenes_vae() -> TrainConfig:
    """The small VAE of the built-in world: 128 px to 4 x 32 x 32."""
    return TrainConfig(
        task="vae",
        steps=4500,
        batch_size=8,
        optim=Optim(lr=1.5e-3, warmup=100, weight_decay=0.01, cooldown=0.4),
    )


def scenes_clip() -> TrainConfig:
    """The small CLIP of the built-in world."""
    return TrainConfig(
        task="clip",
        steps=800,
        batch_size=96,
        optim=Optim(lr=1e-3, warmup=100, weight_decay=0.05, cooldown=0.4),
    )


def scenes_text() -> TrainConfig:
    """The CLIP's text encoder goes on, until its tokens tell what the map of a caption holds."""
    return TrainConfig(
        task="text",
        steps=2000,
        batch_size=192,
        optim=Optim(lr=1e-3, warmup=50, weight_decay=0.02, cooldown=0.6, ema=0.99),
    )


def scenes_swin() -> TrainConfig:
    """The small Swin-V2 of the built-in world's image prompts."""
    return TrainConfig(
        task="swin",
        steps=1500,
        batch_size=64,
        optim=Optim(lr=1e-3, warmup=100, weight_decay=0.05, cooldown=0.5, ema=0.99),
    )


def scenes() -> TrainConfig:
    """The panoptic diffusion model of the built-in world: 176 tokens, 12.5 M parameters.

    A token is 16 px: 4 x 4 cells of the latent, 8 x 8 of the map. Tokens this wide learn the clean
    image sooner than the noise in it. What a prompt asks for is learnt above 0.9 of the noise,
    where six in ten of the levels of "joint" are drawn (docs/log.md).
    """
    return TrainConfig(
        task="pdm",
        steps=4800,
        batch_size=32,
        ratio=2,
        min_area=48,
        image_prompt_dropout=0.65,
        thing_weight=3.0,
        joint_shift=15.0,
        patterns=PatternWeights(
            joint=0.48,
            map_given=0.11,
            image_given=0.13,
            part_given=0.2,
            image_alone=0.02,
            independent=0.06,
        ),
        model={
            "patch_size": 4,
            "image_prediction": "sample",
            "modulation": True,
            "image_prompt_length": 16,
        },
        optim=Optim("muon", lr=8e-4, warmup=300),
    )


def scenes_image_prompts() -> TrainConfig:
    """The Swin-V2 goes on, until the model of the built-in world makes what it sees.

    Which things there are, and where, is decided above 0.9 of the noise: below, the noisy pair
    tells it, and a prompt adds nothing (docs/log.md).
    """
    return TrainConfig(
        task="image-prompt",
        steps=900,
        batch_size=32,
        ratio=2,
        min_area=48,
        image_prompt_dropout=0.0,
        text_dropout_image_given=0.8,
        joint_shift=30.0,
        patterns=PatternWeights(1, 0, 0, 0, 0, 0),
        optim=Optim(lr=1e-3, warmup=20, cooldown=0.4),
        init="scenes",
    )


def scenes_segmenter() -> TrainConfig:
    """The small segmenter that measures what the model of the built-in world generates."""
    return TrainConfig(
        task="segmenter",
        steps=1000,
        batch_size=32,
        optim=Optim(lr=3e-3, warmup=50, weight_decay=0.02, cooldown=0.6, ema=0.99),
    )


PRESETS: dict[str, Callable[[], TrainConfig]] = {
    "scenes-vae": scenes_vae,
    "scenes-clip": scenes_clip,
    "scenes-text": scenes_text,
    "scenes-swin": scenes_swin,
    "scenes": scenes,
    "scenes-image-prompts": scenes_image_prompts,
    "scenes-segmenter": scenes_segmenter,
    "coco256-unified": coco.coco256_unified,
    "coco256-unified-m": coco.coco256_unified_m,
    "coco256-two-stream": coco.coco256_two_stream,
    "coco256-two-stream-m": coco.coco256_two_stream_m,
    "coco256-two-stream-pixart": coco.coco256_two_stream_pixart,
    "coco512-unified": coco.coco512_unified,
    "coco512-unified-m": coco.coco512_unified_m,
}


def preset(name: str) -> TrainConfig:
    """The preset of this name; InputError lists the known ones."""
    if name not in PRESETS:
        raise InputError(f"a preset of {', '.join(PRESETS)}", repr(name), "choose one")
    return PRESETS[name]()
