"""Where a pdm run's samples come from: a dataset folder, encoded into a cache, or shards."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Protocol

import torch
from torch.utils.data import Dataset

from pandiff.coco import PanopticFolder
from pandiff.data.encoded import EncodedDataset, Encoding, load_or_encode
from pandiff.data.shards import ShardDataset, ShardEncoding, is_shards, view
from pandiff.data.shards.source import open_source
from pandiff.pipeline import Encoders, load_encoders, resolve
from pandiff.taxonomy import VOID, Taxonomy
from pandiff.training.config import TrainConfig
from pandiff.training.progress import track
from pandiff.training.task import Tensors, check_filled

PREVIEWS = 8
"""Captions that previews are made of."""


def encoders_of(config: TrainConfig, device: torch.device | str) -> Encoders:
    """The frozen encoders that a run names."""
    encoders = load_encoders(
        resolve(config.encoders or config.init or "scenes"),
        device,
        image_encoder=config.image_encoder,
    )
    if config.latent_scale is not None:
        encoders.vae.register_to_config(scaling_factor=config.latent_scale)
    return encoders


class PdmData(Protocol):
    """Samples for a pdm.

    Attributes:
        taxonomy: of their maps.
        captions: of the first of them, for previews; there once they are read.
    """

    taxonomy: Taxonomy
    captions: list[str]

    def read(self, encoding: Encoding) -> tuple[Dataset[Any], bool]:
        """The dataset, and whether its maps have void."""
        ...

    def draw(self, n: int, shape: tuple[int, ...], generator: torch.Generator) -> Tensors:
        """What a step draws for the samples themselves; shape: of a latent."""
        ...

    def view(self, batch: Tensors, draws: Tensors) -> Tensors:
        """Latents, labels, tokens[, image_prompt] of a batch."""
        ...


class FolderData:
    """A dataset folder, encoded once into a file."""

    def __init__(self, data: Path, cache: Path) -> None:
        self.data, self.cache = data, cache
        folder = PanopticFolder.open(data)
        check_filled(folder, data)
        self.taxonomy = folder.taxonomy
        some = range(min(PREVIEWS, len(folder)))
        self.captions = [(folder.captions(k) or [""])[0] for k in some]

    def read(self, encoding: Encoding) -> tuple[Dataset[Any], bool]:
        tensors = load_or_encode(self.data, self.cache, encoding, _bar)
        return EncodedDataset(tensors), bool((tensors["category"] == VOID).any())

    def draw(self, n: int, shape: tuple[int, ...], generator: torch.Generator) -> Tensors:
        return {}

    def view(self, batch: Tensors, draws: Tensors) -> Tensors:
        return batch


class ShardData:
    """Shards of `pandiff prepare`, in a folder or at an address; half of them are mirrored."""

    def __init__(self, location: str | Path) -> None:
        self.location = location
        self.taxonomy = open_source(location).index.taxonomy
        self.captions: list[str] = []

    def read(self, encoding: Encoding) -> tuple[Dataset[Any], bool]:
        dataset = ShardDataset(self.location, encoding.codec, encoding.map_size)
        check_filled(dataset, self.location)
        some = range(min(PREVIEWS, len(dataset)))
        self.captions = [(dataset.meta(k)["captions"] or [""])[0] for k in some]
        ShardEncoding(
            vae=encoding.vae,
            text=encoding.text,
            size=encoding.size,
            image_encoder=encoding.image_encoder,
            image_prompt_length=encoding.image_prompt_length,
        ).check(dataset.index)
        return dataset, dataset.index.void

    def draw(self, n: int, shape: tuple[int, ...], generator: torch.Generator) -> Tensors:
        flip = torch.rand(n, generator=generator) < 0.5
        return {"flip": flip, "posterior": torch.randn(n, *shape, generator=generator)}

    def view(self, batch: Tensors, draws: Tensors) -> Tensors:
        return view(batch, draws["flip"], draws["posterior"])


def open_data(data: str | Path, cache: Path) -> PdmData:
    """A dataset folder or shards; InputError if it is neither."""
    return ShardData(data) if is_shards(data) else FolderData(Path(data), cache)


def _bar(iterable: Any) -> Any:
    return track(iterable, "encoding")
