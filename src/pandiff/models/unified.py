"""The unified panoptic diffusion model: image and map tokens in one U-ViT."""

from __future__ import annotations

import torch
from diffusers import ConfigMixin, ModelMixin
from diffusers.configuration_utils import register_to_config
from torch import Tensor, nn

from pandiff.context import Context
from pandiff.errors import InputError
from pandiff.models.checks import divisible, one_of, square
from pandiff.models.layers import (
    GridMix,
    Modulation,
    TokenPool,
    grid_positions,
    init_weights,
    timestep_embedding,
)
from pandiff.models.patching import PATCHINGS, patchify, unpatchify
from pandiff.models.uvit import UViTTrunk
from pandiff.state import StateLayout

MEND_FEATURES = 16
"""Channels that a token gives each cell for the mending of the image."""
MEND_WIDTH = 64
"""Channels of the convolutions that mend it."""


class UnifiedPDM(ModelMixin, ConfigMixin):
    """Unified PDM (Long & Roy 2024, arXiv 2412.02929): tokens of both streams attend to all.

    Tokens: two levels, the text, the image prompt, the image's patches, the map's patches, the
    last two aligned one to one.

    Args:
        sample_size: side of the latent in cells.
        image_channels: channels of the latent.
        map_channels: channels of the map (`PanopticCodec.channels`).
        ratio: side of the map over side of the latent; 1, 2, 4 or 8.
        patch_size: side of a token in latent cells.
        patching: "multi" or "single", how the map becomes tokens.
        width, depth, heads: sizes of the trunk.
        context_dim, context_length: shape of the text context.
        image_prompt_dim, image_prompt_length: shape of the image prompt's features; without a
            dim the network takes no image prompts.
        image_prediction: what the image slice of the output is: velocity, noise or sample.
        modulation: whether the levels, the text as a whole and the image prompt as a whole also
            scale and shift what every block reads (`layers.Modulation`), so that each token knows
            them without having to find them by attention.
    """

    @register_to_config
    def __init__(
        self,
        sample_size: int = 16,
        image_channels: int = 8,
        map_channels: int = 9,
        ratio: int = 4,
        patch_size: int = 2,
        patching: str = "multi",
        width: int = 256,
        depth: int = 9,
        heads: int = 4,
        context_dim: int = 128,
        context_length: int = 30,
        image_prediction: str = "velocity",
        image_prompt_dim: int | None = None,
        image_prompt_length: int = 4,
        modulation: bool = False,
    ) -> None:
        super().__init__()
        one_of("patching", patching, PATCHINGS)
        one_of("ratio", ratio, (1, 2, 4, 8))
        one_of("image_prediction", image_prediction, ("velocity", "noise", "sample"))
        square("image_prompt_length", image_prompt_length)
        divisible("sample_size", sample_size, patch_size)
        divisible("width", width, 4)  # rows and columns, sines and cosines
        divisible("width", width, heads)
        self.layout = StateLayout(image_channels, map_channels, ratio)
        side = sample_size // patch_size
        self.level_embed = nn.ModuleList(
            nn.Sequential(nn.Linear(width, width), nn.SiLU(), nn.Linear(width, width))
            for _ in range(2)
        )
        self.context_embed = nn.Linear(context_dim, width)
        self.context_positions = nn.Parameter(torch.empty(1, 2 + context_length, width))
        if image_prompt_dim is not None:
            self.image_prompt_embed = nn.Linear(image_prompt_dim, width)
            self.image_prompt_positions = nn.Parameter(torch.zeros(1, image_prompt_length, width))
        self.image_embed = nn.Linear((image_channels + 1) * patch_size**2, width)
        self.map_patching = PATCHINGS[patching](map_channels, patch_size, ratio, width)
        self.grid_positions = nn.Parameter(grid_positions(side, side, width)[None].repeat(2, 1, 1))
        self.trunk = UViTTrunk(width, depth, heads, grid_mix=True, modulation=modulation)
        pooled = ["text"] + ["image"] * (image_prompt_dim is not None) if modulation else []
        self.pools = nn.ModuleDict({name: TokenPool(width) for name in pooled})
        self.norm = nn.LayerNorm(width)
        self.image_unembed = nn.Linear(width, image_channels * patch_size**2)
        self.image_features = nn.Linear(width, MEND_FEATURES * patch_size**2)
        self.image_mend = nn.Sequential(
            nn.Conv2d(2 * image_channels + 1 + MEND_FEATURES, MEND_WIDTH, 3, padding=1),
            nn.GELU(),
            nn.Conv2d(MEND_WIDTH, MEND_WIDTH, 3, padding=1),
            nn.GELU(),
            nn.Conv2d(MEND_WIDTH, image_channels, 3, padding=1),
        )
        self.apply(init_weights)
        nn.init.normal_(self.context_positions, std=0.02)
        for module in self.modules():
            if isinstance(module, GridMix | Modulation):
                module.reset()
        nn.init.zeros_(self.image_unembed.weight)
        nn.init.zeros_(self.image_mend[-1].weight)
        nn.init.zeros_(self.image_mend[-1].bias)

    def forward(
        self, x: Tensor, t: Tensor, context: Context, known: Tensor | None = None
    ) -> Tensor:
        """Raw predictions; `diffusion.NetworkDenoiser` turns them into a clean state.

        Args:
            x: (B, C, h, w) noisy state.
            t: (B, 2) levels of image and map.
            context: text (B, L, D_c) and, if the network takes them, image prompts.
            known: (B, known_channels, h, w), 1 where x is given clean; None for nowhere.

        Returns:
            (B, C, h, w): the image in its own prediction, the map as logits.
        """
        p, n = self.config.patch_size, x.shape[-2] * x.shape[-1] // self.config.patch_size**2
        if known is None:
            known = x.new_zeros(len(x), self.layout.known_channels, *x.shape[-2:])
        image, panoptic = self.layout.unpack(x)
        image_known, map_known = StateLayout(1, 1, self.layout.ratio).unpack(known)
        image = torch.cat([image, image_known], dim=1)
        panoptic = torch.cat([panoptic, map_known], dim=1)
        levels = [
            embed(timestep_embedding(t[:, k], self.config.width).to(x.dtype))[:, None]
            for k, embed in enumerate(self.level_embed)
        ]
        words = self.context_embed(context.text)
        if context.mask is not None:  # padding says nothing
            words = words * context.mask[..., None]
        text = torch.cat([*levels, words], dim=1)
        text = text + self.context_positions[:, : text.shape[1]]
        prompt = self._image_prompt(context)
        tokens = [
            text,
            *prompt,
            self.image_embed(patchify(image, p)) + self.grid_positions[0] + levels[0],
            self.map_patching.read(panoptic) + self.grid_positions[1] + levels[1],
        ]
        grid = x.shape[-2] // p, x.shape[-1] // p
        condition = self._condition(levels, text, prompt, context.mask)
        y = self.norm(self.trunk.run_blocks(torch.cat(tokens, dim=1), grid, condition))
        image_out = self._write_image(y[:, -2 * n : -n], image, grid)
        map_out = self.map_patching.write(y[:, -n:], panoptic)
        return self.layout.join(image_out.to(x.dtype), map_out.to(x.dtype))

    def _condition(
        self, levels: list[Tensor], text: Tensor, prompt: list[Tensor], mask: Tensor | None
    ) -> Tensor | None:
        """(B, D), what modulates the blocks: levels, pooled text and image prompt."""
        if not self.config.modulation:
            return None
        parts = [one[:, 0] for one in levels]
        parts.append(self.pools["text"](text[:, 2:], mask))
        parts += [self.pools["image"](tokens) for tokens in prompt]
        return torch.stack(parts).sum(dim=0)

    def _image_prompt(self, context: Context) -> list[Tensor]:
        """The tokens of the image prompts; zeros stand for none."""
        c = self.config
        if c.image_prompt_dim is None:
            if context.image is not None:
                raise InputError(
                    "a network that takes image prompts", "one without", "leave it out"
                )
            return []
        features = context.image
        if features is None:
            shape = (len(context), c.image_prompt_length, c.image_prompt_dim)
            features = context.text.new_zeros(shape)
        return [self.image_prompt_embed(features) + self.image_prompt_positions]

    def _write_image(self, tokens: Tensor, seen: Tensor, grid: tuple[int, int]) -> Tensor:
        """Tokens -> (B, C_i, h, w); convolutions that see the noisy image mend their borders."""
        p = self.config.patch_size
        coarse = unpatchify(self.image_unembed(tokens), p, grid)
        features = unpatchify(self.image_features(tokens), p, grid)
        out: Tensor = coarse + self.image_mend(torch.cat([coarse, features, seen], dim=1))
        return out


UnifiedPDM.__module__ = "pandiff"
