"""Training of a text encoder to tell what the map of a caption holds."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from PIL import Image
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits, smooth_l1_loss
from torch.utils.data import Dataset
from transformers import CLIPTextModel

from pandiff.coco import PanopticFolder
from pandiff.errors import InputError
from pandiff.models.layers import TokenPool
from pandiff.models.text import ClipText
from pandiff.pipeline import load_text, resolve
from pandiff.training.clip_task import check_captions
from pandiff.training.config import TrainConfig
from pandiff.training.task import Tensors

PRESENCE_WEIGHT = 10.0
"""Of the presence's loss against that of the counts, which is larger."""


class CaptionedCounts(Dataset[Any]):
    """Tokens of every image's captions, and how many segments of each category its map has.

    Args:
        folder: the dataset; no pixel of it is read.
        text: the tokenizer and its length.
    """

    def __init__(self, folder: PanopticFolder, text: ClipText) -> None:
        self.captions = [folder.captions(k) for k in range(len(folder))]
        self.text = text
        self.counts = torch.zeros(len(folder), len(folder.taxonomy))
        for k in range(len(folder)):
            for category_id in folder.category_ids(k):
                self.counts[k, folder.taxonomy.index(category_id) - 1] += 1

    def __len__(self) -> int:
        return len(self.captions)

    def __getitems__(self, indices: list[int]) -> Tensors:
        several = [self.captions[k] for k in indices]
        most = max(map(len, several))
        flat = [c[j % len(c)] for c in several for j in range(most)]
        tokens = self.text.tokenize(flat).view(len(indices), most, -1)
        return {"tokens": tokens, "counts": self.counts[indices]}


class MapTeller(nn.Module):
    """A text encoder, and a head that tells from a caption what the map holds.

    Args:
        text_encoder: the text encoder, of which every token's last hidden state counts.
        categories: number of categories.
    """

    def __init__(self, text_encoder: CLIPTextModel, categories: int) -> None:
        super().__init__()
        width = text_encoder.config.hidden_size
        self.text_encoder = text_encoder
        self.pool = TokenPool(width)
        self.head = nn.Linear(width, 2 * categories)

    def forward(self, tokens: Tensor) -> tuple[Tensor, Tensor]:
        """Token ids (B, L) -> logits of presence, numbers of segments, (B, categories) each."""
        hidden = self.text_encoder(input_ids=tokens).last_hidden_state
        presence, counts = self.head(self.pool(hidden)).float().chunk(2, dim=1)
        return presence, counts


class TextTask:
    """Which categories the map has, and how many segments of each, read off its caption.

    A contrastive loss trains one token of a caption, and a diffusion model reads all of them. What
    a small encoder of it does not carry, a short training of the model does not find
    (docs/log.md).

    Args:
        config: the run's settings; `encoders` names a folder with the text_encoder and tokenizer
            to start from.
        data: a dataset folder with captions.
    """

    def __init__(self, config: TrainConfig, data: Path) -> None:
        folder = PanopticFolder.open(data)
        check_captions(folder, data)
        text = load_text(resolve(config.init or config.encoders or "scenes"))
        if not isinstance(text, ClipText):
            raise InputError("one CLIP to train", type(text).__name__, "choose other encoders")
        self.text = text
        self.dataset = CaptionedCounts(folder, text)
        encoder = text.encoders[0].float().requires_grad_(True)
        self.network = MapTeller(encoder, len(folder.taxonomy))

    def draw(self, n: int, generator: torch.Generator) -> Tensors:
        return {"caption": torch.rand(n, generator=generator)}

    def losses(self, network: nn.Module, batch: Tensors, draws: Tensors) -> Tensors:
        tokens, counts = batch["tokens"], batch["counts"]
        rows = (draws["caption"] * tokens.shape[1]).long()
        tokens = tokens[torch.arange(len(tokens), device=tokens.device), rows]
        presence, told = network(tokens)
        one = binary_cross_entropy_with_logits(presence, (counts > 0).float())
        other = smooth_l1_loss(told, counts)
        hit = ((presence > 0) == (counts > 0)).float().mean()
        return {"loss": PRESENCE_WEIGHT * one + other, "presence": one, "count": other, "hit": hit}

    @torch.inference_mode()
    def preview(self, network: nn.Module) -> Image.Image:
        """Probability of each category (columns) for 32 captions (rows), above the truth."""
        batch = self.dataset.__getitems__(list(range(min(32, len(self.dataset)))))
        device = next(network.parameters()).device
        presence, _ = network(batch["tokens"][:, -1].to(device))
        rows = torch.cat([presence.sigmoid().cpu(), (batch["counts"] > 0).float()])
        return Image.fromarray((rows * 255).byte().numpy()).resize(
            (12 * rows.shape[1], 12 * len(rows)), Image.Resampling.NEAREST
        )

    def export(self, network: nn.Module, folder: Path) -> None:
        assert isinstance(network, MapTeller)
        network.text_encoder.save_pretrained(folder / "text_encoder")
        self.text.tokenizers[0].save_pretrained(folder / "tokenizer")
