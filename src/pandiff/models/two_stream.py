"""The two-stream panoptic diffusion model: a frozen image backbone and a trained map stream."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Self

import torch
from diffusers import ConfigMixin, ModelMixin
from diffusers.configuration_utils import FrozenDict, register_to_config
from torch import Tensor, nn
from torch.nn.functional import layer_norm

from pandiff.context import Context
from pandiff.errors import InputError
from pandiff.models.backbones import Backbone, Reference, Stream, load_backbone
from pandiff.models.checks import one_of, square
from pandiff.models.layers import timestep_embedding
from pandiff.models.patching import PATCHINGS, patchify
from pandiff.state import StateLayout

BACKBONE = "backbone"
"""Folder of the frozen weights in a saved model."""


class Exchange(nn.Module):
    """What the two tokens of one place tell each other after a block.

    The map hears the image from the start, which it learns from several times as fast as from
    silence; the image hears nothing at first.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.to_map = nn.Linear(width, width, bias=False)
        self.to_image = nn.Linear(width, width, bias=False)
        nn.init.zeros_(self.to_image.weight)


def _told(linear: nn.Linear, listener: Tensor, speaker: Tensor) -> Tensor:
    """The listener's tokens (B, N, D) with what the speaker's say, in the listener's precision."""
    said = linear(layer_norm(speaker.to(linear.weight.dtype), speaker.shape[-1:]))
    return listener + said.to(listener.dtype)


class TwoStreamPDM(ModelMixin, ConfigMixin):
    """Two-stream PDM (Long & Roy 2024, arXiv 2412.02929): maps for a model that makes images.

    The map stream has a copy of each of the backbone's blocks. After each block the tokens of
    one place tell each other what they hold; what the image's hear starts at zero, so that an
    untrained network makes the backbone's images, exactly. The map stream reads the text, image
    prompts, both levels, and what is known of image and map.

    The frozen weights are no part of `state_dict`. `save_pretrained` writes them to a folder of
    their own, or only where they came from, if that is the hub.

    Args:
        backbone: the image model, see `load_backbone`.
        map_channels: channels of the map (`PanopticCodec.channels`).
        ratio: side of the map over side of the latent; 1, 2, 4 or 8.
        patching: "multi" or "single", how the map becomes tokens.
        sample_size: side of the latent in cells; by default the backbone's.
        context_length: text tokens; by default the backbone's usual number.
        image_prompt_dim, image_prompt_length: shape of the image prompt's features; without a
            dim the network takes no image prompts.

    Attributes:
        config: these, and of the backbone `image_channels`, `patch_size`, `image_prediction`,
            `context_dim`, `pooled_dim`, `width`, `depth`, `heads`.
        layout: where the streams lie in the state.
    """

    _supports_gradient_checkpointing = True

    @register_to_config
    def __init__(
        self,
        backbone: Backbone[Any],
        map_channels: int = 9,
        ratio: int = 4,
        patching: str = "multi",
        sample_size: int | None = None,
        context_length: int | None = None,
        image_prompt_dim: int | None = None,
        image_prompt_length: int = 4,
    ) -> None:
        super().__init__()
        one_of("patching", patching, PATCHINGS)
        one_of("ratio", ratio, (1, 2, 4, 8))
        square("image_prompt_length", image_prompt_length)
        spec = backbone.spec
        backbone.check_size(sample_size or spec.sample_size)
        self.frozen = backbone
        self.register_to_config(
            backbone=backbone.reference.to_config(),
            sample_size=sample_size or spec.sample_size,
            context_length=context_length or spec.context_length,
        )
        self.layout = StateLayout(spec.channels, map_channels, ratio)
        width, patch = spec.width, spec.patch_size
        self.level_embed = nn.ModuleList(
            nn.Sequential(nn.Linear(width, width), nn.SiLU(), nn.Linear(width, width))
            for _ in range(2)
        )
        dtype = torch.get_default_dtype()  # that of the other weights, whatever the backbone's
        positions = backbone.positions(self.config.sample_size)
        self.map_positions = nn.Parameter(positions.to(dtype, copy=True))
        self.map_patching = PATCHINGS[patching](map_channels, patch, ratio, width)
        self.image_known = nn.Linear(patch**2, width, bias=False)
        nn.init.zeros_(self.image_known.weight)
        if image_prompt_dim is not None:
            self.image_prompt_embed = nn.Linear(image_prompt_dim, spec.prompt_width)
            shape = 1, image_prompt_length, spec.prompt_width
            self.image_prompt_positions = nn.Parameter(torch.zeros(shape))
        copies = (backbone.copy_block(k).to(dtype) for k in range(spec.depth))
        self.map_blocks = nn.ModuleList(copies)
        self.exchanges = nn.ModuleList(Exchange(width) for _ in range(spec.depth))
        self.map_norm = nn.LayerNorm(width)
        self.gradient_checkpointing = False
        self.register_state_dict_post_hook(_leave_out_backbone)
        self.register_load_state_dict_post_hook(_do_not_miss_backbone)

    @property
    def backbone(self) -> Backbone[Any]:
        """The frozen image model."""
        return self.frozen

    @property
    def image_alpha_bars(self) -> Tensor:
        """(NUM_LEVELS + 1,) float64: the image's noise schedule, which the backbone fixes."""
        return self.backbone.spec.schedule.alpha_bars

    @property
    def config(self) -> FrozenDict:
        spec = self.backbone.spec
        fixed = {
            "image_channels": spec.channels,
            "patch_size": spec.patch_size,
            "image_prediction": spec.prediction,
            "context_dim": spec.context_dim,
            "pooled_dim": spec.pooled_dim,
            "width": spec.width,
            "depth": spec.depth,
            "heads": spec.heads,
        }
        return FrozenDict({**self._internal_dict, **fixed})

    def forward(
        self, x: Tensor, t: Tensor, context: Context, known: Tensor | None = None
    ) -> Tensor:
        """Raw predictions; `diffusion.NetworkDenoiser` turns them into a clean state.

        Args:
            x: (B, C, h, w) noisy state.
            t: (B, 2) levels of image and map.
            context: what the backbone reads, and, if the network takes them, image prompts.
            known: (B, known_channels, h, w), 1 where x is given clean; None for nowhere. Only
                the map stream reads it.

        Returns:
            (B, C, h, w): the image in the backbone's prediction, the map as logits.
        """
        if known is None:
            known = x.new_zeros(len(x), self.layout.known_channels, *x.shape[-2:])
        latents, panoptic = self.layout.unpack(x)
        image_known, map_known = StateLayout(1, 1, self.layout.ratio).unpack(known)
        seen = torch.cat([panoptic, map_known], dim=1)
        image = self.backbone.embed(latents, t[:, 0], context)
        tokens = self._map_tokens(seen, image_known, t)
        maps = self.backbone.follow(image, tokens, t[:, 1], context, self._image_prompt(context))
        for k in range(self.backbone.spec.depth):
            if self.gradient_checkpointing and torch.is_grad_enabled():
                image, maps = self._gradient_checkpointing_func(self._step, k, image, maps)
            else:
                image, maps = self._step(k, image, maps)
        image_out = self.backbone.predict(image, latents, t[:, 0])
        map_out = self.map_patching.write(self.map_norm(maps.patches), seen)
        return self.layout.join(image_out.to(x.dtype), map_out.to(x.dtype))

    def _map_tokens(self, seen: Tensor, image_known: Tensor, t: Tensor) -> Tensor:
        """Noisy map with its known mask, and all else that is added to its tokens: (B, N, D)."""
        width = self.backbone.spec.width
        tokens = self.map_patching.read(seen) + self.map_positions
        tokens = tokens + self.image_known(patchify(image_known, self.backbone.spec.patch_size))
        for embed, level in zip(self.level_embed, t.unbind(1), strict=True):
            tokens = tokens + embed(timestep_embedding(level, width).to(seen.dtype))[:, None]
        return tokens

    def _image_prompt(self, context: Context) -> Tensor | None:
        """The tokens of the image prompts; zeros stand for none."""
        c = self.config
        if c.image_prompt_dim is None:
            if context.image is not None:
                raise InputError(
                    "a network that takes image prompts", "one without", "leave it out"
                )
            return None
        features = context.image
        if features is None:
            shape = (len(context), c.image_prompt_length, c.image_prompt_dim)
            features = context.text.new_zeros(shape)
        out: Tensor = self.image_prompt_embed(features) + self.image_prompt_positions
        return out

    def _step(self, k: int, image: Stream, maps: Stream) -> tuple[Stream, Stream]:
        """Block k of both streams: the map hears the image before its block, and answers it."""
        exchange: Any = self.exchanges[k]
        image = self.backbone.run(k, self.backbone.blocks[k], image)
        told = _told(exchange.to_map, maps.patches, image.patches)
        maps = self.backbone.run(k, self.map_blocks[k], maps.with_patches(told))
        answered = _told(exchange.to_image, image.patches, maps.patches)
        return image.with_patches(answered), maps

    def save_pretrained(
        self, save_directory: str | Path, with_backbone: bool | None = None, **kwargs: Any
    ) -> None:
        """Write the trained weights, and the frozen ones or where they lie.

        Args:
            save_directory: the folder.
            with_backbone: whether to write the frozen weights, to `backbone`; by default unless
                they are on the hub. Without them a backbone from a folder must stay there.
            kwargs: as in diffusers.

        Raises:
            InputError: if the frozen weights would lie nowhere.
        """
        kept = reference = self.backbone.reference
        if with_backbone is None:
            with_backbone = not reference.on_the_hub
        if with_backbone:
            self.backbone.model.save_pretrained(Path(save_directory) / BACKBONE)
            kept = Reference(reference.class_name)
        elif reference.name is None:
            raise InputError("a backbone from a folder or the hub", "one of neither", "save it too")
        self.register_to_config(backbone=kept.to_config())
        super().save_pretrained(save_directory, **kwargs)
        self.register_to_config(backbone=reference.to_config())

    @classmethod
    def from_pretrained(
        cls,
        pretrained_model_name_or_path: str | Path,
        backbone: Backbone[Any] | None = None,
        **kwargs: Any,
    ) -> Self:
        """Load what `save_pretrained` wrote; see diffusers for options.

        Args:
            pretrained_model_name_or_path: folder or hub id.
            backbone: the frozen part, where it is at hand already.
            kwargs: as in diffusers; `dtype` holds for both parts.

        Raises:
            InputError: if the backbone cannot be read.
        """
        dtype = kwargs.pop("dtype", None) or kwargs.pop("torch_dtype", None) or torch.float32
        if backbone is None:
            backbone = _saved_backbone(
                pretrained_model_name_or_path, kwargs.get("subfolder"), dtype
            )
        network: Self = super().from_pretrained(
            pretrained_model_name_or_path, backbone=backbone, dtype=dtype, **kwargs
        )
        return network


def _saved_backbone(path: str | Path, subfolder: str | None, dtype: torch.dtype) -> Backbone[Any]:
    """The backbone of a saved network, from where its config says."""
    config = TwoStreamPDM.load_config(path, subfolder=subfolder)
    reference = Reference(**config["backbone"])
    if reference.name is not None:
        return load_backbone(reference.name, reference.subfolder, dtype)
    backbone = load_backbone(path, "/".join(filter(None, [subfolder, BACKBONE])), dtype)
    backbone.reference = reference
    return backbone


def _leave_out_backbone(
    module: nn.Module, state_dict: dict[str, Any], prefix: str, local_metadata: dict[str, Any]
) -> None:
    """Frozen weights are no part of the network's state."""
    for key in [k for k in state_dict if k.startswith(f"{prefix}frozen.")]:
        del state_dict[key]


def _do_not_miss_backbone(module: nn.Module, incompatible: Any) -> None:
    """Nor are they missing from it."""
    missing = incompatible.missing_keys
    missing[:] = [k for k in missing if ".frozen." not in f".{k}"]


TwoStreamPDM.__module__ = "pandiff"
