"""Seconds for a training step of the unified network, by ratio, patching and attention.

    python benchmarks/bench_model.py --rounds 7

Times are of the processor, and all variants take turns within a round, so that other work on the
machine disturbs little; the
medians over the rounds are compared. Everything but the named variable is fixed.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn.functional import scaled_dot_product_attention

from pandiff.context import Context
from pandiff.models import layers
from pandiff.models.unified import UnifiedPDM

RATIOS = (1, 2, 4, 8)
Variant = Callable[[], None]


def training_step(model: UnifiedPDM, batch: int, precision: str) -> Variant:
    """One forward, backward and update on random states."""
    c = model.config
    x = torch.randn(batch, model.layout.channels, c.sample_size, c.sample_size)
    t = torch.randint(1, 1001, (batch, 2))
    context = Context(torch.randn(batch, c.context_length, c.context_dim))
    known = torch.zeros(batch, model.layout.known_channels, c.sample_size, c.sample_size)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4, foreach=True)

    def step() -> None:
        with torch.autocast("cpu", torch.bfloat16, enabled=precision == "bf16"):
            loss = model(x, t, context, known).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

    return step


def patching_step(model: UnifiedPDM, batch: int, precision: str) -> Variant:
    """The share of a step that reads and writes the map."""
    c, patching = model.config, model.map_patching
    side = c.sample_size * c.ratio
    x = torch.randn(batch, c.map_channels + 1, side, side)

    def step() -> None:
        with torch.autocast("cpu", torch.bfloat16, enabled=precision == "bf16"):
            loss = patching.write(patching.read(x), x).square().mean()
        loss.backward()

    return step


def attention_step(
    attention: Callable[[Tensor, Tensor, Tensor], Tensor], batch: int, precision: str
) -> Variant:
    """One attention of the default network, forward and backward."""
    dtype = torch.bfloat16 if precision == "bf16" else torch.float32
    q, k, v = (torch.randn(batch, 4, 160, 64, dtype=dtype, requires_grad=True) for _ in range(3))
    return lambda: attention(q, k, v).square().mean().backward()


def medians(variants: dict[str, Variant], rounds: int) -> dict[str, float]:
    """Median seconds of each variant, after one round to warm up."""
    times: dict[str, list[float]] = {name: [] for name in variants}
    for k in range(rounds + 1):
        for name, variant in variants.items():
            start = time.process_time()
            variant()
            if k:
                times[name].append(time.process_time() - start)
    return {name: statistics.median(values) for name, values in times.items()}


def report(title: str, seconds: dict[str, float], reference: str) -> None:
    """Print a table with the ratio to the reference."""
    print(f"\n{title}")
    for name, value in seconds.items():
        print(f"  {name:24s} {1000 * value:9.1f} ms   x {value / seconds[reference]:.2f}")


def main() -> None:
    """Measure and print the three tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--precision", choices=["bf16", "fp32"], default="bf16")
    a = parser.parse_args()
    torch.set_num_threads(a.threads)
    torch.manual_seed(0)
    models = {
        f"{patching} r={r}": UnifiedPDM(ratio=r, patching=patching)
        for patching in ("single", "multi")
        for r in RATIOS
    }
    steps = {name: training_step(m, a.batch, a.precision) for name, m in models.items()}
    report("training step", medians(steps, a.rounds), "single r=1")
    parts = {name: patching_step(m, a.batch, a.precision) for name, m in models.items()}
    report("of which reading and writing the map", medians(parts, a.rounds), "single r=1")
    kinds = {"two products": layers.attention, "fused": scaled_dot_product_attention}
    attentions = {k: attention_step(f, a.batch, a.precision) for k, f in kinds.items()}
    report("attention, 160 tokens", medians(attentions, 10 * a.rounds), "two products")


if __name__ == "__main__":
    main()
