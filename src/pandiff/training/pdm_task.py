"""Training of a panoptic diffusion model."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from diffusers import AutoencoderKL, DPMSolverMultistepScheduler
from PIL import Image
from torch import Tensor, nn
from transformers import CLIPTextModel, PreTrainedTokenizerFast

from pandiff.coco import PanopticFolder
from pandiff.codec import PanopticCodec
from pandiff.data.encoded import EncodedDataset, Encoding, load_or_encode
from pandiff.diffusion import PATTERNS, Levels, StreamSchedules, draw_levels, objective
from pandiff.draw import grid
from pandiff.errors import InputError
from pandiff.models.encoders import encode_tokens, latent_factor, tokenize
from pandiff.models.unified import UnifiedPDM
from pandiff.pipeline import PanopticDiffusionPipeline, reading, resolve
from pandiff.taxonomy import VOID
from pandiff.training.config import TrainConfig
from pandiff.training.progress import track
from pandiff.training.task import Tensors, build, check_filled

IMAGE_GIVEN = PATTERNS.index("image_given")


class PdmTask:
    """Both streams' losses on encoded data, over all the level patterns.

    Args:
        config: the run's settings; `encoders` must name a folder with vae, text_encoder and
            tokenizer, or a whole pipeline.
        data: a dataset folder; encoded once into `cache`.
        device: where the frozen encoders run.
        cache: file for the encoded data.
    """

    def __init__(self, config: TrainConfig, data: Path, device: torch.device, cache: Path) -> None:
        self.config, self.device = config, device
        folder = PanopticFolder.open(data)
        check_filled(folder, data)
        self.vae, self.text_encoder, self.tokenizer = _encoders(
            resolve(config.encoders or config.init or "scenes"), device
        )
        self.codec = PanopticCodec(folder.taxonomy, instances=config.instances)
        self.network = self._network()
        self.layout = self.network.layout
        self.schedules = StreamSchedules.for_ratio(self.layout.ratio)
        self.dataset = EncodedDataset(load_or_encode(data, cache, self._encoding(), _encoding_bar))
        has_void = bool((self.dataset.tensors["category"] == VOID).any())
        self.codec = replace(self.codec, void=has_void, min_area=config.min_area)
        self.map_weights = torch.ones(self.codec.channels, device=device)
        offsets = self.codec.channel_groups.get("offsets", slice(0, 0))
        self.map_weights[offsets] = config.offset_weight
        self.prompts = [(folder.captions(k) or [""])[0] for k in range(min(8, len(folder)))]
        length = self.network.config.context_length
        null = tokenize(self.tokenizer, [""], length).to(device)
        self.null_context = encode_tokens(self.text_encoder, null).detach()

    def _network(self) -> UnifiedPDM:
        if self.config.init:
            with reading("a model to start from", self.config.init):
                network: UnifiedPDM = UnifiedPDM.from_pretrained(
                    resolve(self.config.init), subfolder="transformer", dtype=torch.float32
                )
            if network.config.map_channels != self.codec.channels:
                raise InputError(
                    f"an init model with {self.codec.channels} map channels",
                    str(network.config.map_channels),
                    "use the codec and taxonomy it was trained with",
                )
            return network
        text, factor = self.text_encoder.config, latent_factor(self.vae)
        if self.config.size % factor:
            raise InputError(f"a size that {factor} divides", str(self.config.size), "change it")
        settings: dict[str, Any] = {
            "sample_size": self.config.size // factor,
            "image_channels": self.vae.config.latent_channels,
            "map_channels": self.codec.channels,
            "ratio": self.config.ratio,
            "context_dim": text.hidden_size,
            "context_length": text.max_position_embeddings,
            **self.config.model,
        }
        torch.manual_seed(self.config.seed)
        return build(UnifiedPDM, settings)

    def _encoding(self) -> Encoding:
        c = self.network.config
        cells = c.sample_size * c.ratio
        return Encoding(
            self.vae, self.tokenizer, self.codec, self.config.size, cells, c.context_length
        )

    def draw(self, n: int, generator: torch.Generator) -> Tensors:
        side = self.network.config.sample_size
        levels = draw_levels(self.layout, (n, side, side), self.config.patterns, generator)
        shape = (n, self.layout.channels, side, side)
        dropout = torch.full((n,), self.config.text_dropout)
        dropout[levels.pattern == IMAGE_GIVEN] = self.config.text_dropout_image_given
        return {
            "pattern": levels.pattern,
            "t": levels.t,
            "known": levels.known,
            "noise": torch.randn(shape, generator=generator),
            "caption": torch.rand(n, generator=generator),
            "drop": torch.rand(n, generator=generator) < dropout,
        }

    def losses(self, network: nn.Module, batch: Tensors, draws: Tensors) -> Tensors:
        losses = objective(
            network,
            self.layout,
            self.schedules,
            self._clean(batch),
            self._context(batch["tokens"], draws),
            Levels(draws["pattern"], draws["t"], draws["known"]),
            draws["noise"],
            self.network.config.image_prediction,
            self.map_weights,
        )
        loss = losses.image + self.config.map_weight * losses.panoptic
        return {"loss": loss, "image": losses.image, "map": losses.panoptic}

    def _clean(self, batch: Tensors) -> Tensor:
        labels = (batch[name] for name in ("category", "instance", "color"))
        return self.layout.join(batch["latents"].float(), self.codec.encode_indices(*labels))

    @torch.no_grad()
    def _context(self, tokens: Tensor, draws: Tensors) -> Tensor:
        rows = (draws["caption"] * tokens.shape[1]).long()
        chosen = tokens[torch.arange(len(tokens), device=tokens.device), rows].long()
        context = encode_tokens(self.text_encoder, chosen)
        return torch.where(draws["drop"][:, None, None], self.null_context, context)

    def pipeline(self, network: nn.Module) -> PanopticDiffusionPipeline:
        """The network with its encoders, ready to sample."""
        return PanopticDiffusionPipeline(
            vae=self.vae,
            text_encoder=self.text_encoder,
            tokenizer=self.tokenizer,
            transformer=network,
            scheduler=DPMSolverMultistepScheduler(solver_order=2),
            codec=self.codec.to_config(),
        )

    def preview(self, network: nn.Module) -> Image.Image:
        pipe = self.pipeline(network)
        pipe.set_progress_bar_config(disable=True)
        generator = torch.Generator().manual_seed(0)
        out = pipe(self.prompts, num_inference_steps=20, guidance_scale=2.5, generator=generator)
        return grid(out.images, maps=out.maps, prompts=self.prompts)

    def export(self, network: nn.Module, folder: Path) -> None:
        self.pipeline(network).save_pretrained(folder)


def _encoders(
    path: str, device: torch.device
) -> tuple[AutoencoderKL, CLIPTextModel, PreTrainedTokenizerFast]:
    """The frozen VAE, text encoder and tokenizer of a folder or hub id."""
    with reading("vae, text_encoder and tokenizer", path):
        vae = AutoencoderKL.from_pretrained(path, subfolder="vae")
        text_encoder = CLIPTextModel.from_pretrained(path, subfolder="text_encoder")
        tokenizer = PreTrainedTokenizerFast.from_pretrained(path, subfolder="tokenizer")
    text_encoder.eval().requires_grad_(False)
    return vae.eval().to(device), text_encoder.to(device), tokenizer


def _encoding_bar(iterable: Any) -> Any:
    return track(iterable, "encoding")
