"""What a two-stream network asks of an image backbone: to run block by block."""

from __future__ import annotations

import copy
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, ClassVar, Generic, Literal, Self, TypeVar

import torch
from diffusers import ModelMixin
from torch import Tensor, nn

from pandiff.context import Context
from pandiff.errors import InputError
from pandiff.models.backbones.schedule import BackboneSchedule


@dataclass(frozen=True)
class Stream:
    """A stream of tokens between two blocks; adapters add what else their blocks read.

    Attributes:
        patches: (B, N, width), one token for each patch, row by row.
    """

    patches: Tensor

    def with_patches(self, patches: Tensor) -> Self:
        """The same stream with other tokens."""
        return replace(self, patches=patches)


@dataclass(frozen=True)
class BackboneSpec:
    """What the rest of the house must know of a backbone.

    Attributes:
        width, heads, depth: channels of a token, attention heads, number of blocks.
        patch_size, sample_size, channels: of the latents.
        context_dim, context_length: shape of the text; a length that is free has a usual value.
        pooled_dim: channels of the pooled text, where it is read.
        prompt_width: channels of a context token as the blocks read it.
        schedule: the noise it was trained on.
        prediction: what it predicts: noise, velocity or sample.
    """

    width: int
    heads: int
    depth: int
    patch_size: int
    sample_size: int
    channels: int
    context_dim: int
    context_length: int
    prompt_width: int
    schedule: BackboneSchedule
    prediction: Literal["velocity", "noise", "sample"]
    pooled_dim: int | None = None


@dataclass(frozen=True)
class Reference:
    """Where a backbone's weights lie.

    Attributes:
        class_name: of the adapted model.
        name: hub id, or absolute path of a folder; None if they lie nowhere yet.
        subfolder: folder in it.
    """

    class_name: str
    name: str | None = None
    subfolder: str | None = None

    @property
    def on_the_hub(self) -> bool:
        return self.name is not None and not Path(self.name).is_absolute()

    def to_config(self) -> dict[str, Any]:
        return asdict(self)


S = TypeVar("S", bound=Stream)


class Backbone(nn.Module, ABC, Generic[S]):
    """A frozen image model, run block by block.

    It stays frozen and in evaluation mode whatever happens around it, and copies of the network
    that holds it (an average of its weights, say) share it.

    Args:
        model: the image model.
        spec: its sizes, schedule and prediction.
    """

    model_class: ClassVar[type[ModelMixin]]
    model: nn.Module

    def __init__(self, model: nn.Module, spec: BackboneSpec) -> None:
        super().__init__()
        self.model = model.requires_grad_(False)
        self.spec = spec
        self.reference = Reference(self.model_class.__name__)
        self.eval()

    @classmethod
    @abstractmethod
    def adapt(cls, model: Any) -> Self:
        """The adapter of a model of `model_class`."""

    @property
    @abstractmethod
    def blocks(self) -> Sequence[nn.Module]:
        """The model's blocks in order, `spec.depth` of them."""

    @abstractmethod
    def embed(self, latents: Tensor, levels: Tensor, context: Context) -> S:
        """Noisy latents (B, C, h, w) at levels (B,) -> the stream that enters the blocks."""

    @abstractmethod
    def follow(
        self, image: S, patches: Tensor, levels: Tensor, context: Context, prompts: Tensor | None
    ) -> S:
        """Another stream beside the embedded image's, with the same text.

        Args:
            image: what `embed` returned.
            patches: (B, N, width) its own tokens.
            levels: (B,) its own levels.
            context: what the image is conditioned on.
            prompts: (B, M, prompt_width) tokens that join its text.
        """

    @abstractmethod
    def run(self, k: int, block: nn.Module, stream: S) -> S:
        """Block k, the model's own or a copy of it, on a stream."""

    @abstractmethod
    def predict(self, image: S, latents: Tensor, levels: Tensor) -> Tensor:
        """The stream after the last block -> the prediction (B, C, h, w)."""

    @abstractmethod
    def positions(self, side: int) -> Tensor:
        """(1, N, width): positions of the patches of square latents."""

    def check_size(self, side: int) -> None:
        """InputError if latents of this side cannot be made."""
        if side % self.spec.patch_size:
            expected = f"a sample_size that {self.spec.patch_size} divides"
            raise InputError(expected, str(side), "change it")

    def copy_block(self, k: int) -> nn.Module:
        """A copy of block k to train."""
        return copy.deepcopy(self.blocks[k]).requires_grad_(True)

    def forward(self, latents: Tensor, levels: Tensor, context: Context) -> Tensor:
        """Noisy latents (B, C, h, w) at levels (B,) -> `spec.prediction`, of their shape."""
        stream = self.embed(latents, levels, context)
        for k, block in enumerate(self.blocks):
            stream = self.run(k, block, stream)
        return self.predict(stream, latents, levels)

    @property
    def dtype(self) -> torch.dtype:
        return next(self.model.parameters()).dtype

    def train(self, mode: bool = True) -> Self:
        """Stay in evaluation mode."""
        return super().train(False)

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        return self


BACKBONES: dict[str, type[Backbone[Any]]] = {}
"""The adapters by the name of the class they adapt."""

B = TypeVar("B", bound=type[Backbone[Any]])


def register(adapter: B) -> B:
    """Class decorator: add an adapter to `BACKBONES`."""
    BACKBONES[adapter.model_class.__name__] = adapter
    return adapter
