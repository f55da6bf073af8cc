"""Training: the same of the same seed, dealt alike, mirrored together."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from pandiff.evaluation.downstream.examples import FolderExamples
from pandiff.evaluation.downstream.fitting import batches, fit, rate
from pandiff.evaluation.downstream.settings import Settings

Make = Callable[..., Path]
TINY = Settings("segformer", 3, 4, 32)


def test_the_seed_decides_and_nothing_else(make: Make) -> None:
    examples = FolderExamples(make("a"), 32)
    before = torch.random.get_rng_state()
    weights = []
    for seed in (0, 0, 1):
        network = fit([examples], examples.taxonomy, TINY, seed).network
        weights.append(torch.cat([p.flatten() for p in network.parameters()]))
        torch.rand(1)
    assert torch.equal(weights[0], weights[1])
    assert not torch.equal(weights[0], weights[2])
    torch.random.set_rng_state(before)
    fit([examples], examples.taxonomy, TINY, 0)
    assert torch.equal(torch.random.get_rng_state(), before)


def test_batches_are_dealt_alike(make: Make) -> None:
    first, second = (FolderExamples(make(n, c), 32) for n, c in (("a", 2), ("b", 40)))
    asked: list[str] = []
    for name, part in (("a", first), ("b", second)):
        read = part._example
        part._example = lambda k, name=name, read=read: asked.append(name) or read(k)  # type: ignore[assignment]
    assert len(list(batches([first, second], TINY, 0))) == 3
    assert asked == ["a", "a", "b", "b"] * 3


def test_images_and_maps_are_mirrored_together(make: Make) -> None:
    """Balls are red: where a segment is a ball, red outweighs green."""
    examples = FolderExamples(make("a", count=8), 32)
    flipped = 0
    for pixels, some in batches([examples], Settings("segformer", 4, 8, 32), 0):
        for picture, one in zip(pixels, some, strict=True):
            red = picture[0] > picture[1]
            assert (red == (one.segments > 1)).float().mean() > 0.9
        known = [examples[k].segments for k in range(8)]
        flipped += sum(not any(torch.equal(one.segments, k) for k in known) for one in some)
    assert 8 <= flipped <= 24


def test_the_rate_rises_and_falls() -> None:
    rates = [rate(k, 100) for k in range(100)]
    assert max(rates) == rates[10] == rates[50] == 1
    assert rates[:6] == sorted(rates[:6])
    assert rates[60:] == sorted(rates[60:], reverse=True)
    assert rates[99] == pytest.approx(1 / 40)
