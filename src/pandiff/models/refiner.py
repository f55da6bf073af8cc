"""What tokens leave coarse: convolutions over the cells of both streams at once."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import gelu

from pandiff.models.layers import ModulatedConvs


class Refiner(nn.Module):
    """A small U-Net over latent cells that corrects both streams' predictions.

    A token of 16 px says where an edge is only roughly. At the side of the latent, with the map
    packed into channels, the image's prediction can follow the outlines of the map's, and each
    the noisy and the given cells of both. Zero at the start.

    Args:
        seen: channels of what it reads.
        out: channels of the state.
        condition: channels of what modulates it.
        width: channels at the latent's side; twice as many at half of it.
    """

    def __init__(self, seen: int, out: int, condition: int, width: int) -> None:
        super().__init__()
        self.read = nn.Conv2d(seen, width, 3, padding=1)
        self.fine = ModulatedConvs(width, condition)
        self.down = nn.Conv2d(width, 2 * width, 2, stride=2)
        self.coarse = nn.ModuleList(ModulatedConvs(2 * width, condition) for _ in range(2))
        self.up = nn.ConvTranspose2d(2 * width, width, 2, stride=2)
        self.mend = ModulatedConvs(width, condition)
        self.write = nn.Conv2d(width, out, 3, padding=1)
        self.reset()

    def reset(self) -> None:
        """Make it write zeros."""
        nn.init.zeros_(self.write.weight)
        if self.write.bias is not None:
            nn.init.zeros_(self.write.bias)

    def forward(self, parts: list[Tensor], condition: Tensor) -> Tensor:
        """Parts (B, C_k, h, w), the condition (B, D) -> what is added to the state (B, C, h, w)."""
        x = torch.cat(parts, dim=1).contiguous(memory_format=torch.channels_last)
        fine = self.fine(self.read(x), condition)
        y = self.down(gelu(fine))
        for block in self.coarse:
            y = block(y, condition)
        out: Tensor = self.write(gelu(self.mend(fine + self.up(y), condition)))
        return out
