"""The settings of a training run."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, field
from typing import Any

from pandiff.diffusion.levels import PatternWeights
from pandiff.errors import InputError
from pandiff.precision import PRECISIONS

OPTIMIZERS = ("adamw", "muon")
NETWORKS = ("unified", "two-stream")
LAYOUTS = ("ddp", "fsdp")
POSITIVE = (
    "steps", "batch_size", "accumulate", "size", "ratio", "log_every", "save_every", "preview_every"
)  # fmt: skip

NOT_NEGATIVE = ("seed", "workers", "map_weight", "keep_weight", "thing_weight")
SHARES = ("text_dropout", "text_dropout_image_given", "image_prompt_dropout")


def _check(name: str, value: float, expected: str, holds: bool) -> None:
    if not holds:
        raise InputError(f"{name} {expected}", str(value), "change it")


@dataclass(frozen=True)
class Optim:
    """The optimiser, with a linear warm-up, a constant rate, and a linear fall at the end.

    Attributes:
        name: "adamw", or "muon" for the matrices of the blocks (`training.optimizer`).
        lr: peak learning rate.
        betas: Adam's decay rates.
        momentum: Muon's.
        weight_decay: decoupled weight decay.
        warmup: steps of the rise.
        cooldown: share of all steps spent falling to zero.
        clip: largest norm of the gradient.
        ema: decay of the averaged weights, reached gradually.
    """

    name: str = "adamw"
    lr: float = 5e-4
    betas: tuple[float, float] = (0.9, 0.99)
    momentum: float = 0.95
    weight_decay: float = 0.03
    warmup: int = 200
    cooldown: float = 0.3
    clip: float = 1.0
    ema: float = 0.999

    def __post_init__(self) -> None:
        if self.name not in OPTIMIZERS:
            raise InputError(f"optim.name {' or '.join(OPTIMIZERS)}", repr(self.name), "choose one")
        for name in ("lr", "weight_decay", "warmup"):
            value = getattr(self, name)
            _check(f"optim.{name}", value, "of 0 or more", 0 <= value < math.inf)
        for name, value in (("cooldown", self.cooldown), ("ema", self.ema)):
            _check(f"optim.{name}", value, "in 0..1", 0 <= value <= 1)
        for name, beta in [("betas", b) for b in self.betas] + [("momentum", self.momentum)]:
            _check(f"optim.{name}", beta, "of 0 or more and below 1", 0 <= beta < 1)
        _check("optim.clip", self.clip, "above 0", self.clip > 0)

    def rate(self, step: int, steps: int) -> float:
        """Learning rate of a step, 0..steps - 1."""
        rise = min(1.0, (step + 1) / max(1, self.warmup))
        fall = min(1.0, (steps - step) / max(1.0, self.cooldown * steps))
        return self.lr * rise * fall

    def ema_decay(self, step: int) -> float:
        """Decay of the average at a step: short at first, so that it forgets the start."""
        return min(self.ema, (1 + step) / (10 + step))


@dataclass(frozen=True)
class TrainConfig:
    """Everything that a run depends on, besides its data.

    Attributes:
        task: "vae", "clip", "text", "swin", "pdm", "image-prompt" or "segmenter"; what is said of
            pdm below holds for image-prompt too.
        steps: optimiser steps.
        batch_size: samples per step over all processes.
        accumulate: micro-batches that a step's batch is cut into, on each process. Their losses
            are averaged: for losses that are means over a part of the batch (pdm, over the cells
            not given) or compare its samples (clip), that is near the loss of the whole batch but
            not equal to it.
        size: side of the images in pixels.
        seed: step k draws from (seed, k).
        precision: "bf16", "no", or "auto", which is bf16 where the device is faster in it.
        model: arguments of the network.
        optim: the optimiser.
        patterns: share of each noise-level pattern (pdm).
        joint_shift: above 1, moves the levels of the pattern "joint" up (pdm).
        text_dropout: share of samples whose prompt is dropped (pdm).
        text_dropout_image_given: the same where the image, or an image prompt, is given: else the
            text tells what the image should.
        image_prompt_dropout: share of samples whose image prompt is dropped (pdm).
        keep_weight: weight of what keeps the encoder near its start, for a diffusion model that
            reads it as it was (text).
        map_weight: weight of the map's loss against the image's (pdm).
        offset_weight: weight of the error of the map's offsets, which are small beside bits (pdm).
        thing_weight: weight of an image's cells with things, against 1 of stuff, where it is
            settled what is a thing: the map is given, or the image below 0.6 of the noise (pdm).
        instances: instance coding of the map (pdm).
        min_area: smallest component that the exported model keeps, in pixels of 128 x 128 (pdm).
        ratio: side of the map over side of the latent (pdm).
        network: "unified" or "two-stream" (pdm).
        backbone: file, folder or hub id of the image model of a two-stream network.
        encoders: folder or hub id with the VAE and text encoder that a pdm is trained on.
        latent_scale: factor on the VAE's latents instead of its own, where a backbone has another.
        image_encoder: folder or hub id of a Swin-V2 for image prompts, if not among the encoders.
        init: folder or hub id of a model to start from; None for fresh weights.
        parallel: how several processes hold the network: "ddp", whole in each, or "fsdp", a
            shard in each.
        workers: processes that read data.
        log_every, save_every, preview_every: steps between log lines, checkpoints, pictures.
    """

    task: str
    steps: int = 1000
    batch_size: int = 32
    accumulate: int = 1
    size: int = 128
    seed: int = 0
    precision: str = "auto"
    model: dict[str, Any] = field(default_factory=dict)
    optim: Optim = field(default_factory=Optim)
    patterns: PatternWeights = field(default_factory=PatternWeights)
    joint_shift: float = 1.0
    text_dropout: float = 0.1
    text_dropout_image_given: float = 0.5
    image_prompt_dropout: float = 0.8
    keep_weight: float = 0.0
    map_weight: float = 1.0
    offset_weight: float = 4.0
    thing_weight: float = 1.0
    instances: str = "offsets+colors"
    min_area: float = 16
    ratio: int = 4
    network: str = "unified"
    backbone: str | None = None
    encoders: str | None = None
    latent_scale: float | None = None
    image_encoder: str | None = None
    init: str | None = None
    parallel: str = "ddp"
    workers: int = 0
    log_every: int = 20
    save_every: int = 250
    preview_every: int = 500

    def __post_init__(self) -> None:
        for name in POSITIVE:
            _check(name, getattr(self, name), "of 1 or more", getattr(self, name) >= 1)
        for name in NOT_NEGATIVE:
            _check(name, getattr(self, name), "of 0 or more", 0 <= getattr(self, name) < math.inf)
        for name in SHARES:
            _check(name, getattr(self, name), "in 0..1", 0 <= getattr(self, name) <= 1)
        for name, share in asdict(self.patterns).items():
            _check(f"patterns.{name}", share, "of 0 or more", 0 <= share < math.inf)
        _check("joint_shift", self.joint_shift, "above 0", 0 < self.joint_shift < math.inf)
        total = sum(asdict(self.patterns).values())
        _check("the sum of patterns", total, "above 0", total > 0)
        if self.network not in NETWORKS:
            raise InputError(f"network {' or '.join(NETWORKS)}", repr(self.network), "choose one")
        if self.precision not in PRECISIONS:
            known = ", ".join(PRECISIONS)
            raise InputError(f"a precision of {known}", repr(self.precision), "choose one")
        if self.parallel not in LAYOUTS:
            raise InputError(f"parallel {' or '.join(LAYOUTS)}", repr(self.parallel), "choose one")

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)

    def step_seed(self, step: int) -> int:
        """Seed of everything that a step draws."""
        return (self.seed * 1_000_003 + step) % (2**63)
