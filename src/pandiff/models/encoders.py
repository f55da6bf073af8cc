"""The VAE around the network: images to latents and back."""

from __future__ import annotations

import math

import numpy as np
import torch
from diffusers.models.autoencoders.vae import DiagonalGaussianDistribution
from PIL import Image
from torch import Tensor
from torch.nn.functional import pixel_shuffle, pixel_unshuffle

from pandiff.models.pixel_space import Vae
from pandiff.rgb import to_rgb


def to_pixels(image: Image.Image) -> Tensor:
    """PIL image -> (3, H, W) float32 in [-1, 1]."""
    array = np.asarray(to_rgb(image), dtype=np.float32)
    return torch.from_numpy(array / 127.5 - 1).permute(2, 0, 1)


def to_images(pixels: Tensor) -> list[Image.Image]:
    """(B, 3, H, W) in [-1, 1] -> PIL images."""
    array = ((pixels.clamp(-1, 1).float() + 1) * 127.5).round().byte()
    return [Image.fromarray(a.numpy()) for a in array.permute(0, 2, 3, 1).cpu()]


def latent_statistics(vae: Vae) -> tuple[Tensor, Tensor]:
    """Mean and standard deviation (1, C, 1, 1) that whiten a VAE's latents.

    From its `latents_mean` and `latents_std`, else its `shift_factor` and `scaling_factor`.
    """
    c = vae.config
    if c.latents_mean is not None and c.latents_std is not None:
        mean, std = torch.tensor(c.latents_mean), torch.tensor(c.latents_std)
    else:
        mean = torch.full((c.latent_channels,), float(c.shift_factor or 0.0))
        std = torch.full((c.latent_channels,), 1.0 / c.scaling_factor)
    return mean.view(1, -1, 1, 1), std.view(1, -1, 1, 1)


def pixel_patch(vae: Vae) -> int:
    """Side p of the pixel patches that a VAE reads: it has 3 p^2 channels; 1 for plain RGB.

    The small VAE reads 4 x 4 patches: the layers at full size, which cost most, fall away.
    """
    return math.isqrt(vae.config.in_channels // 3)


def latent_factor(vae: Vae) -> int:
    """Side of an image over side of its latent."""
    return pixel_patch(vae) * 2 ** (len(vae.config.block_out_channels) - 1)


def posterior(vae: Vae, pixels: Tensor) -> DiagonalGaussianDistribution:
    """(B, 3, H, W) in [-1, 1] -> the distribution of its latents (B, C, h, w)."""
    return vae.encode(pixel_unshuffle(pixels, pixel_patch(vae))).latent_dist


def decode(vae: Vae, latents: Tensor) -> Tensor:
    """Latents of the VAE's own scale (B, C, h, w) -> (B, 3, H, W) float32, about [-1, 1]."""
    return pixel_shuffle(vae.decode(latents.to(vae.dtype)).sample, pixel_patch(vae)).float()


def whiten(vae: Vae, latents: Tensor) -> Tensor:
    """A VAE's latents (B, C, h, w) -> the image stream, of about unit scale."""
    mean, std = (s.to(latents) for s in latent_statistics(vae))
    return (latents - mean) / std


def encode_pixels(vae: Vae, pixels: Tensor) -> Tensor:
    """(B, 3, H, W) in [-1, 1] -> whitened latents (B, C, h, w), the mode of the posterior."""
    return whiten(vae, posterior(vae, pixels).mode().float())


def decode_latents(vae: Vae, latents: Tensor) -> Tensor:
    """Whitened latents (B, C, h, w) -> (B, 3, H, W), about [-1, 1]."""
    mean, std = (s.to(latents) for s in latent_statistics(vae))
    return decode(vae, latents * std + mean)
