"""Training of a Swin-V2 for image prompts, against the captions of its images."""

from __future__ import annotations

import math
from pathlib import Path

import torch
from PIL import Image
from torch import Tensor, nn
from torch.nn.functional import normalize
from transformers import Swinv2Model

from pandiff.data.images import ImageDataset
from pandiff.models.image_prompt import image_features, small_swin
from pandiff.pipeline import load_encoders, reading, resolve
from pandiff.training.clip_task import CaptionedImages, check_captions, contrastive
from pandiff.training.config import TrainConfig
from pandiff.training.task import Tensors, build


class CaptionMatcher(nn.Module):
    """A Swin-V2 whose mean feature is matched with the caption's frozen CLIP vector.

    Args:
        image_encoder: the Swin-V2.
        text_dim: channels of the caption's vector.
    """

    def __init__(self, image_encoder: Swinv2Model, text_dim: int) -> None:
        super().__init__()
        dim = image_encoder.config.hidden_size
        self.image_encoder = image_encoder
        self.image_projection = nn.Linear(dim, dim, bias=False)
        self.text_projection = nn.Linear(text_dim, dim, bias=False)
        self.logit_scale = nn.Parameter(torch.tensor(math.log(1 / 0.07)))

    def forward(self, pixels: Tensor, text: Tensor) -> tuple[Tensor, Tensor]:
        """Pixels (B, 3, H, W), text vectors (B, D) -> both as unit vectors (B, dim)."""
        images = image_features(self.image_encoder, pixels).mean((2, 3))
        return (
            normalize(self.image_projection(images).float(), dim=-1),
            normalize(self.text_projection(text).float(), dim=-1),
        )


class SwinTask:
    """The symmetric contrastive loss of Swin-V2 and the captions; the text encoder is frozen.

    Args:
        config: the run's settings; `encoders` must name a folder with text_encoder and tokenizer.
        data: a dataset folder.
        device: where the frozen text encoder runs.
    """

    def __init__(self, config: TrainConfig, data: Path, device: torch.device) -> None:
        images = ImageDataset(data, config.size)
        check_captions(images.folder, data)
        encoders = load_encoders(resolve(config.encoders or "scenes"), device)
        self.text_encoder = encoders.text_encoder
        swin = self._swin(config)
        self.network = CaptionMatcher(swin, self.text_encoder.config.hidden_size)
        length = self.text_encoder.config.max_position_embeddings
        self.dataset = CaptionedImages(images, encoders.tokenizer, length)

    def _swin(self, config: TrainConfig) -> Swinv2Model:
        if config.init:
            with reading("a Swin-V2 to start from", config.init):
                return Swinv2Model.from_pretrained(
                    config.init,
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
        images, texts = network(batch["pixels"], self._vectors(tokens))
        return contrastive(images, texts, network.get_parameter("logit_scale"))

    @torch.no_grad()
    def _vectors(self, tokens: Tensor) -> Tensor:
        """(B, D): the frozen text encoder's vector of each caption."""
        vectors: Tensor = self.text_encoder(input_ids=tokens).pooler_output
        return vectors.float()

    @torch.inference_mode()
    def preview(self, network: nn.Module) -> Image.Image:
        """The matrix of similarities of 32 texts (rows) and their images (columns)."""
        batch = self.dataset.__getitems__(list(range(min(32, len(self.dataset)))))
        device = next(network.parameters()).device
        vectors = self._vectors(batch["tokens"][:, 0].to(device))
        images, texts = network(batch["pixels"].to(device), vectors)
        shades = (texts @ images.T * network.get_parameter("logit_scale").exp()).softmax(-1)
        pixels = (shades.float().cpu() * 255).byte().numpy()
        return Image.fromarray(pixels).resize((512, 512), Image.Resampling.NEAREST)

    def export(self, network: nn.Module, folder: Path) -> None:
        assert isinstance(network, CaptionMatcher)
        network.image_encoder.save_pretrained(folder / "image_encoder")
