"""The encoders around the network: images to latents and back, prompts to context."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from diffusers import AutoencoderKL
from PIL import Image
from torch import Tensor
from transformers import CLIPTextModel, PreTrainedTokenizerBase


def to_pixels(image: Image.Image) -> Tensor:
    """PIL image -> (3, H, W) float32 in [-1, 1]."""
    array = np.asarray(image.convert("RGB"), dtype=np.float32)
    return torch.from_numpy(array / 127.5 - 1).permute(2, 0, 1)


def to_images(pixels: Tensor) -> list[Image.Image]:
    """(B, 3, H, W) in [-1, 1] -> PIL images."""
    array = ((pixels.clamp(-1, 1).float() + 1) * 127.5).round().byte()
    return [Image.fromarray(a.numpy()) for a in array.permute(0, 2, 3, 1).cpu()]


def latent_statistics(vae: AutoencoderKL) -> tuple[Tensor, Tensor]:
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


def whiten(vae: AutoencoderKL, latents: Tensor) -> Tensor:
    """A VAE's latents (B, C, h, w) -> the image stream, of about unit scale."""
    mean, std = (s.to(latents) for s in latent_statistics(vae))
    return (latents - mean) / std


def encode_pixels(vae: AutoencoderKL, pixels: Tensor) -> Tensor:
    """(B, 3, H, W) in [-1, 1] -> whitened latents (B, C, h, w), the mode of the posterior."""
    return whiten(vae, vae.encode(pixels).latent_dist.mode().float())


def decode_latents(vae: AutoencoderKL, latents: Tensor) -> Tensor:
    """Whitened latents (B, C, h, w) -> (B, 3, H, W), about [-1, 1]."""
    mean, std = (s.to(latents) for s in latent_statistics(vae))
    pixels: Tensor = vae.decode((latents * std + mean).to(vae.dtype)).sample
    return pixels.float()


def tokenize(tokenizer: PreTrainedTokenizerBase, prompts: Sequence[str], length: int) -> Tensor:
    """Prompts -> (B, length) token ids, padded and cut."""
    ids: Tensor = tokenizer(
        list(prompts), padding="max_length", max_length=length, truncation=True, return_tensors="pt"
    ).input_ids
    return ids


def encode_tokens(text_encoder: CLIPTextModel, input_ids: Tensor) -> Tensor:
    """(B, L) token ids -> context (B, L, D)."""
    context: Tensor = text_encoder(input_ids=input_ids).last_hidden_state
    return context.float()


@torch.no_grad()
def encode_prompts(
    text_encoder: CLIPTextModel,
    tokenizer: PreTrainedTokenizerBase,
    prompts: Sequence[str],
    length: int,
) -> Tensor:
    """Prompts -> context (B, length, D) on the encoder's device."""
    ids = tokenize(tokenizer, prompts, length).to(text_encoder.device)
    return encode_tokens(text_encoder, ids)
