"""What a user can ask of a synthesis."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import torch

from pandiff.errors import InputError
from pandiff.pipeline import PanopticDiffusionPipeline
from pandiff.synthesis.generate import Settings
from pandiff.synthesis.synthesize.cleanup import CleanUp
from pandiff.synthesis.synthesize.judge import Thresholds
from pandiff.synthesis.synthesize.ledger import Ledger

FORMATS = ("png", "jpg")
EXHAUSTED = ("another", "drop", "best")
"""What becomes of a sample whose tries are used up."""
PROMPTS = 16
"""Most prompts of a sample that may take another."""
LEAST_BATCH = 4
"""Smallest batch of the network: below it, processors round by the number of rows. Measured: with
bf16 on avx512 the rows of batches of 4 and more are equal to the bit, those of smaller ones not."""
PROBES = 64
"""Values of each tensor that the digest of a model reads."""


@dataclass(frozen=True)
class Options:
    """How a dataset is made.

    Attributes:
        count: number of samples.
        sampling: how the pipeline is called; the seed and the batch size too.
        thresholds: the least scores.
        clean: how maps are cleaned.
        tries: most candidates of a prompt.
        when_exhausted: what becomes of a sample whose tries are used up: it takes "another"
            prompt, up to PROMPTS of them; or it is left out, "drop"; or the "best" is taken.
        image_format: "png" or "jpg" (quality 95).
        license: for the dataset card, as dataset hubs name it.

    Raises:
        InputError: if one is out of range.
    """

    count: int
    sampling: Settings = field(default_factory=Settings)
    thresholds: Thresholds = field(default_factory=Thresholds)
    clean: CleanUp = field(default_factory=CleanUp)
    tries: int = 16
    when_exhausted: str = "another"
    image_format: str = "png"
    license: str = "other"

    def __post_init__(self) -> None:
        for name in ("count", "tries"):
            if getattr(self, name) < 1:
                raise InputError(f"{name} of 1 or more", str(getattr(self, name)), "choose another")
        if self.when_exhausted not in EXHAUSTED:
            got, known = repr(self.when_exhausted), ", ".join(EXHAUSTED)
            raise InputError(f"{known} for what is exhausted", got, "choose one")
        if self.image_format not in FORMATS:
            known = " or ".join(FORMATS)
            raise InputError(f"an image format {known}", repr(self.image_format), "choose one")
        if not 0 <= self.clean.void_below <= 1:
            got = str(self.clean.void_below)
            raise InputError("a confidence for void in 0..1", got, "0.5 is usual")
        if self.clean.min_area is not None and self.clean.min_area < 0:
            raise InputError("a least area of 0 or more", str(self.clean.min_area), "0 keeps all")

    @property
    def batch_size(self) -> int:
        """Candidates at a time: no more than there are samples, but LEAST_BATCH."""
        return max(LEAST_BATCH, min(self.sampling.batch_size, self.count))

    @property
    def keep_best(self) -> bool:
        """Whether dropped candidates are kept until better ones are made."""
        return self.when_exhausted == "best"

    @property
    def most(self) -> int:
        """Most candidates of a sample, of all its prompts."""
        return self.tries * (PROMPTS if self.when_exhausted == "another" else 1)

    @property
    def sampling_in_batches(self) -> Settings:
        """How the pipeline is called, with this batch size."""
        return replace(self.sampling, batch_size=self.batch_size)

    def ledger(self, num_classes: int) -> Ledger:
        """An empty ledger for maps of so many classes."""
        return Ledger(self.count, self.most, num_classes, self.thresholds.near_duplicates)

    def record(self) -> dict[str, Any]:
        """All that the samples depend on, as JSON values; the batch size is no such thing."""
        scores = {f"min_{k}": v for k, v in asdict(self.thresholds).items() if v}
        scores = {k.replace("min_near", "near"): v for k, v in scores.items()}
        return {
            "count": self.count,
            "seed": self.sampling.seed,
            **_plain(self.sampling.record()),
            **scores,
            **{k: v for k, v in asdict(self.clean).items() if v},
            "tries": self.tries,
            "exhausted": self.when_exhausted,
            "image_format": self.image_format,
            "license": self.license,
        }


def _plain(record: Mapping[str, Any]) -> dict[str, Any]:
    """Tuples as lists, as JSON gives them back."""
    return {k: list(v) if isinstance(v, tuple) else v for k, v in record.items()}


def digest_of(pipe: PanopticDiffusionPipeline) -> str:
    """16 hexadecimal digits that tell models apart: of some values of each of their tensors."""
    digest = hashlib.sha256()
    for part in (pipe.transformer, pipe.vae, pipe.text_encoder):
        for name, tensor in part.state_dict().items():
            flat = tensor.detach().flatten()
            some = flat[:: max(1, len(flat) // PROBES)].to("cpu", torch.float32)
            digest.update(f"{name} {tuple(tensor.shape)}".encode() + some.numpy().tobytes())
    return digest.hexdigest()[:16]
