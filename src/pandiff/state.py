"""The layout of the one tensor of the right world: image and map side by side in channels."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import pixel_shuffle, pixel_unshuffle


@dataclass(frozen=True)
class StateLayout:
    """Where the image and the map lie in a state z of shape (B, channels, h, w).

    The map has `ratio` times the side of the image's latent and is packed by `pixel_unshuffle`,
    which is exact. A `known` mask of shape (B, known_channels, h, w) says what is given: its
    first channel the image's cells, the others the map's cells, packed likewise.

    Attributes:
        image_channels: channels of the image's latent.
        map_channels: channels of the map at its own resolution.
        ratio: side of the map over side of the latent; 1, 2, 4 or 8.
    """

    image_channels: int
    map_channels: int
    ratio: int

    @property
    def channels(self) -> int:
        return self.image_channels + self.map_channels * self.ratio**2

    @property
    def known_channels(self) -> int:
        return 1 + self.ratio**2

    def join(self, image: Tensor, panoptic: Tensor) -> Tensor:
        """Latent (B, C_i, h, w) and map (B, C_m, h r, w r) -> state (B, channels, h, w)."""
        return torch.cat([image, pixel_unshuffle(panoptic, self.ratio)], dim=1)

    def split(self, z: Tensor) -> tuple[Tensor, Tensor]:
        """State -> its two slices, (B, C_i, h, w) and (B, C_m r^2, h, w); views."""
        return z[:, : self.image_channels], z[:, self.image_channels :]

    def unpack(self, z: Tensor) -> tuple[Tensor, Tensor]:
        """State -> latent (B, C_i, h, w) and map (B, C_m, h r, w r): the inverse of `join`."""
        image, panoptic = self.split(z)
        return image, pixel_shuffle(panoptic, self.ratio)

    def join_known(self, image: Tensor, panoptic: Tensor) -> Tensor:
        """Masks (B, 1, h, w) and (B, 1, h r, w r) -> known (B, known_channels, h, w)."""
        return torch.cat([image, pixel_unshuffle(panoptic, self.ratio)], dim=1)

    def expand_known(self, known: Tensor) -> Tensor:
        """Known (B, known_channels, h, w) -> the same for each channel of the state."""
        image = known[:, :1].expand(-1, self.image_channels, -1, -1)
        return torch.cat([image, known[:, 1:].repeat(1, self.map_channels, 1, 1)], dim=1)

    def per_stream(self, values: Tensor) -> Tensor:
        """(B, 2), a number for each stream -> (B, channels, 1, 1), one for each channel."""
        sizes = torch.tensor(
            [self.image_channels, self.channels - self.image_channels], device=values.device
        )
        return values.repeat_interleave(sizes, dim=1)[:, :, None, None]
