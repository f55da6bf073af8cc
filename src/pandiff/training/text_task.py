"""Training of a text encoder to tell its words, and what the map of a caption holds."""

from __future__ import annotations

from copy import deepcopy
from pathlib import Path
from typing import Any

import torch
from PIL import Image
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy, smooth_l1_loss
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
    """A text encoder, and heads that tell from its tokens what was said and what is meant.

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
        self.words = nn.Linear(width, text_encoder.config.vocab_size)

    def forward(self, tokens: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Token ids (B, L) -> what the caption tells.

        Returns:
            Logits of presence and numbers of segments, (B, categories) each, from the mean of the
            tokens; logits of each token itself (B, L, vocabulary); hidden states (B, L, D).
        """
        hidden = self.text_encoder(input_ids=tokens).last_hidden_state
        presence, counts = self.head(self.pool(hidden)).float().chunk(2, dim=1)
        return presence, counts, self.words(hidden).float(), hidden.float()


class TextTask:
    """Which categories the map has, how many segments of each, and which word a token is.

    A contrastive loss trains one token of a caption, and a diffusion model reads all of them. What
    a small encoder of it does not carry, a short training of the model does not find: hence what
    the map holds. What the map does not show, such as colours and the light, would be forgotten,
    but for the words (docs/log.md). A diffusion model that was trained on the encoder as it was can
    read what comes of it only if it stays near: hence `keep`.

    Args:
        config: the run's settings; `encoders` names a folder with the text_encoder and tokenizer
            to start from; `keep_weight` weighs the squared distance of the hidden states from those
            at the start, as a share of their variance.
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
        self.keep_weight = config.keep_weight
        self.start = deepcopy(encoder).requires_grad_(False).eval() if config.keep_weight else None

    def draw(self, n: int, generator: torch.Generator) -> Tensors:
        return {"caption": torch.rand(n, generator=generator)}

    def losses(self, network: nn.Module, batch: Tensors, draws: Tensors) -> Tensors:
        tokens, counts = batch["tokens"], batch["counts"]
        rows = (draws["caption"] * tokens.shape[1]).long()
        tokens = tokens[torch.arange(len(tokens), device=tokens.device), rows]
        presence, told, words, hidden = network(tokens)
        one = binary_cross_entropy_with_logits(presence, (counts > 0).float())
        other = smooth_l1_loss(told, counts)
        special = torch.tensor(self.text.tokenizers[0].all_special_ids, device=tokens.device)
        said = ~torch.isin(tokens, special)
        word = cross_entropy(words[said], tokens[said])
        loss = PRESENCE_WEIGHT * one + other + word
        parts = {"presence": one, "count": other, "word": word}
        if self.start is not None:
            with torch.no_grad():
                start = self.start.to(tokens.device)(input_ids=tokens).last_hidden_state.float()
            parts["keep"] = (hidden - start).square().mean() / start.var(dim=(0, 1)).mean()
            loss = loss + self.keep_weight * parts["keep"]
        return {"loss": loss, **parts}

    @torch.inference_mode()
    def preview(self, network: nn.Module) -> Image.Image:
        """Probability of each category (columns) for 32 captions (rows), above the truth."""
        batch = self.dataset.__getitems__(list(range(min(32, len(self.dataset)))))
        device = next(network.parameters()).device
        presence, *_ = network(batch["tokens"][:, -1].to(device))
        rows = torch.cat([presence.sigmoid().cpu(), (batch["counts"] > 0).float()])
        return Image.fromarray((rows * 255).byte().numpy()).resize(
            (12 * rows.shape[1], 12 * len(rows)), Image.Resampling.NEAREST
        )

    def export(self, network: nn.Module, folder: Path) -> None:
        assert isinstance(network, MapTeller)
        network.text_encoder.save_pretrained(folder / "text_encoder")
        self.text.tokenizers[0].save_pretrained(folder / "tokenizer")
