"""Training of one segmenter: a function of its data, the settings and the seed."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.utils import clip_grad_norm_

from pandiff.coco import Progress
from pandiff.evaluation.downstream.examples import Example, Examples
from pandiff.evaluation.downstream.learners import LEARNERS
from pandiff.evaluation.downstream.settings import Settings
from pandiff.taxonomy import Taxonomy
from pandiff.training.optimizer import make_optimizer
from pandiff.training.sampler import StepSampler
from pandiff.training.segmenter_task import GAIN, NOISE, SHIFT, disturb

WARMUP, COOLDOWN = 0.06, 0.4
"""Shares of the steps in which the rate rises and falls."""


@dataclass(frozen=True)
class Fitted:
    """A trained segmenter.

    Attributes:
        network: ready to segment.
        loss: mean over the last tenth of the steps.
        seconds_per_step: wall-clock time.
    """

    network: nn.Module
    loss: float
    seconds_per_step: float


def fit(
    parts: Sequence[Examples],
    taxonomy: Taxonomy,
    settings: Settings,
    seed: int,
    *,
    device: torch.device | str = "cpu",
    progress: Progress = iter,
) -> Fitted:
    """Train one segmenter.

    Args:
        parts: the data; each batch is dealt over them alike.
        taxonomy: what the classes mean.
        settings: of the training.
        seed: of the first weights, the order and the disturbances.
        device: where it trains.
        progress: wraps the steps.
    """
    learner, start = LEARNERS[settings.segmenter], time.monotonic()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = learner.network(taxonomy, settings.size).to(device).train()
        optimizer = make_optimizer(learner.optim, network)
        drawn = batches(parts, settings, seed)
        losses: list[float] = []
        for step in progress(range(settings.steps)):
            pixels, examples = next(drawn)
            for group in optimizer.param_groups:
                group["lr"] = settings.lr * rate(step, settings.steps)
            loss = learner.loss(network, pixels.to(device), examples)
            optimizer.zero_grad()
            loss.backward()
            clip_grad_norm_(network.parameters(), learner.optim.clip)
            optimizer.step()
            losses.append(float(loss.detach()))
    last = losses[-max(1, len(losses) // 10) :]
    seconds = (time.monotonic() - start) / settings.steps
    return Fitted(network.eval(), sum(last) / len(last), seconds)


def rate(step: int, steps: int) -> float:
    """The share of the peak rate at a step: a linear rise, a plateau, a linear fall to zero."""
    rise = (step + 1) / max(1, WARMUP * steps)
    fall = (steps - step) / max(1, COOLDOWN * steps)
    return min(1.0, rise, fall)


def batches(
    parts: Sequence[Examples], settings: Settings, seed: int
) -> Iterator[tuple[Tensor, list[Example]]]:
    """Disturbed pixels (B, 3, S, S) in [-1, 1] and the examples, mirrored alike, of each step."""
    generator = torch.Generator().manual_seed(seed)
    shares = [len(range(k, settings.batch, len(parts))) for k in range(len(parts))]
    samplers = [
        StepSampler(len(part), share, seed, 0, settings.steps)
        for part, share in zip(parts, shares, strict=True)
    ]
    for numbers in zip(*samplers, strict=True):
        pairs = zip(parts, numbers, strict=True)
        examples = [part[k] for part, some in pairs for k in some]
        flips = (torch.rand(len(examples), generator=generator) < 0.5).tolist()
        examples = [mirror(e) if f else e for e, f in zip(examples, flips, strict=True)]
        pixels = torch.stack([e.pixels for e in examples]).float() / 127.5 - 1
        yield disturb(pixels, disturbances(pixels.shape, generator)), examples


def mirror(example: Example) -> Example:
    """Left to right."""
    return example._replace(pixels=example.pixels.flip(-1), segments=example.segments.flip(-1))


def disturbances(shape: torch.Size, generator: torch.Generator) -> dict[str, Tensor]:
    """What `disturb` takes, as in the training of the built-in segmenter."""
    each, one = (shape[0], 3, 1, 1), (shape[0], 1, 1, 1)
    return {
        "blur": torch.rand(one, generator=generator),
        "gain": 1 + GAIN * torch.randn(each, generator=generator),
        "shift": SHIFT * torch.randn(each, generator=generator),
        "noise": NOISE
        * torch.rand(one, generator=generator)
        * torch.randn(shape, generator=generator),
    }
