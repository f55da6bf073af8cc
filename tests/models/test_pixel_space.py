"""PixelSpace: exact both ways, saved and loaded like a VAE, and a pipeline without one."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import pandiff
from pandiff.errors import InputError
from pandiff.models.encoders import (
    decode_latents,
    encode_pixels,
    latent_factor,
    latent_statistics,
    to_images,
    to_pixels,
)
from pandiff.models.pixel_space import PATCHES, PixelSpace
from pandiff.models.unified import UnifiedPDM
from pandiff.pipeline import PanopticDiffusionPipeline, load_encoders


@pytest.fixture
def pixels() -> torch.Tensor:
    """(2, 3, 16, 24) in [-1, 1]."""
    return torch.rand(2, 3, 16, 24, generator=torch.Generator().manual_seed(0)) * 2 - 1


@pytest.mark.parametrize("patch", PATCHES)
def test_round_trip_is_exact(patch: int, pixels: torch.Tensor) -> None:
    space = PixelSpace(patch)
    code = space.encode(pixels).latent_dist
    shape = (2, space.config.latent_channels, 16 // patch, 24 // patch)
    assert code.mode().shape == shape and latent_factor(space) == patch
    assert torch.equal(code.sample(), code.mode()) and not code.std.any()
    assert torch.equal(space.decode(code.mode()).sample, pixels)


def test_a_latent_cell_is_a_patch(pixels: torch.Tensor) -> None:
    cell = PixelSpace(8).encode(pixels).latent_dist.mean[0, :, 1, 2]
    assert torch.equal(cell.view(3, 8, 8), pixels[0, :, 8:16, 16:24])


def test_whitening_by_factor_and_by_channel(pixels: torch.Tensor) -> None:
    white = encode_pixels(PixelSpace(2, scaling_factor=4.0, shift_factor=0.5), pixels)
    plain = PixelSpace(2).encode(pixels).latent_dist.mode()
    assert torch.allclose(white, (plain - 0.5) * 4)
    means, stds = torch.linspace(-0.5, 0.5, 12).tolist(), torch.linspace(0.5, 2, 12).tolist()
    space = PixelSpace(2, latents_mean=means, latents_std=stds)
    mean, std = latent_statistics(space)
    assert torch.allclose(encode_pixels(space, pixels), (plain - mean) / std)
    assert torch.allclose(decode_latents(space, encode_pixels(space, pixels)), pixels, atol=1e-6)


def test_an_image_comes_back(pixels: torch.Tensor) -> None:
    image = to_images(pixels)[0]
    space = PixelSpace(4)
    [back] = to_images(decode_latents(space, encode_pixels(space, to_pixels(image)[None])))
    assert np.array_equal(np.asarray(back), np.asarray(image))


def test_saved_and_loaded(tmp_path: Path) -> None:
    space = PixelSpace(8, latents_mean=[0.1] * 192, latents_std=[0.5] * 192)
    space.save_pretrained(tmp_path / "vae")
    loaded = pandiff.PixelSpace.from_pretrained(tmp_path, subfolder="vae", use_safetensors=True)
    assert loaded.config.patch == 8 and loaded.config.latents_std == [0.5] * 192
    assert latent_factor(loaded) == 8 and loaded.dtype == torch.float32
    assert not list(space.parameters())


def test_spaces_have_fingerprints() -> None:
    """Encoded data is cached by the weights it was encoded with."""
    states = [PixelSpace(4).settings, PixelSpace(8).settings, PixelSpace(4, 1.0).settings]
    assert not any(torch.equal(states[i], states[j]) for i, j in ((0, 1), (0, 2), (1, 2)))


def test_other_patches_are_refused() -> None:
    with pytest.raises(InputError, match="a patch of 1, 2, 4, 8 pixels, got 3"):
        PixelSpace(3)


@pytest.fixture
def model(tiny_model: Path, tmp_path: Path) -> Path:
    """The tiny pipeline's text encoder with a network on pixels."""
    pipe = PanopticDiffusionPipeline.from_pretrained(tiny_model)
    settings = {k: v for k, v in pipe.transformer.config.items() if not k.startswith("_")}
    shape = {"sample_size": 16, "image_channels": 48, "ratio": 2}
    components = {
        **pipe.components,
        "vae": PixelSpace(4),
        "transformer": UnifiedPDM(**settings | shape),
    }
    codec = pipe.panoptic_codec.to_config()
    PanopticDiffusionPipeline(**components, codec=codec).save_pretrained(tmp_path / "model")
    return tmp_path / "model"


def test_a_pipeline_on_pixels(model: Path) -> None:
    pipe = PanopticDiffusionPipeline.from_pretrained(model)
    pipe.set_progress_bar_config(disable=True)
    assert isinstance(pipe.vae, PixelSpace) and pipe.image_size == 64
    made = pipe("a red box", num_inference_steps=2)
    assert made.images[0].size == made.maps[0].size == (64, 64)
    photo = Image.fromarray(np.full((30, 40, 3), 90, np.uint8))
    found = pipe("", image=photo, num_inference_steps=2)
    assert found.maps[0].size == (40, 30)


def test_encoders_on_pixels(model: Path, tmp_path: Path) -> None:
    assert isinstance(load_encoders(str(model)).vae, PixelSpace)
    shutil.copytree(model, tmp_path / "odd")
    file = tmp_path / "odd/vae/config.json"
    file.write_text(file.read_text().replace('"PixelSpace"', '"AutoencoderTiny"'))
    with pytest.raises(InputError, match="AutoencoderKL or PixelSpace, got AutoencoderTiny"):
        load_encoders(str(tmp_path / "odd"))
