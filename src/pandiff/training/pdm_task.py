"""Training of a panoptic diffusion model."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import torch
from diffusers import DPMSolverMultistepScheduler
from PIL import Image
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d

from pandiff.codec import PanopticCodec
from pandiff.context import Context
from pandiff.data.encoded import Encoding
from pandiff.diffusion import PATTERNS, Levels, StreamSchedules, draw_levels, objective
from pandiff.diffusion.schedule import NUM_LEVELS
from pandiff.draw import grid
from pandiff.models.encoders import latent_factor
from pandiff.pipeline import PanopticDiffusionPipeline
from pandiff.training.config import TrainConfig
from pandiff.training.network import Network, Sizes, make_network
from pandiff.training.pdm_data import PdmData, encoders_of, open_data
from pandiff.training.task import Tensors

IMAGE_GIVEN, MAP_GIVEN = PATTERNS.index("image_given"), PATTERNS.index("map_given")
SETTLED = 0.6
"""Share of the levels up to which a noisy image shows what is a thing."""


class PdmTask:
    """Both streams' losses on encoded data, over all the level patterns.

    Args:
        config: the run's settings; `encoders` must name a folder with vae, text_encoder and
            tokenizer, or a whole pipeline.
        data: a dataset folder, encoded once into `cache`; or shards, or their address.
        device: where the frozen encoders run.
        cache: file for the encoded data.
    """

    def __init__(
        self, config: TrainConfig, data: str | Path, device: torch.device, cache: Path
    ) -> None:
        self.config, self.device = config, device
        self.data = self._open(data, cache)
        self.encoders = encoders_of(config, device)
        self.codec = PanopticCodec(self.data.taxonomy, instances=config.instances)
        self.network = self._make_network(self._sizes())
        self.text = self.encoders.text.with_length(self.network.config.context_length)
        self.layout = self.network.layout
        self.schedules = StreamSchedules.of(self.network)
        self.dataset, has_void = self.data.read(self._encoding())
        self.codec = replace(self.codec, void=has_void, min_area=config.min_area)
        self.map_weights = torch.ones(self.codec.channels, device=device)
        offsets = self.codec.channel_groups.get("offsets", slice(0, 0))
        self.map_weights[offsets] = config.offset_weight
        self.null_tokens = self.text.tokenize([""]).to(device)

    def _open(self, data: str | Path, cache: Path) -> PdmData:
        """The samples; a task of an experiment may read others."""
        return open_data(data, cache)

    def _make_network(self, sizes: Sizes) -> Network:
        """The network to train; a task of an experiment may train another."""
        return make_network(self.config, sizes)

    def _sizes(self) -> Sizes:
        e = self.encoders
        return Sizes(
            latent_factor=latent_factor(e.vae),
            image_channels=e.vae.config.latent_channels,
            map_channels=self.codec.channels,
            context_dim=e.text.dim,
            context_length=e.text.length,
            image_prompt_dim=None
            if e.image_encoder is None
            else e.image_encoder.config.hidden_size,
        )

    def _encoding(self) -> Encoding:
        c = self.network.config
        cells = c.sample_size * c.ratio
        e = self.encoders
        return Encoding(
            e.vae,
            self.text,
            self.codec,
            self.config.size,
            cells,
            e.image_encoder,
            c.image_prompt_length,
        )

    def draw(self, n: int, generator: torch.Generator) -> Tensors:
        side = self.network.config.sample_size
        c = self.config
        levels = draw_levels(self.layout, (n, side, side), c.patterns, generator, c.joint_shift)
        shape = (n, self.layout.channels, side, side)
        prompted = torch.rand(n, generator=generator) >= self.config.image_prompt_dropout
        prompted &= torch.tensor(self.encoders.image_encoder is not None)
        dropout = torch.full((n,), self.config.text_dropout)
        shown = prompted | (levels.pattern == IMAGE_GIVEN)
        dropout[shown] = self.config.text_dropout_image_given
        return {
            "pattern": levels.pattern,
            "t": levels.t,
            "known": levels.known,
            "noise": torch.randn(shape, generator=generator),
            "caption": torch.rand(n, generator=generator),
            "drop": torch.rand(n, generator=generator) < dropout,
            "prompted": prompted,
            **self.data.draw(n, (self.layout.image_channels, side, side), generator),
        }

    def losses(self, network: nn.Module, batch: Tensors, draws: Tensors) -> Tensors:
        batch = self.data.view(batch, draws)
        losses = objective(
            network,
            self.layout,
            self.schedules,
            self._clean(batch),
            self._context(batch, draws),
            Levels(draws["pattern"], draws["t"], draws["known"]),
            draws["noise"],
            self.network.config.image_prediction,
            self.map_weights,
            self._image_weights(batch["category"], draws["pattern"], draws["t"]),
        )
        loss = losses.image + self.config.map_weight * losses.panoptic
        return {"loss": loss, "image": losses.image, "map": losses.panoptic}

    def _image_weights(self, category: Tensor, pattern: Tensor, t: Tensor) -> Tensor | None:
        """(B, 1, h, w) weights of the image's cells, by the share of things in each."""
        if self.config.thing_weight == 1:
            return None
        things = torch.from_numpy(self.data.taxonomy.isthing).to(category.device)[category.long()]
        share = avg_pool2d(things[:, None].float(), self.layout.ratio)
        settled = (pattern == MAP_GIVEN) | (t[:, 0] <= SETTLED * NUM_LEVELS)
        return 1 + (self.config.thing_weight - 1) * share * settled[:, None, None, None]

    def _clean(self, batch: Tensors) -> Tensor:
        labels = (batch[name] for name in ("category", "instance", "color"))
        return self.layout.join(batch["latents"].float(), self.codec.encode_indices(*labels))

    @torch.no_grad()
    def _context(self, batch: Tensors, draws: Tensors) -> Context:
        tokens = batch["tokens"]
        rows = (draws["caption"] * tokens.shape[1]).long()
        chosen = tokens[torch.arange(len(tokens), device=tokens.device), rows].long()
        context = self.text.encode(torch.where(draws["drop"][:, None], self.null_tokens, chosen))
        if "image_prompt" not in batch:
            return context
        prompts = batch["image_prompt"].float() * draws["prompted"][:, None, None]
        return replace(context, image=prompts)

    def pipeline(self, network: nn.Module) -> PanopticDiffusionPipeline:
        """The network with its encoders, ready to sample."""
        return PanopticDiffusionPipeline(
            vae=self.encoders.vae,
            **self.text.components(),
            image_encoder=self.encoders.image_encoder,
            transformer=network,
            scheduler=DPMSolverMultistepScheduler(solver_order=2),
            codec=self.codec.to_config(),
        )

    def preview(self, network: nn.Module) -> Image.Image:
        pipe = self.pipeline(network)
        pipe.set_progress_bar_config(disable=True)
        generator = torch.Generator().manual_seed(0)
        prompts = self.data.captions
        out = pipe(prompts, generator=generator)
        return grid(out.images, maps=out.maps, prompts=prompts)

    def export(self, network: nn.Module, folder: Path) -> None:
        self.pipeline(network).save_pretrained(folder)
