"""What a pdm run will cost: sizes, tokens, memory and work, counted without data or weights."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from diffusers import PixArtTransformer2DModel
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from pandiff.codec import PanopticCodec
from pandiff.context import Context
from pandiff.models.backbones import Backbone, PixArtBackbone, UViTBackbone
from pandiff.models.encoders import latent_factor
from pandiff.models.uvit import UViT
from pandiff.pipeline import load_encoders, resolve
from pandiff.taxonomy import Category, Taxonomy
from pandiff.training import coco_presets as coco
from pandiff.training.config import TrainConfig
from pandiff.training.network import Network, Sizes, make_network

COCO_CATEGORIES = 133
GIB = 2**30


@dataclass(frozen=True)
class Cost:
    """Sizes of a run.

    Attributes:
        parameters, trained: of the network, in all and trained.
        tokens: of one sample.
        flops: floating-point operations of one step, over all processes; backward counts twice.
        weights: bytes of weights, gradients, the optimiser's state and the average.
        activations: bytes kept for the backward pass of one sample, in the run's precision.
    """

    parameters: int
    trained: int
    tokens: dict[str, int]
    flops: float
    weights: int
    activations: int

    def lines(self, config: TrainConfig) -> list[str]:
        """The cost as people read it."""
        tokens = ", ".join(f"{n} {name}" for name, n in self.tokens.items())
        batch = self.activations * config.batch_size / config.accumulate
        millions, trained = self.parameters / 1e6, self.trained / 1e6
        fixed = "weights, gradients, optimiser and average"
        return [
            f"parameters:  {millions:.1f} M, of them {trained:.1f} M trained",
            f"tokens:      {sum(self.tokens.values())} a sample ({tokens})",
            f"work:        {self.flops / 1e12:.2f} TFLOP a step of {config.batch_size} samples",
            f"memory:      {self.weights / GIB:.2f} GiB of {fixed}",
            f"             about {batch / GIB:.2f} GiB of activations, over all processes",
        ]


def estimate(config: TrainConfig, categories: int = COCO_CATEGORIES) -> Cost:
    """The cost of a run of task pdm.

    Args:
        config: its settings.
        categories: of the data's taxonomy.

    Raises:
        InputError: if the settings do not fit one another, or a local encoder cannot be read.
    """
    config = replace(config, init=None, model=config.model)
    sizes = _sizes(config, categories)
    with torch.device("meta"):
        network = make_network(config, sizes, published(config.backbone))
        flops, kept = _measure(network)
    trained = sum(p.numel() for p in network.parameters() if p.requires_grad)
    total = sum(p.numel() for p in network.parameters())
    share = 1 if config.precision == "no" else 2
    return Cost(
        parameters=total,
        trained=trained,
        tokens=_tokens(network),
        flops=3 * flops * config.batch_size,
        weights=4 * total + (4 + 8 + 4) * trained,
        activations=kept // share,
    )


def published(name: str | None) -> Callable[[], Backbone[Any]] | None:
    """A backbone of a published size, by its name, with fresh weights; None for others."""
    if name is None or Path(name).exists():
        return None
    if name == coco.PIXART:
        return lambda: PixArtBackbone.adapt(
            PixArtTransformer2DModel(
                sample_size=32, caption_channels=4096, cross_attention_dim=1152, out_channels=8
            )
        )
    table = {"mscoco_uvit_small.pth": "S/2", "mscoco_uvit_mid.pth": "M"}
    if name in table:
        return lambda: UViTBackbone.adapt(UViT.from_preset(table[name]))
    return None


def _sizes(config: TrainConfig, categories: int) -> Sizes:
    taxonomy = Taxonomy(tuple(Category(k + 1, f"{k}", isthing=True) for k in range(categories)))
    channels = PanopticCodec(taxonomy, instances=config.instances).channels
    if config.encoders == coco.STABLE_DIFFUSION:
        return Sizes(8, 4, channels, 768, 77, 768)
    if config.encoders == coco.PIXART:
        return Sizes(8, 4, channels, 4096, 120, 768)
    found = load_encoders(resolve(config.encoders or "scenes"))
    image = found.image_encoder
    return Sizes(
        latent_factor(found.vae),
        found.vae.config.latent_channels,
        channels,
        found.text.dim,
        found.text.length,
        None if image is None else image.config.hidden_size,
    )


def _tokens(network: Network) -> dict[str, int]:
    c = network.config
    patches = (c.sample_size // c.patch_size) ** 2
    prompts = c.image_prompt_length if c.image_prompt_dim else 0
    tokens = {"image": patches, "map": patches, "text": c.context_length, "image prompt": prompts}
    return {**{k: v for k, v in tokens.items() if v}, "levels": 2}


def example(network: Network, n: int, device: str = "cpu") -> tuple[Tensor, Tensor, Context]:
    """Random input of a network: state (n, C, h, w), levels (n, 2), context."""
    c = network.config
    pooled = c.get("pooled_dim")
    context = Context(
        torch.randn(n, c.context_length, c.context_dim, device=device),
        torch.ones(n, c.context_length, dtype=torch.bool, device=device),
        None if pooled is None else torch.randn(n, pooled, device=device),
    )
    x = torch.randn(n, network.layout.channels, c.sample_size, c.sample_size, device=device)
    return x, torch.full((n, 2), 500, device=device), context


def _measure(network: Network) -> tuple[int, int]:
    """Operations of the forward pass of one sample, and bytes that it keeps for the backward."""
    storages: dict[int, int] = {}
    own = {p.untyped_storage()._cdata for p in network.parameters()}

    def keep(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        if storage._cdata not in own:
            storages[storage._cdata] = storage.nbytes()
        return tensor

    counter = FlopCounterMode(display=False)
    saved = torch.autograd.graph.saved_tensors_hooks(keep, lambda t: t)
    with counter, saved:
        out = network(*example(network, 1, "meta"))
    assert isinstance(network, nn.Module) and out is not None
    return int(counter.get_total_flops()), sum(storages.values())
