"""The network of a pdm run: built, or taken from another model and grown."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import interpolate

from pandiff.errors import InputError
from pandiff.models.backbones import Backbone, load_backbone
from pandiff.models.two_stream import TwoStreamPDM
from pandiff.models.unified import UnifiedPDM
from pandiff.pipeline import reading, resolve
from pandiff.training.config import TrainConfig
from pandiff.training.task import build

Network = UnifiedPDM | TwoStreamPDM


@dataclass(frozen=True)
class Sizes:
    """What the encoders and the data fix.

    Attributes:
        latent_factor: side of an image over side of its latent.
        image_channels: channels of the latent.
        map_channels: channels of the map.
        context_dim, context_length: shape of the text.
        image_prompt_dim: channels of the image encoder's features; None for no image prompts.
    """

    latent_factor: int
    image_channels: int
    map_channels: int
    context_dim: int
    context_length: int
    image_prompt_dim: int | None = None


def make_network(
    config: TrainConfig, sizes: Sizes, backbone: Callable[[], Backbone[Any]] | None = None
) -> Network:
    """The network that a run trains.

    Args:
        config: the run's settings.
        sizes: what encoders and data fix.
        backbone: makes the backbone of two streams; by default it is read from `config.backbone`.

    Raises:
        InputError: if the settings do not fit one another, the encoders or the model of `init`.
    """
    torch.manual_seed(config.seed)
    if config.init:
        return _started(config, sizes)
    if config.size % sizes.latent_factor:
        raise InputError(
            f"a size that {sizes.latent_factor} divides", str(config.size), "change it"
        )
    settings: dict[str, Any] = {
        "sample_size": config.size // sizes.latent_factor,
        "map_channels": sizes.map_channels,
        "ratio": config.ratio,
        "context_length": sizes.context_length,
        "image_prompt_dim": sizes.image_prompt_dim,
    }
    if config.network == "two-stream":
        return _two_stream(config, sizes, settings, backbone)
    settings |= {"image_channels": sizes.image_channels, "context_dim": sizes.context_dim}
    return build(UnifiedPDM, {**settings, **config.model})


def _two_stream(
    config: TrainConfig,
    sizes: Sizes,
    settings: dict[str, Any],
    make: Callable[[], Backbone[Any]] | None,
) -> TwoStreamPDM:
    if config.backbone is None:
        raise InputError("a backbone for two streams", "none", "set --backbone to an image model")
    with reading("an image model", config.backbone):
        backbone = load_backbone(config.backbone) if make is None else make()
    spec = backbone.spec
    theirs = (spec.channels, spec.context_dim)
    if theirs != (sizes.image_channels, sizes.context_dim):
        raise InputError(
            f"encoders of {theirs[0]} latent and {theirs[1]} text channels, as the backbone's",
            f"{sizes.image_channels} and {sizes.context_dim}",
            "use the encoders that the backbone was trained with",
        )
    return build(TwoStreamPDM, {**settings, **config.model, "backbone": backbone})


def _started(config: TrainConfig, sizes: Sizes) -> Network:
    """The network of `init`, which may grow."""
    kind = TwoStreamPDM if config.network == "two-stream" else UnifiedPDM
    with reading("a model to start from", str(config.init)):
        network: Network = kind.from_pretrained(
            resolve(str(config.init)), subfolder="transformer", dtype=torch.float32
        )
    if network.config.map_channels != sizes.map_channels:
        raise InputError(
            f"an init model with {sizes.map_channels} map channels",
            str(network.config.map_channels),
            "use the codec and taxonomy it was trained with",
        )
    return network if isinstance(network, TwoStreamPDM) else _grown(network, config, sizes)


def _grown(network: UnifiedPDM, config: TrainConfig, sizes: Sizes) -> UnifiedPDM:
    """The network, with image prompts if there are any, and what else it is asked for.

    That is modulation, and longer image prompts.
    """
    has = _settings(network)
    wants = {
        **has,
        "image_prompt_dim": sizes.image_prompt_dim or has["image_prompt_dim"],
        "modulation": has["modulation"] or config.model.get("modulation", False),
        "image_prompt_length": max(
            has["image_prompt_length"], config.model.get("image_prompt_length", 0)
        ),
    }
    if wants == has:
        return network
    grown = build(UnifiedPDM, wants)
    weights = {**grown.state_dict(), **network.state_dict()}
    if "image_prompt_positions" in weights:
        weights["image_prompt_positions"] = _longer(
            weights["image_prompt_positions"], wants["image_prompt_length"]
        )
    grown.load_state_dict(weights)
    return grown


def _longer(positions: Tensor, length: int) -> Tensor:
    """(1, M, D) positions on a square -> (1, length, D), each that of its part of the square."""
    if positions.shape[1] == length:
        return positions
    side = math.isqrt(positions.shape[1])
    square = positions.transpose(1, 2).unflatten(2, (side, side))
    new = interpolate(square, (math.isqrt(length),) * 2, mode="bilinear")
    return new.flatten(2).transpose(1, 2)


def _settings(network: UnifiedPDM) -> dict[str, Any]:
    """The arguments that a network was made with."""
    return {k: v for k, v in network.config.items() if not k.startswith("_")}
