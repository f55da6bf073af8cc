"""A dataset encoded once, with the encoders and sizes of a training run."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import torch
from diffusers import AutoencoderKL
from transformers import AutoConfig, AutoTokenizer

from pandiff.coco import PanopticFolder
from pandiff.data.shards import ImageEncoder, ShardEncoding, ShardIndex, ShardWriter
from pandiff.errors import InputError
from pandiff.models.encoders import latent_factor
from pandiff.pipeline import reading, resolve
from pandiff.training.config import TrainConfig
from pandiff.training.task import check_filled


def prepare(
    config: TrainConfig,
    data: Path,
    out: Path,
    *,
    split: str | None = None,
    shard_size: int = 1000,
    image_encoder: ImageEncoder | None = None,
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
        image_encoder: of image prompts; None writes none.
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
    silent: Callable[[int, int], None] = lambda done, total: None  # noqa: E731
    return ShardWriter(
        folder,
        shard_encoding(config, image_encoder),
        out,
        shard_size,
        rank=int(os.environ.get("RANK", 0)),
        world=int(os.environ.get("WORLD_SIZE", 1)),
        workers=config.workers,
        progress=progress or silent,
    ).write()


def shard_encoding(config: TrainConfig, image_encoder: ImageEncoder | None = None) -> ShardEncoding:
    """The frozen encoders that a run names, on this process's device."""
    path = resolve(config.encoders or config.init or "scenes")
    with reading("vae, text_encoder and tokenizer", path):
        vae = AutoencoderKL.from_pretrained(path, subfolder="vae").eval()
        tokenizer = AutoTokenizer.from_pretrained(path, subfolder="tokenizer")
        text = AutoConfig.from_pretrained(path, subfolder="text_encoder")
    factor = latent_factor(vae)
    if config.size % factor:
        raise InputError(f"a size that {factor} divides", str(config.size), "change it")
    longest = getattr(text, "max_position_embeddings", tokenizer.model_max_length)
    length = int(config.model.get("context_length", longest))
    return ShardEncoding(
        vae.to(_device()), tokenizer, config.size, length, config.precision, image_encoder
    )


def _device() -> torch.device:
    if not torch.cuda.is_available():
        return torch.device("cpu")
    return torch.device("cuda", int(os.environ.get("LOCAL_RANK", 0)))
