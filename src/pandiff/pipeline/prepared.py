"""What the samples of a call are made from, encoded once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from pandiff.context import Context
from pandiff.diffusion import Start


@dataclass(frozen=True)
class Prepared:
    """One row for each of B samples.

    Attributes:
        context: of the prompts, with the image prompts.
        null: of the negative prompts.
        given: the clean state that holds what is given, and its known mask; None if nothing is.
        start: where variations start; None without any.
    """

    context: Context
    null: Context
    given: tuple[Tensor, Tensor] | None
    start: Start | None

    def __getitem__(self, samples: Sequence[int]) -> Prepared:
        """The rows of some samples, any of them several times."""
        rows = torch.tensor(samples, device=self.context.text.device)
        given, start = self.given, self.start
        if given is not None:
            given = given[0][rows], given[1][rows]
        if start is not None:
            start = Start([start.strength[k] for k in samples], start.clean[rows])
        return Prepared(self.context[rows], self.null[rows], given, start)
