"""A dataset folder encoded once: latents, labels and tokens, cached in safetensors."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from diffusers import AutoencoderKL
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.utils.data import Dataset
from transformers import Swinv2Model

from pandiff.coco import PanopticFolder
from pandiff.codec import PanopticCodec
from pandiff.data.images import fit
from pandiff.models.encoders import encode_pixels, latent_statistics, to_pixels
from pandiff.models.image_prompt import encode_image_prompts
from pandiff.models.text import TextEncoders
from pandiff.panoptic import PanopticMap
from pandiff.precision import autocast

CAPTIONS = 5
"""Captions kept of each image; fewer are repeated."""


@dataclass(frozen=True)
class Encoding:
    """How a folder is encoded.

    Attributes:
        vae, text, codec: the encoders.
        size: side of the images in pixels.
        map_size: side of the map in cells.
        image_encoder: makes image prompts of the images; None for none.
        image_prompt_length: tokens of an image prompt.
    """

    vae: AutoencoderKL
    text: TextEncoders
    codec: PanopticCodec
    size: int
    map_size: int
    image_encoder: Swinv2Model | None = None
    image_prompt_length: int = 4

    def key(self, data: Path) -> str:
        """Fingerprint of everything that the encoded tensors depend on."""
        parts: dict[str, Any] = {
            "data": [str(data.resolve()), (data / "panoptic.json").stat().st_mtime_ns]
            if (data / "panoptic.json").exists()
            else str(data.resolve()),
            "codec": self.codec.to_config(),
            "vae": fingerprint(self.vae),
            "latents": [m.flatten().tolist() for m in latent_statistics(self.vae)],
            "vocabulary": [v for t in self.text.tokenizers for v in sorted(t.get_vocab().items())],
            "sizes": [self.size, self.map_size, *self.text.lengths],
        }
        if self.image_encoder is not None:
            parts["image_prompts"] = [fingerprint(self.image_encoder), self.image_prompt_length]
        return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()

    @torch.inference_mode()
    def encode(
        self,
        folder: PanopticFolder,
        progress: Callable[[Iterable[Any]], Iterable[Any]] = iter,
        batch: int = 64,
    ) -> dict[str, Tensor]:
        """Encode a whole folder.

        Returns:
            latents (N, C, h, w) float16, whitened; category, instance, color
            (N, map_size, map_size) uint8; tokens (N, CAPTIONS, L) int32, of all tokenizers in turn;
            with an image encoder image_prompt (N, image_prompt_length, D) float16.
        """
        rows: list[dict[str, Tensor]] = []
        for start in progress(range(0, len(folder), batch)):
            rows.append(self._batch(folder, range(start, min(start + batch, len(folder)))))
        return {name: torch.cat([r[name] for r in rows]).contiguous() for name in rows[0]}

    def _batch(self, folder: PanopticFolder, indices: range) -> dict[str, Tensor]:
        images = [fit(folder.image(k).convert("RGB"), self.size) for k in indices]
        pixels = torch.stack([to_pixels(i) for i in images]).to(self.vae.device)
        with autocast(pixels.device):
            latents = encode_pixels(self.vae, pixels).half().cpu()
        maps = [fit_map(folder.panoptic(k), self.size) for k in indices]
        labels = [self.codec.prepare(m, (self.map_size, self.map_size)) for m in maps]
        arrays = {
            name: torch.stack([torch.from_numpy(getattr(one, name)) for one in labels])
            for name in ("category", "instance", "color")
        }
        captions = [_repeat(folder.captions(k), CAPTIONS) for k in indices]
        flat = [c for several in captions for c in several]
        tokens = self.text.tokenize(flat).to(torch.int32)
        encoded = {"latents": latents, **arrays, "tokens": tokens.view(len(images), CAPTIONS, -1)}
        if self.image_encoder is not None:
            prompts = encode_image_prompts(self.image_encoder, pixels, self.image_prompt_length)
            encoded["image_prompt"] = prompts.half().cpu()
        return encoded


def fingerprint(network: nn.Module) -> str:
    """SHA-256 of a network's weights."""
    weights = hashlib.sha256()
    for name, tensor in sorted(network.state_dict().items()):
        weights.update(name.encode() + tensor.float().cpu().numpy().tobytes())
    return weights.hexdigest()


def fit_map(panoptic: PanopticMap, size: int) -> PanopticMap:
    """`images.fit` for maps: nearest resize of the short side to `size`, middle square."""
    if panoptic.size == (size, size):
        return panoptic
    scale = size / min(panoptic.size)
    width, height = (max(size, round(side * scale)) for side in panoptic.size)
    left, top = (width - size) // 2, (height - size) // 2
    resized = panoptic.resize((width, height))
    return resized.with_ids(resized.ids[top : top + size, left : left + size])


def _repeat(captions: list[str], n: int) -> list[str]:
    captions = captions or [""]
    return [captions[k % len(captions)] for k in range(n)]


def load_or_encode(
    data: Path,
    cache: Path,
    encoding: Encoding,
    progress: Callable[[Iterable[Any]], Iterable[Any]] = iter,
) -> dict[str, Tensor]:
    """The encoded folder, from `cache` if it was made of the same data by the same encoders."""
    key = encoding.key(data)
    if cache.exists():
        with safe_open(cache, "pt") as file:
            if (file.metadata() or {}).get("key") == key:
                return load_file(cache)
    tensors = encoding.encode(PanopticFolder.open(data), progress)
    cache.parent.mkdir(parents=True, exist_ok=True)
    fresh = cache.with_suffix(".new")
    save_file(tensors, fresh, metadata={"key": key})
    os.replace(fresh, cache)
    return tensors


class EncodedDataset(Dataset[dict[str, Tensor]]):
    """Encoded tensors, read by the batch.

    Args:
        tensors: what `Encoding.encode` returned.
    """

    def __init__(self, tensors: dict[str, Tensor]) -> None:
        self.tensors = tensors

    def __len__(self) -> int:
        return len(self.tensors["latents"])

    def __getitem__(self, index: int) -> dict[str, Tensor]:
        return {name: tensor[index] for name, tensor in self.tensors.items()}

    def __getitems__(self, indices: list[int]) -> dict[str, Tensor]:
        rows = torch.tensor(indices)
        return {name: tensor[rows] for name, tensor in self.tensors.items()}
