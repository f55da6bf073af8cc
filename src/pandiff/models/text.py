"""Text encoders: prompts to the context that a network reads."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import torch
from torch import Tensor
from torch.nn.functional import pad
from transformers import (
    CLIPTextModel,
    CLIPTextModelWithProjection,
    PreTrainedModel,
    PreTrainedTokenizerBase,
    T5EncoderModel,
)

from pandiff.context import Context
from pandiff.errors import InputError

ARCHITECTURES: dict[str, type[PreTrainedModel]] = {
    "CLIPTextModel": CLIPTextModel,
    "CLIPModel": CLIPTextModel,
    "CLIPTextModelWithProjection": CLIPTextModelWithProjection,
    "T5EncoderModel": T5EncoderModel,
    "T5ForConditionalGeneration": T5EncoderModel,
}
"""What a saved model says that it is (`architectures` in its config) -> the encoder read of it."""
SUFFIXES = ("", "_2", "_3")
"""Of the names text_encoder and tokenizer, as diffusers' pipelines number them."""
T5_LENGTH = 120
"""Tokens of a T5 alone, as in PixArt-alpha; PixArt-Sigma reads 300."""
SD3_T5_LENGTH = 256
"""Tokens of Stable Diffusion 3's T5, as in diffusers."""
SD3_WIDTH = 4096
"""Width of Stable Diffusion 3's context, for a set without the T5 that tells it."""


@dataclass(frozen=True, eq=False)
class TextEncoders(ABC):
    """The text encoders that a network was trained with, and their tokenizers.

    Attributes:
        tokenizers, encoders: one for one; made by `text_encoders`.
        length: L, the tokens of a context.
    """

    tokenizers: tuple[PreTrainedTokenizerBase, ...]
    encoders: tuple[PreTrainedModel, ...]
    length: int
    kinds: ClassVar[tuple[str, ...]]

    @property
    @abstractmethod
    def dim(self) -> int:
        """D, the width of a context."""

    @property
    def pooled_dim(self) -> int | None:
        """P, the width of a context's pooled vector; None for a set that makes none."""
        return None

    @property
    def lengths(self) -> tuple[int, ...]:
        """Tokens that each encoder reads; their sum is the width of `tokenize`'s ids."""
        return (self.length,)

    def components(self) -> dict[str, PreTrainedTokenizerBase | PreTrainedModel]:
        """The parts by the names that they have in a pipeline."""
        parts = {"tokenizer": self.tokenizers, "text_encoder": self.encoders}
        return {
            name + suffix: part
            for name, several in parts.items()
            for suffix, part in zip(SUFFIXES, several, strict=False)
        }

    def with_length(self, length: int) -> TextEncoders:
        """The same encoders for contexts of another length."""
        return replace(self, length=length)

    def tokenize(self, prompts: Sequence[str]) -> Tensor:
        """Prompts -> (B, sum(lengths)) token ids, padded and cut, of all tokenizers in turn."""
        pairs = zip(self.tokenizers, self.lengths, strict=True)
        return torch.cat([tokenize(t, prompts, n) for t, n in pairs], dim=1)

    @abstractmethod
    def encode(self, ids: Tensor) -> Context:
        """(B, sum(lengths)) token ids, on the encoders' device -> context of text (B, L, D)."""

    @torch.no_grad()
    def encode_prompts(self, prompts: Sequence[str]) -> Context:
        """Prompts -> their context, on the encoders' device."""
        return self.encode(self.tokenize(prompts).to(self.encoders[0].device))

    def null(self) -> Context:
        """The context of one empty prompt."""
        return self.encode_prompts([""])


class ClipText(TextEncoders):
    """One CLIP: its last hidden states. Stable Diffusion 1, U-ViT and the built-in models."""

    kinds = ("CLIPTextModel",)

    @property
    def dim(self) -> int:
        return int(self.encoders[0].config.hidden_size)

    def encode(self, ids: Tensor) -> Context:
        return Context(self.encoders[0](input_ids=ids).last_hidden_state.float())


class T5Text(TextEncoders):
    """One T5, with a mask of its padding. PixArt, which was trained on lower-case prompts."""

    kinds = ("T5EncoderModel",)

    @property
    def dim(self) -> int:
        return int(self.encoders[0].config.d_model)

    def tokenize(self, prompts: Sequence[str]) -> Tensor:
        return super().tokenize([p.lower().strip() for p in prompts])

    def encode(self, ids: Tensor) -> Context:
        mask = ids != self.tokenizers[0].pad_token_id
        text = self.encoders[0](input_ids=ids, attention_mask=mask).last_hidden_state
        return Context(text.float(), mask)


@dataclass(frozen=True, eq=False)
class SD3Text(TextEncoders):
    """Stable Diffusion 3's two CLIPs side by side, and after them its T5, or zeros without one.

    As `encode_prompt` of diffusers' StableDiffusion3Pipeline (Esser et al. 2024, arXiv
    2403.03206, section 4).

    Attributes:
        width: D for a set without T5.
    """

    width: int = SD3_WIDTH
    kinds = ("CLIPTextModelWithProjection", "CLIPTextModelWithProjection", "T5EncoderModel")

    def __post_init__(self) -> None:
        wide = sum(e.config.hidden_size for e in self.encoders[:2])
        if self.dim < wide:
            raise InputError(f"a context of width {wide} or more", str(self.dim), "change it")
        if self.length < self._clip_length:
            remedy = "raise the context's length"
            raise InputError(f"{self._clip_length} tokens or more", str(self.length), remedy)

    @property
    def _clip_length(self) -> int:
        return clip_length(self.tokenizers[0], self.encoders[0])

    @property
    def dim(self) -> int:
        return int(self.encoders[2].config.d_model) if len(self.encoders) == 3 else self.width

    @property
    def pooled_dim(self) -> int:
        return sum(int(e.config.projection_dim) for e in self.encoders[:2])

    @property
    def lengths(self) -> tuple[int, ...]:
        n = self._clip_length
        return (n, n, self.length - n)[: len(self.encoders)]

    def encode(self, ids: Tensor) -> Context:
        one, two, *rest = ids.split(self.lengths, dim=1)
        clips = [
            encoder(input_ids=part, output_hidden_states=True)
            for encoder, part in zip(self.encoders[:2], (one, two), strict=True)
        ]
        text = torch.cat([c.hidden_states[-2].float() for c in clips], dim=2)
        text = pad(text, (0, self.dim - text.shape[2]))
        if rest:
            t5 = self.encoders[2](input_ids=rest[0]).last_hidden_state.float()
        else:
            t5 = text.new_zeros(len(ids), self.length - text.shape[1], self.dim)
        pooled = torch.cat([c.text_embeds.float() for c in clips], dim=1)
        return Context(torch.cat([text, t5], dim=1), pooled=pooled)


def text_encoders(
    tokenizers: Sequence[PreTrainedTokenizerBase],
    encoders: Sequence[PreTrainedModel],
    length: int | None = None,
    dim: int | None = None,
) -> TextEncoders:
    """The encoders of a network as one.

    Args:
        tokenizers, encoders: one for one, in the order of text_encoder, text_encoder_2, ...
        length: tokens of a context; None for the number that the encoders were made for.
        dim: width of a context, for Stable Diffusion 3's set without T5; None for 4096.

    Raises:
        InputError: if this is no known set of encoders, or the lengths or widths do not fit.
    """
    kinds = tuple(type(e).__name__ for e in encoders)
    sides = tuple(tokenizers), tuple(encoders)
    if kinds == ClipText.kinds:
        return ClipText(*sides, length or clip_length(tokenizers[0], encoders[0]))
    if kinds == T5Text.kinds:
        return T5Text(*sides, length or min(tokenizers[0].model_max_length, T5_LENGTH))
    if kinds in (SD3Text.kinds, SD3Text.kinds[:2]):
        own = clip_length(tokenizers[0], encoders[0]) + SD3_T5_LENGTH
        return SD3Text(*sides, length or own, dim or SD3_WIDTH)
    known = "; ".join(", ".join(s.kinds) for s in (ClipText, T5Text, SD3Text))
    raise InputError(
        f"text encoders of a known set ({known}, the last with or without its T5)",
        ", ".join(kinds),
        "use the encoders that a backbone was trained with",
    )


def encoder_class(config: dict[str, Any]) -> type[PreTrainedModel]:
    """The class for a saved config.

    Raises:
        InputError: if it is none of `ARCHITECTURES`.
    """
    names = config.get("architectures") or ["unknown"]
    if names[0] not in ARCHITECTURES:
        known = ", ".join(ARCHITECTURES)
        raise InputError(f"a text encoder of {known}", names[0], "use one of these")
    return ARCHITECTURES[names[0]]


def clip_length(tokenizer: PreTrainedTokenizerBase, encoder: PreTrainedModel) -> int:
    """Tokens that a CLIP reads."""
    return min(int(tokenizer.model_max_length), int(encoder.config.max_position_embeddings))


def tokenize(tokenizer: PreTrainedTokenizerBase, prompts: Sequence[str], length: int) -> Tensor:
    """Prompts -> (B, length) token ids of one tokenizer, padded and cut."""
    ids: Tensor = tokenizer(
        list(prompts), padding="max_length", max_length=length, truncation=True, return_tensors="pt"
    ).input_ids
    return ids
