"""What a run made."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Summary:
    """The counts of a run.

    Attributes:
        asked: number of samples asked for.
        made: number of samples in the dataset.
        tried: number of candidates.
        dropped: number of candidates dropped, by reason.
        replaced: number of samples that took another prompt, the tries of their first used up.
    """

    asked: int
    made: int
    tried: int
    dropped: Mapping[str, int]
    replaced: int = 0

    def __str__(self) -> str:
        reasons = ", ".join(f"{name} {n}" for name, n in self.dropped.items())
        text = f"{self.made} samples of {self.tried} candidates"
        text += f"; dropped for {reasons}" if reasons else ""
        text += f"; {self.replaced} took another prompt" if self.replaced else ""
        missing = self.asked - self.made
        return text + (f"; {missing} left out, their tries used up" if missing else "")


@dataclass(frozen=True)
class Facts:
    """What the pages of a dataset say beside its counts.

    Attributes:
        model: the model's name.
        settings: what the samples depend on, as JSON values.
    """

    model: str
    settings: Mapping[str, Any]

    @property
    def model_name(self) -> str:
        """A hub id or built-in name as it is; of a folder its last part."""
        path = Path(self.model)
        return path.resolve().name if path.is_dir() else self.model
