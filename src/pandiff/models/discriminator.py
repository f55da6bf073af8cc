"""What tells real images from decoded ones while a decoder is trained."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import leaky_relu, pixel_unshuffle
from torch.nn.utils.parametrizations import spectral_norm


class PatchDiscriminator(nn.Module):
    """Judges patches of two sizes, given the latent that they were decoded from.

    Convolutions with spectral norm (Miyato et al. 2018, arXiv 1802.05957) over the pixels of a
    cell and its latent; the two verdicts see 7 and 22 cells.

    Args:
        factor: side of the image over side of the latent.
        latent_channels: channels of the latent.
        width: channels of the first layers.
    """

    def __init__(self, factor: int = 4, latent_channels: int = 4, width: int = 96) -> None:
        super().__init__()
        self.factor = factor
        self.layers = nn.ModuleList(
            [
                spectral_norm(nn.Conv2d(3 * factor**2 + latent_channels, width, 3, 1, 1)),
                spectral_norm(nn.Conv2d(width, width, 3, 1, 1)),
                spectral_norm(nn.Conv2d(width, width, 4, 2, 1)),
                spectral_norm(nn.Conv2d(width, 2 * width, 4, 2, 1)),
            ]
        )
        self.near = spectral_norm(nn.Conv2d(width, 1, 3, 1, 1))
        self.far = spectral_norm(nn.Conv2d(2 * width, 1, 3, 1, 1))

    def forward(self, pixels: Tensor, latents: Tensor) -> tuple[list[Tensor], list[Tensor]]:
        """Pixels (B, 3, H, W) in [-1, 1] and whitened latents (B, C, H / f, W / f).

        Returns:
            The verdicts, maps (B, 1, h, w) that are higher where it looks real, and the features
            of each layer.
        """
        hidden = torch.cat([pixel_unshuffle(pixels, self.factor), 0.5 * latents], dim=1)
        features = []
        for layer in self.layers:
            hidden = leaky_relu(layer(hidden), 0.2)
            features.append(hidden)
        return [self.near(features[1]), self.far(features[3])], features
