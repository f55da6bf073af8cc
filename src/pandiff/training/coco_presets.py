"""Presets of the paper (Long & Roy 2024, arXiv 2412.02929) for COCO; docs/coco.md compares them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from pandiff.training.config import Optim, TrainConfig

STABLE_DIFFUSION = "stable-diffusion-v1-5/stable-diffusion-v1-5"
"""VAE and CLIP-L."""
SWIN = "microsoft/swinv2-tiny-patch4-window8-256"
PIXART = "PixArt-alpha/PixArt-XL-2-256x256"
UVIT_LATENT_SCALE = 0.2301
"""What U-ViT's authors multiply Stable Diffusion's latents by."""

SMALL: dict[str, Any] = {"width": 512, "depth": 12, "heads": 8}
"""U-ViT-S/2: 13 blocks."""
MIDDLE: dict[str, Any] = {"width": 768, "depth": 16, "heads": 12}
"""U-ViT-M/2: 17 blocks."""


def _coco(**changes: Any) -> TrainConfig:
    base = TrainConfig(
        task="pdm",
        steps=1_000_000,
        batch_size=256,
        size=256,
        ratio=8,
        min_area=2,
        optim=Optim(
            lr=2e-4, betas=(0.9, 0.9), weight_decay=0.03, warmup=5000, cooldown=0.0, ema=0.9999
        ),
        encoders=STABLE_DIFFUSION,
        image_encoder=SWIN,
        workers=8,
        log_every=100,
        save_every=5000,
        preview_every=10000,
    )
    return replace(base, **changes)


def _unified(trunk: dict[str, Any], **model: Any) -> dict[str, Any]:
    prompts = {"image_prompt_length": 16}
    return {"patch_size": 2, "image_prediction": "noise", **prompts, **trunk, **model}


def coco256_unified() -> TrainConfig:
    """Unified, 256 px, U-ViT-S/2; the map at 256 px too."""
    return _coco(model=_unified(SMALL))


def coco256_unified_m() -> TrainConfig:
    """Unified, 256 px, U-ViT-M/2."""
    return _coco(model=_unified(MIDDLE))


def coco512_unified() -> TrainConfig:
    """Unified, 512 px, U-ViT-S/4: as many tokens as at 256 px."""
    return _coco(size=512, batch_size=128, model=_unified(SMALL, patch_size=4))


def coco512_unified_m() -> TrainConfig:
    """Unified, 512 px, U-ViT-M/4."""
    return _coco(size=512, batch_size=128, model=_unified(MIDDLE, patch_size=4))


def _two_stream(**changes: Any) -> TrainConfig:
    base = _coco(network="two-stream", model={"image_prompt_length": 16}, steps=300_000)
    return replace(base, **changes)


def coco256_two_stream() -> TrainConfig:
    """Two streams on U-ViT-S/2, whose published checkpoint --backbone names."""
    return _two_stream(backbone="mscoco_uvit_small.pth", latent_scale=UVIT_LATENT_SCALE)


def coco256_two_stream_m() -> TrainConfig:
    """Two streams on a U-ViT-M/2 that --backbone names."""
    return _two_stream(backbone="mscoco_uvit_mid.pth", latent_scale=UVIT_LATENT_SCALE)


def coco256_two_stream_pixart() -> TrainConfig:
    """Two streams on PixArt-alpha XL/2, with its T5."""
    return _two_stream(
        backbone=PIXART, encoders=PIXART, batch_size=64, accumulate=2, optim=Optim(
            lr=1e-4, betas=(0.9, 0.99), weight_decay=0.03, warmup=5000, cooldown=0.0, ema=0.9999
        ),
    )  # fmt: skip
