"""A dataset encoded once, with the encoders and sizes of a training run."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import torch

from pandiff.coco import PanopticFolder
from pandiff.data.shards import ShardEncoding, ShardIndex, ShardWriter
from pandiff.errors import InputError
from pandiff.models.encoders import latent_factor
from pandiff.precision import resolve_precision
from pandiff.training.config import TrainConfig
from pandiff.training.pdm_data import encoders_of
from pandiff.training.task import check_filled


def prepare(
    config: TrainConfig,
    data: Path,
    out: Path,
    *,
    split: str | None = None,
    shard_size: int = 1000,
    progress: Callable[[int, int], None] | None = None,
) -> ShardIndex | None:
    """Encode a dataset into shards; the same call goes on where it stopped.

    Under `torchrun` each process writes its share (RANK, WORLD_SIZE, LOCAL_RANK).

    Args:
        config: of the run: `encoders`, `size`, `precision` and `workers` count here.
        data: any COCO panoptic dataset: see `CocoLayout.find`.
        out: folder of the shards; new, empty, or begun with the same settings.
        split: which split of the original COCO layout.
        shard_size: images of a shard.
        progress: called with (images done, images of this process).

    Returns:
        What was written; None in all processes but the first.

    Raises:
        InputError: if the data or encoders cannot be read or do not fit the settings, or `out`
            holds something else.
    """
    if config.task != "pdm":
        raise InputError("the settings of a pdm", f"of a {config.task}", "choose another --preset")
    folder = PanopticFolder.open(data, split)
    check_filled(folder, data)
    return ShardWriter(
        folder,
        shard_encoding(config),
        out,
        shard_size,
        rank=int(os.environ.get("RANK", 0)),
        world=int(os.environ.get("WORLD_SIZE", 1)),
        workers=config.workers,
        progress=progress,
    ).write()


def shard_encoding(config: TrainConfig) -> ShardEncoding:
    """The frozen encoders that a run names, on this process's device, and its sizes.

    `model.context_length` and `model.image_prompt_length` count too, where they are set.
    """
    e = encoders_of(config, _device())
    factor = latent_factor(e.vae)
    if config.size % factor:
        raise InputError(f"a size that {factor} divides", str(config.size), "change it")
    settings = config.model
    prompts = settings.get("image_prompt_length", ShardEncoding.image_prompt_length)
    return ShardEncoding(
        vae=e.vae,
        text=e.text.with_length(int(settings.get("context_length", e.text.length))),
        size=config.size,
        precision=resolve_precision(config.precision, e.vae.device),
        image_encoder=e.image_encoder,
        image_prompt_length=prompts,
    )


def _device() -> torch.device:
    if not torch.cuda.is_available():
        return torch.device("cpu")
    return torch.device("cuda", int(os.environ.get("LOCAL_RANK", 0)))
