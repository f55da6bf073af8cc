"""Map patching: a map at r times the latent's side keeps as many tokens as the image.

`SinglePatching` reads a map patch by one linear layer. `MultiScalePatching` reads it at several
scales and writes it coarse to fine (Long & Roy 2024, arXiv 2412.02929 v2).
"""

from __future__ import annotations

import math
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, gelu, interpolate, pixel_shuffle, pixel_unshuffle


def patchify(x: Tensor, patch: int) -> Tensor:
    """(B, C, H, W) -> tokens (B, H/p W/p, C p^2)."""
    return pixel_unshuffle(x, patch).flatten(2).transpose(1, 2)


def unpatchify(tokens: Tensor, patch: int, grid: tuple[int, int]) -> Tensor:
    """Tokens (B, h w, C p^2) -> (B, C, h p, w p): the inverse of `patchify`."""
    return pixel_shuffle(tokens.transpose(1, 2).unflatten(2, grid), patch)


def _by_pixel(x: Tensor) -> Tensor:
    """The same values, channels last in memory: faster for convolutions of few channels."""
    return x.contiguous(memory_format=torch.channels_last)


class SinglePatching(nn.Module):
    """One linear layer each way, and a 3x3 convolution over the patch borders.

    Args:
        channels: channels of the map.
        patch: side of a token in latent cells.
        ratio: side of the map over side of the latent.
        width: channels of a token.
    """

    def __init__(self, channels: int, patch: int, ratio: int, width: int) -> None:
        super().__init__()
        self.patch = patch * ratio
        self.embed = nn.Linear((channels + 1) * self.patch**2, width)
        self.unembed = nn.Linear(width, channels * self.patch**2)
        self.mend = nn.Conv2d(channels, channels, 3, padding=1)

    def read(self, x: Tensor) -> Tensor:
        """Map and its known mask (B, C + 1, H, W) -> tokens (B, N, width)."""
        out: Tensor = self.embed(patchify(x, self.patch))
        return out

    def write(self, tokens: Tensor, x: Tensor) -> Tensor:
        """Tokens and what `read` read -> map logits (B, C, H, W)."""
        grid = x.shape[-2] // self.patch, x.shape[-1] // self.patch
        out: Tensor = self.mend(unpatchify(self.unembed(tokens), self.patch, grid))
        return out


class MultiScalePatching(nn.Module):
    """Reads a coarse summary and fine detail; writes coarse to fine.

    Reading: the map averaged to the latent's side, and a pyramid of strided convolutions from its
    full side down to it, both patched by linear layers. Writing: a coarse map at the latent's
    side, then for each doubling a convolution that also sees the noisy map at that scale, the
    last of which writes the map's channels; mended by a convolution, they add their detail to the
    enlarged coarse map. No features live at the full side, so that the cost hardly grows with it.

    Args:
        channels: channels of the map.
        patch: side of a token in latent cells.
        ratio: side of the map over side of the latent; a power of two.
        width: channels of a token.
        features: channels of the pyramid at the latent's side; halved at each doubling down to 16.
    """

    def __init__(
        self, channels: int, patch: int, ratio: int, width: int, features: int = 48
    ) -> None:
        super().__init__()
        self.patch, self.ratio = patch, ratio
        seen = channels + 1
        sizes = [max(16, features >> k) for k in range(int(math.log2(ratio)))] + [channels]
        inward = [seen, *sizes[-2::-1]]
        self.coarse = nn.Linear(seen * patch**2, width)
        self.fine = nn.Linear(sizes[0] * patch**2, width) if ratio > 1 else None
        self.down = nn.ModuleList(nn.Conv2d(a, b, 2, stride=2) for a, b in pairwise(inward))
        self.unembed = nn.Linear(width, (channels + sizes[0]) * patch**2)
        self.up = nn.ModuleList(
            nn.Conv2d(a + seen, 4 * b, 3, padding=1) for a, b in pairwise(sizes)
        )
        self.mend = nn.Conv2d(sizes[-1] + seen, channels, 3, padding=1)
        self.channels = channels

    def read(self, x: Tensor) -> Tensor:
        """Map and its known mask (B, C + 1, H, W) -> tokens (B, N, width)."""
        tokens: Tensor = self.coarse(patchify(avg_pool2d(x, self.ratio), self.patch))
        if self.fine is None:
            return tokens
        x = _by_pixel(x)
        for down in self.down:
            x = gelu(down(x))
        out: Tensor = tokens + self.fine(patchify(x, self.patch))
        return out

    def write(self, tokens: Tensor, x: Tensor) -> Tensor:
        """Tokens and what `read` read -> map logits (B, C, H, W)."""
        step = self.patch * self.ratio
        grid = x.shape[-2] // step, x.shape[-1] // step
        y = unpatchify(self.unembed(tokens), self.patch, grid)
        coarse, y = y.split([self.channels, y.shape[1] - self.channels], dim=1)
        seen = [_by_pixel(x).to(y.dtype)]
        for _ in self.up:
            seen.append(avg_pool2d(seen[-1], 2))
        y = _by_pixel(y)
        for up in self.up:
            y = pixel_shuffle(up(torch.cat([gelu(y), seen.pop()], dim=1)), 2)
        detail: Tensor = self.mend(torch.cat([y, seen.pop()], dim=1))
        return detail + interpolate(coarse, scale_factor=float(self.ratio), mode="bilinear")


PATCHINGS = {"single": SinglePatching, "multi": MultiScalePatching}
