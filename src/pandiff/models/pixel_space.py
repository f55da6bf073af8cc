"""PixelSpace: what stands in for a VAE where a network works on pixels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

import torch
from diffusers import AutoencoderKL, ConfigMixin, ModelMixin
from diffusers.configuration_utils import FrozenDict, register_to_config
from diffusers.models.autoencoders.vae import DecoderOutput, DiagonalGaussianDistribution
from diffusers.models.modeling_outputs import AutoencoderKLOutput
from torch import Tensor
from torch.nn.functional import pixel_shuffle, pixel_unshuffle

from pandiff.errors import InputError

PATCHES = (1, 2, 4, 8)


class PixelSpace(ModelMixin, ConfigMixin):
    """A drop-in for AutoencoderKL without weights: the latent is the image in p x p patches.

    Its config has the entries that a VAE's has: `in_channels`, `latent_channels` and
    `block_out_channels` follow from the patch, and the statistics whiten the latents.

    Args:
        patch: p, side of a patch in pixels; 1, 2, 4 or 8.
        scaling_factor, shift_factor: whiten the latents, as a VAE's: (latent - shift) * scaling.
            The defaults suit photographs, whose values spread by about half around 0.
        latents_mean, latents_std: whiten each of the 3 p^2 channels instead, if both are given.

    Raises:
        InputError: if the patch is another.
    """

    @register_to_config
    def __init__(
        self,
        patch: int = 4,
        scaling_factor: float = 2.0,
        shift_factor: float = 0.0,
        latents_mean: Sequence[float] | None = None,
        latents_std: Sequence[float] | None = None,
    ) -> None:
        super().__init__()
        if patch not in PATCHES:
            known = ", ".join(map(str, PATCHES))
            raise InputError(f"a patch of {known} pixels", repr(patch), "choose one of these")
        # What a module without weights lacks: a dtype, a device, a file to save, a fingerprint.
        self.register_buffer("settings", torch.tensor([patch, scaling_factor, shift_factor]))

    @property
    def config(self) -> Any:
        """The arguments, and what a VAE's config says besides."""
        own = super().config
        derived = {
            "in_channels": 3,
            "latent_channels": 3 * own.patch**2,
            "block_out_channels": (3,) * own.patch.bit_length(),  # one more at each halving
        }
        return FrozenDict({**own, **derived})

    def encode(self, x: Tensor) -> AutoencoderKLOutput:
        """(B, 3, H, W), p divides both sides -> `latent_dist` of (B, 3 p^2, H/p, W/p): a point."""
        latents = pixel_unshuffle(x, self.config.patch)
        moments = torch.cat([latents, torch.zeros_like(latents)], dim=1)
        return AutoencoderKLOutput(DiagonalGaussianDistribution(moments, deterministic=True))

    def decode(self, z: Tensor) -> DecoderOutput:
        """(B, 3 p^2, h, w) -> `sample` (B, 3, h p, w p): the inverse of `encode`, exactly."""
        return DecoderOutput(pixel_shuffle(z, self.config.patch))


PixelSpace.__module__ = "pandiff"

Vae: TypeAlias = AutoencoderKL | PixelSpace
"""What carries images to latents and back."""
VAES: dict[str, Any] = {"AutoencoderKL": AutoencoderKL, "PixelSpace": PixelSpace}
"""By `_class_name` in a saved config."""
