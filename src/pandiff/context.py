"""What a network reads besides the state: the text's tokens and an image prompt's."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields

import torch
from torch import Tensor


@dataclass(frozen=True)
class Context:
    """The conditioning of a batch, one row for each sample.

    Attributes:
        text: (B, L, D) text tokens.
        mask: (B, L) bool, which of them are no padding; None for all.
        pooled: (B, P) one vector of the whole text, for the backbones that read it.
        image: (B, M, E) features of image prompts; a row of zeros is no image prompt, and None is
            none in the whole batch.
    """

    text: Tensor
    mask: Tensor | None = None
    pooled: Tensor | None = None
    image: Tensor | None = None

    def __len__(self) -> int:
        return len(self.text)

    def map(self, change: Callable[[Tensor], Tensor]) -> Context:
        """The context with every tensor changed."""
        values = {f.name: getattr(self, f.name) for f in fields(self)}
        return Context(**{k: None if v is None else change(v) for k, v in values.items()})

    def __getitem__(self, rows: Tensor | slice) -> Context:
        return self.map(lambda v: v[rows])

    def expand(self, n: int) -> Context:
        """A context of one row, n times."""
        return self.map(lambda v: v.expand(n, *v.shape[1:]))

    def to(self, device: torch.device | str) -> Context:
        return self.map(lambda v: v.to(device))

    def without_image(self) -> Context:
        """The same text and no image prompt."""
        return Context(self.text, self.mask, self.pooled)

    @staticmethod
    def cat(parts: Sequence[Context]) -> Context:
        """The rows of all parts, one after another; a missing image prompt becomes zeros."""

        def join(name: str) -> Tensor | None:
            values = [getattr(p, name) for p in parts]
            if all(v is None for v in values):
                return None
            like = next(v for v in values if v is not None)
            if name == "image":
                values = [
                    like.new_zeros(len(p), *like.shape[1:]) if v is None else v
                    for p, v in zip(parts, values, strict=True)
                ]
            return torch.cat(values)

        return Context(**{f.name: join(f.name) for f in fields(Context)})
