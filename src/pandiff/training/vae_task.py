"""Training of the small VAE."""

from __future__ import annotations

from pathlib import Path

import torch
from diffusers import AutoencoderKL
from PIL import Image
from torch import Tensor, nn
from torch.nn.functional import l1_loss, mse_loss

from pandiff.data.images import ImageDataset
from pandiff.draw import grid
from pandiff.errors import InputError
from pandiff.models.encoders import decode, latent_factor, posterior, to_images
from pandiff.models.small import small_vae
from pandiff.pipeline import reading, resolve
from pandiff.training.config import TrainConfig
from pandiff.training.task import Tensors, build

KL_WEIGHT = 3e-3
"""Weight of the KL term, in nats per pixel value."""
GRADIENT_WEIGHT = 0.5
CROP = 64


class VaeTask:
    """L1 on pixels and on their differences, and a light KL term; trained on crops.

    Args:
        config: the run's settings.
        data: a dataset folder.
    """

    def __init__(self, config: TrainConfig, data: Path, device: torch.device) -> None:
        self.dataset = ImageDataset(data, config.size)
        self.network = _build(config)
        if config.size < CROP:
            raise InputError(f"a size of {CROP} px or more", str(config.size), "change --size")
        side = CROP // latent_factor(self.network)
        self.latents = (self.network.config.latent_channels, side, side)
        self.span = config.size - CROP

    def draw(self, n: int, generator: torch.Generator) -> Tensors:
        return {
            "corner": torch.randint(self.span + 1, (n, 2), generator=generator),
            "noise": torch.randn(n, *self.latents, generator=generator),
        }

    def losses(self, network: nn.Module, batch: Tensors, draws: Tensors) -> Tensors:
        corners = draws["corner"].tolist()
        pixels = torch.stack(
            [
                p[:, y : y + CROP, x : x + CROP]
                for p, (y, x) in zip(batch["pixels"], corners, strict=True)
            ]
        )
        assert isinstance(network, AutoencoderKL)
        code = posterior(network, pixels)
        output = decode(network, code.mean + code.std * draws["noise"])
        pixel, edge = l1_loss(output, pixels), l1_loss(_differences(output), _differences(pixels))
        kl = code.kl().mean() / pixels[0].numel()
        loss = pixel + GRADIENT_WEIGHT * edge + mse_loss(output, pixels) + KL_WEIGHT * kl
        return {"loss": loss, "l1": pixel, "edge": edge, "kl": kl}

    @torch.inference_mode()
    def preview(self, network: nn.Module) -> Image.Image:
        pixels = self._some(8).to(next(network.parameters()).device)
        assert isinstance(network, AutoencoderKL)
        output = decode(network, posterior(network, pixels).mode())
        return grid([*to_images(pixels), *to_images(output)], columns=8)

    @torch.inference_mode()
    def export(self, network: nn.Module, folder: Path) -> None:
        assert isinstance(network, AutoencoderKL)
        pixels = self._some(512).to(network.device)
        latents = torch.cat([posterior(network, p).mode() for p in pixels.split(32)])
        network.register_to_config(
            latents_mean=latents.mean((0, 2, 3)).tolist(),
            latents_std=latents.std((0, 2, 3)).tolist(),
        )
        network.save_pretrained(folder / "vae")

    def _some(self, n: int) -> Tensor:
        return torch.stack([self.dataset[k] for k in range(min(n, len(self.dataset)))])


def _build(config: TrainConfig) -> AutoencoderKL:
    if not config.init:
        return build(small_vae, config.model)
    with reading("a VAE to start from", config.init):
        return AutoencoderKL.from_pretrained(resolve(config.init), subfolder="vae")


def _differences(pixels: Tensor) -> Tensor:
    """Differences of neighbours, rows and columns flattened into one vector."""
    return torch.cat([pixels.diff(dim=-1).flatten(), pixels.diff(dim=-2).flatten()])
