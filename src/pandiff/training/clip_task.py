"""Training of the small CLIP (Radford et al. 2021, arXiv 2103.00020)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from PIL import Image
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, normalize
from torch.utils.data import Dataset
from transformers import CLIPModel, PreTrainedTokenizerFast

from pandiff.coco import PanopticFolder
from pandiff.collectives import gather_rows
from pandiff.data.images import ImageDataset
from pandiff.errors import InputError
from pandiff.models.small import small_clip, train_tokenizer
from pandiff.models.text import tokenize
from pandiff.pipeline import reading
from pandiff.training.config import TrainConfig
from pandiff.training.task import Tensors, build

LENGTH = 30
VOCABULARY = 512


class CaptionedImages(Dataset[Any]):
    """Images with the tokens of one caption each, another caption each time."""

    def __init__(self, images: ImageDataset, tokenizer: Any, length: int = LENGTH) -> None:
        self.images, self.tokenizer, self.length = images, tokenizer, length

    def __len__(self) -> int:
        return len(self.images)

    def __getitems__(self, indices: list[int]) -> Tensors:
        captions = [self.images.folder.captions(k) for k in indices]
        tokens = [tokenize(self.tokenizer, c, self.length) for c in captions]
        fewest = min(len(t) for t in tokens)
        return {
            **self.images.__getitems__(indices),
            "tokens": torch.stack([t[:fewest] for t in tokens]),
        }


class ClipTask:
    """The symmetric contrastive loss over one caption of each image.

    Args:
        config: the run's settings.
        data: a dataset folder.
    """

    def __init__(self, config: TrainConfig, data: Path) -> None:
        images = ImageDataset(data, config.size)
        check_captions(images.folder, data)
        self.tokenizer, self.network = self._build(config, images)
        self.dataset = CaptionedImages(images, self.tokenizer)

    def _build(self, config: TrainConfig, images: ImageDataset) -> tuple[Any, CLIPModel]:
        if config.init:
            with reading("a CLIP to start from", config.init):
                tokenizer = PreTrainedTokenizerFast.from_pretrained(f"{config.init}/tokenizer")
                return tokenizer, CLIPModel.from_pretrained(f"{config.init}/clip")
        some = range(min(4000, len(images)))
        captions = (c for k in some for c in images.folder.captions(k))
        tokenizer = train_tokenizer(captions, VOCABULARY, LENGTH)
        settings = {
            "vocab_size": len(tokenizer),
            "bos_id": tokenizer.bos_token_id,
            "eos_id": tokenizer.eos_token_id,
            "image_size": config.size,
            "length": LENGTH,
        }
        return tokenizer, build(small_clip, {**settings, **config.model})

    def draw(self, n: int, generator: torch.Generator) -> Tensors:
        return {"caption": torch.rand(n, generator=generator)}

    def losses(self, network: nn.Module, batch: Tensors, draws: Tensors) -> Tensors:
        tokens = batch["tokens"]
        rows = (draws["caption"] * tokens.shape[1]).long()
        tokens = tokens[torch.arange(len(tokens), device=tokens.device), rows]
        output = network(input_ids=tokens, pixel_values=batch["pixels"])
        images = normalize(output.image_embeds.float(), dim=-1)
        texts = normalize(output.text_embeds.float(), dim=-1)
        return contrastive(images, texts, network.get_parameter("logit_scale"))

    @torch.inference_mode()
    def preview(self, network: nn.Module) -> Image.Image:
        """The matrix of similarities of 32 texts (rows) and their images (columns)."""
        batch = self.dataset.__getitems__(list(range(min(32, len(self.dataset)))))
        device = next(network.parameters()).device
        tokens, pixels = batch["tokens"][:, 0].to(device), batch["pixels"].to(device)
        logits = network(input_ids=tokens, pixel_values=pixels).logits_per_text.softmax(-1)
        shades = (logits.float().cpu() * 255).byte().numpy()
        return Image.fromarray(shades).resize((512, 512), Image.Resampling.NEAREST)

    def export(self, network: nn.Module, folder: Path) -> None:
        assert isinstance(network, CLIPModel)
        network.save_pretrained(folder / "clip")
        network.text_model.save_pretrained(folder / "text_encoder")
        self.tokenizer.save_pretrained(folder / "tokenizer")


def contrastive(images: Tensor, texts: Tensor, logit_scale: Tensor) -> Tensors:
    """The loss of unit vectors (B, D), of which row k of one belongs to row k of the other.

    The rows of all processes are compared.
    """
    images, texts = gather_rows(images), gather_rows(texts)
    logits = logit_scale.exp().clamp(max=100) * texts @ images.T
    target = torch.arange(len(logits), device=logits.device)
    loss = (cross_entropy(logits, target) + cross_entropy(logits.T, target)) / 2
    return {"loss": loss, "top1": (logits.argmax(1) == target).float().mean()}


def check_captions(folder: PanopticFolder, data: Path) -> None:
    """InputError if an image has no caption."""
    without = [i.file_name for k, i in enumerate(folder.images) if not folder.captions(k)]
    if without:
        raise InputError("a caption of every image", f"none of {without[0]} in {data}", "add them")
