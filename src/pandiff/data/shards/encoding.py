"""How the images, maps and captions of a dataset become the samples of shards."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from io import BytesIO
from itertools import islice
from typing import Any

import numpy as np
import torch
from torch import Tensor
from transformers import Swinv2Model

from pandiff.coco import PanopticFolder
from pandiff.data.encoded import fingerprint
from pandiff.data.shards.index import EXTENSIONS, PROMPT, ShardIndex
from pandiff.data.shards.loading import Loaded, load, map_ahead
from pandiff.data.shards.tar import Sample
from pandiff.errors import InputError
from pandiff.models.encoders import latent_statistics, posterior, whiten
from pandiff.models.image_prompt import encode_image_prompts
from pandiff.models.pixel_space import Vae
from pandiff.models.text import TextEncoders
from pandiff.precision import autocast

BATCH = 16
"""Images that pass the encoders at once. A constant: other batches round differently."""


@dataclass(frozen=True)
class ShardEncoding:
    """The frozen encoders and the sizes.

    Attributes:
        vae, text: the encoders.
        size: side of the images and maps in pixels.
        precision: "bf16" or "no", in which the networks run.
        image_encoder: of image prompts; None writes none.
        image_prompt_length: tokens of an image prompt.
    """

    vae: Vae
    text: TextEncoders
    size: int
    precision: str = "no"
    image_encoder: Swinv2Model | None = None
    image_prompt_length: int = 4

    @property
    def extensions(self) -> tuple[str, ...]:
        """The members of every sample, in their order."""
        return EXTENSIONS if self.image_encoder is None else (*EXTENSIONS, PROMPT)

    def settings(self) -> dict[str, Any]:
        """Everything of the encoders that the samples depend on, weights as hashes."""
        vocabularies = [sorted(t.get_vocab().items()) for t in self.text.tokenizers]
        return {
            "size": self.size,
            "text": [type(self.text).__name__, *self.text.lengths],
            "precision": self.precision,
            "vae": fingerprint(self.vae),
            "latents": [s.flatten().tolist() for s in latent_statistics(self.vae)],
            "vocabulary": hashlib.sha256(json.dumps(vocabularies).encode()).hexdigest(),
            **self._prompt_settings(),
        }

    def _prompt_settings(self) -> dict[str, Any]:
        if self.image_encoder is None:
            return {"image_encoder": None}
        weights, length = fingerprint(self.image_encoder), self.image_prompt_length
        return {"image_encoder": weights, "image_prompt_length": length}

    def check(self, index: ShardIndex) -> None:
        """InputError if shards were made by other encoders, or at another size."""
        mine, theirs = self.settings(), index.settings["encoders"]
        for name in (n for n in mine if n != "precision"):
            if mine[name] != theirs.get(name):
                raise InputError(
                    f"shards of this {name} ({mine[name]!s:.20})",
                    f"{theirs.get(name)!s:.20}",
                    "use the encoders and size of pandiff prepare, or prepare anew",
                )

    def samples(
        self, folder: PanopticFolder, indices: Sequence[int], workers: int = 0
    ) -> Iterator[Sample]:
        """Encode some images of a folder, in order.

        Args:
            folder: the dataset.
            indices: of the images; they become the keys.
            workers: threads that read ahead; 0 reads in this one.

        Raises:
            InputError: if a file cannot be read, or an image and its map differ in size.
        """
        loaded = map_ahead(lambda k: load(folder, k, self.size), indices, workers, 2 * BATCH)
        while batch := list(islice(loaded, BATCH)):
            yield from map(self._sample, batch, *self._encode(batch))

    @torch.inference_mode()
    def _encode(self, batch: list[Loaded]) -> list[np.ndarray]:
        """Moments, and prompts if there are any, (B, 2, ...) float16: as it is and mirrored."""
        pixels = torch.stack([one.pixels for one in batch]).to(self.vae.device)
        both = torch.stack([pixels, pixels.flip(-1)], dim=1).flatten(0, 1)
        with autocast(pixels.device, self.precision):
            parts = [moments(self.vae, both)]
            if self.image_encoder is not None:
                length = self.image_prompt_length
                parts.append(encode_image_prompts(self.image_encoder, both, length))
        return [p.half().cpu().unflatten(0, (len(batch), 2)).numpy() for p in parts]

    def _sample(self, one: Loaded, latents: np.ndarray, *prompt: np.ndarray) -> Sample:
        captions = one.meta["captions"]
        tokens = self.text.tokenize(captions or [""])
        contents = [
            json.dumps(one.meta).encode(),
            _npy(latents),
            one.png,
            _npy(tokens.to(torch.int32).numpy()),
            *map(_npy, prompt),
        ]
        members = dict(zip(self.extensions, contents, strict=True))
        return Sample(one.meta["key"], members, one.void, bool(captions))


def moments(vae: Vae, pixels: Tensor) -> Tensor:
    """(B, 3, H, W) in [-1, 1] -> mean, standard deviation (B, 2C, h, w) of whitened latents."""
    latents = posterior(vae, pixels)
    scale = latent_statistics(vae)[1].to(latents.std.device)
    return torch.cat([whiten(vae, latents.mean.float()), latents.std.float() / scale], dim=1)


def _npy(array: np.ndarray) -> bytes:
    buffer = BytesIO()
    np.save(buffer, array, allow_pickle=False)
    return buffer.getvalue()
