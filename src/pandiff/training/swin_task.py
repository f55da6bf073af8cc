"""Training of a Swin-V2 for image prompts: what is where in an image, and what its caption says."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import torch
from PIL import Image
from torch import Tensor, nn
from torch.nn.functional import (
    adaptive_avg_pool2d,
    binary_cross_entropy_with_logits,
    normalize,
    one_hot,
    smooth_l1_loss,
)
from torch.utils.data import Dataset
from transformers import Swinv2Model

from pandiff.data.encoded import fit_map
from pandiff.data.images import ImageDataset
from pandiff.models.image_prompt import image_features, small_swin
from pandiff.pipeline import load_encoders, reading, resolve
from pandiff.training.clip_task import CaptionedImages, check_captions, contrastive
from pandiff.training.config import TrainConfig
from pandiff.training.task import Tensors, build

LEAST_SHARE = 1 / 64
"""Share of a place's pixels from which on a category is there."""
TONES = 4
"""Colors that a place tells, in each direction."""
PRESENCE_WEIGHT, COLOR_WEIGHT = 10.0, 10.0
"""Of the losses of what a place holds, against that of the captions, which is larger."""


class CaptionedMaps(Dataset[Any]):
    """Images with the tokens of their captions, and the category of every pixel.

    Args:
        captioned: the images with their tokens.
    """

    def __init__(self, captioned: CaptionedImages) -> None:
        self.captioned = captioned

    def __len__(self) -> int:
        return len(self.captioned)

    def __getitems__(self, indices: list[int]) -> Tensors:
        images = self.captioned.images
        maps = [fit_map(images.folder.panoptic(k), images.size) for k in indices]
        category = [torch.from_numpy(m.category_index) for m in maps]
        return {**self.captioned.__getitems__(indices), "category": torch.stack(category)}


class ImageTeller(nn.Module):
    """A Swin-V2, and heads that tell from its features what the image and its caption hold.

    Args:
        image_encoder: the Swin-V2.
        text_dim: channels of the caption's vector.
        categories: number of categories.
    """

    def __init__(self, image_encoder: Swinv2Model, text_dim: int, categories: int) -> None:
        super().__init__()
        dim = image_encoder.config.hidden_size
        self.image_encoder = image_encoder
        self.image_projection = nn.Linear(dim, dim, bias=False)
        self.text_projection = nn.Linear(text_dim, dim, bias=False)
        self.logit_scale = nn.Parameter(torch.tensor(math.log(1 / 0.07)))
        self.presence = nn.Conv2d(dim, categories, 1)
        self.colors = nn.Sequential(nn.Conv2d(dim, 3 * TONES**2, 1), nn.PixelShuffle(TONES))

    def forward(self, pixels: Tensor, text: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Pixels (B, 3, H, W), text vectors (B, D) -> what the image tells.

        Returns:
            Images and texts as unit vectors (B, dim) each; logits of the presence of each category
            (B, categories, h, w) at the places of the features; colors (B, 3, TONES h, TONES w).
        """
        features = image_features(self.image_encoder, pixels)
        return (
            normalize(self.image_projection(features.mean((2, 3))).float(), dim=-1),
            normalize(self.text_projection(text).float(), dim=-1),
            self.presence(features).float(),
            self.colors(features).float(),
        )


class SwinTask:
    """What each place of an image holds, and the contrastive loss of images and captions.

    A network reads an image prompt token by token. What a token does not tell of its own place,
    which a loss of the whole image leaves open, the network does not find (docs/log.md).

    Args:
        config: the run's settings; `encoders` must name a folder with text_encoder and tokenizer.
            `init` names a folder with an image_encoder to start from.
        data: a dataset folder with captions.
        device: where the frozen text encoder runs.
    """

    def __init__(self, config: TrainConfig, data: Path, device: torch.device) -> None:
        images = ImageDataset(data, config.size)
        check_captions(images.folder, data)
        encoders = load_encoders(resolve(config.encoders or "scenes"), device)
        self.text_encoder = encoders.text_encoder
        self.categories = len(images.folder.taxonomy)
        text_dim = self.text_encoder.config.hidden_size
        self.network = ImageTeller(self._swin(config), text_dim, self.categories)
        length = self.text_encoder.config.max_position_embeddings
        self.dataset = CaptionedMaps(CaptionedImages(images, encoders.tokenizer, length))

    def _swin(self, config: TrainConfig) -> Swinv2Model:
        if config.init:
            with reading("a Swin-V2 to start from", config.init):
                return Swinv2Model.from_pretrained(
                    resolve(config.init),
                    subfolder="image_encoder",
                    dtype=torch.float32,
                    add_pooling_layer=False,
                )
        return build(small_swin, {"image_size": config.size, **config.model})

    def draw(self, n: int, generator: torch.Generator) -> Tensors:
        return {"caption": torch.rand(n, generator=generator)}

    def losses(self, network: nn.Module, batch: Tensors, draws: Tensors) -> Tensors:
        tokens = batch["tokens"]
        rows = (draws["caption"] * tokens.shape[1]).long()
        tokens = tokens[torch.arange(len(tokens), device=tokens.device), rows]
        images, texts, presence, colors = network(batch["pixels"], self._vectors(tokens))
        caption = contrastive(images, texts, network.get_parameter("logit_scale"))
        there = self.places(batch["category"], presence.shape[-2:])
        one = binary_cross_entropy_with_logits(presence, there)
        other = smooth_l1_loss(colors, adaptive_avg_pool2d(batch["pixels"], colors.shape[-2:]))
        loss = caption["loss"] + PRESENCE_WEIGHT * one + COLOR_WEIGHT * other
        return {"loss": loss, "presence": one, "color": other, "top1": caption["top1"]}

    def places(self, category: Tensor, grid: tuple[int, int] | torch.Size) -> Tensor:
        """(B, H, W) indices of categories -> (B, categories, h, w), 1 where one is in a place."""
        layers = one_hot(category.long(), self.categories + 1).movedim(-1, 1)[:, 1:]
        return (adaptive_avg_pool2d(layers.float(), grid) >= LEAST_SHARE).float()

    @torch.no_grad()
    def _vectors(self, tokens: Tensor) -> Tensor:
        """(B, D): the frozen text encoder's vector of each caption."""
        vectors: Tensor = self.text_encoder(input_ids=tokens).pooler_output
        return vectors.float()

    @torch.inference_mode()
    def preview(self, network: nn.Module) -> Image.Image:
        """Probability of each category (columns) at each place of 8 images, above the truth."""
        batch = self.dataset.__getitems__(list(range(min(8, len(self.dataset)))))
        device = next(network.parameters()).device
        vectors = self._vectors(batch["tokens"][:, 0].to(device))
        _, _, presence, _ = network(batch["pixels"].to(device), vectors)
        there = self.places(batch["category"], presence.shape[-2:])
        rows = torch.cat([presence.sigmoid().cpu(), there]).movedim(1, -1).flatten(0, 2)
        return Image.fromarray((rows * 255).byte().numpy()).resize(
            (12 * rows.shape[1], 4 * len(rows)), Image.Resampling.NEAREST
        )

    def export(self, network: nn.Module, folder: Path) -> None:
        assert isinstance(network, ImageTeller)
        network.image_encoder.save_pretrained(folder / "image_encoder")
