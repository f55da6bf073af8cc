"""Networks that turn images into feature vectors, for the distances between sets of images."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from transformers import AutoImageProcessor, AutoModel

from pandiff.errors import InputError
from pandiff.models.encoders import to_pixels
from pandiff.models.segmenter import PanopticSegmenter
from pandiff.pipeline import reading

INCEPTION_FILE = "inception-2015-12-05.pt"
"""The standard Inception detector as TorchScript; its usual name."""


class Features(Protocol):
    """Images to features.

    Attributes:
        name: of the space, for the report: a bare word.
    """

    @property
    def name(self) -> str: ...

    def __call__(self, images: Sequence[Image.Image]) -> np.ndarray:
        """A batch of RGB images of one size -> (B, D) float32."""


class InceptionFeatures:
    """The standard Inception detector, as StyleGAN's, EDM's and most papers' code has it.

    A TorchScript module that takes (B, 3, H, W) uint8 RGB of any size and `return_features=True`,
    resizes inside, and returns (B, 2048). FID and KID between its features are the published ones.

    Args:
        path: its file.
        device: where it runs.

    Raises:
        InputError: if there is no such file, or it is no such module.
    """

    name = "inception"

    def __init__(self, path: Path, device: torch.device | str = "cpu") -> None:
        if not path.is_file():
            raise InputError(
                f"the standard Inception detector as a TorchScript file ({INCEPTION_FILE})",
                f"no file {path}",
                "download it once and name it with --inception, or leave that out and use "
                "--features, whose distances are no FID",
            )
        self._path, self._device = path, device
        try:
            with warnings.catch_warnings():  # TorchScript is on its way out, the detector is not
                warnings.simplefilter("ignore", DeprecationWarning)
                self._network = torch.jit.load(str(path), map_location=device).eval()
        except RuntimeError as error:
            raise self._odd(error) from None

    def __call__(self, images: Sequence[Image.Image]) -> np.ndarray:
        arrays = [np.asarray(image.convert("RGB")) for image in images]
        pixels = torch.from_numpy(np.stack(arrays)).permute(0, 3, 1, 2).to(self._device)
        try:
            with torch.inference_mode():
                features = self._network(pixels, return_features=True)
        except RuntimeError as error:
            raise self._odd(error) from None
        return rows_of(features)

    def _odd(self, error: Exception) -> InputError:
        expected = "a TorchScript module that takes uint8 images and return_features=True"
        reason = str(error).strip().splitlines()[-1]
        return InputError(expected, f"{self._path} ({reason})", f"use {INCEPTION_FILE}")


class TransformerFeatures:
    """The image features of any transformers model: CLIP, SigLIP, DINO, ViT and others.

    The image embedding of models that have one, else the pooled output, else the first token.

    Args:
        name: hub id or folder of the model, with its image processor.
        device: where it runs.

    Raises:
        InputError: if there is none of this name, or it cannot be read or reached.
    """

    def __init__(self, name: str | Path, device: torch.device | str = "cpu") -> None:
        self.name, self._device = space_name(name), device
        with reading("a model of image features", name):
            self._processor = AutoImageProcessor.from_pretrained(name)
            self._network = AutoModel.from_pretrained(name, dtype=torch.float32).eval().to(device)

    def __call__(self, images: Sequence[Image.Image]) -> np.ndarray:
        pixels = self._processor(images=list(images), return_tensors="pt")["pixel_values"]
        with torch.inference_mode():
            return rows_of(embed(self._network, pixels.to(self._device)))


class SegmenterFeatures:
    """Features of a trained `PanopticSegmenter`: means and deviations of its deepest level.

    Good for the world that it was trained on. Distances between them are no FID, and compare with
    nothing but themselves.
    """

    def __init__(self, network: PanopticSegmenter, name: str = "scenes-segmenter") -> None:
        self.name, self._network = name, network

    def __call__(self, images: Sequence[Image.Image]) -> np.ndarray:
        device = next(self._network.parameters()).device
        pixels = torch.stack([to_pixels(image) for image in images]).to(device)
        deepest: list[Tensor] = []
        hook = self._network.encoder[-1].register_forward_hook(lambda *a: deepest.append(a[2]))
        try:
            with torch.inference_mode():
                self._network(pixels)
        finally:
            hook.remove()
        cells = deepest[0].flatten(2)
        return rows_of(torch.cat([cells.mean(dim=2), cells.std(dim=2)], dim=1))


def embed(network: Any, pixels: Tensor) -> Tensor:
    """The image features (B, D) of a transformers model, of its prepared pixels."""
    if hasattr(network, "get_image_features"):
        out = network.get_image_features(pixel_values=pixels)
        pooled: Tensor = out if isinstance(out, Tensor) else out.pooler_output
        return pooled
    out = network(pixel_values=pixels)
    found: Tensor | None = getattr(out, "pooler_output", None)
    return out.last_hidden_state[:, 0] if found is None else found.flatten(1)


def space_name(name: str | Path) -> str:
    """A bare word for a model: the last part of its hub id or path."""
    return Path(str(name)).name.replace(".", "-") or str(name)


def rows_of(features: Tensor) -> np.ndarray:
    """(B, D) of any type and device -> float32."""
    return features.float().cpu().numpy()
