"""Pairs per second of the pipeline against a plain loop, as a ratio from one run.

    python benchmarks/bench_sampling.py --batch 8 --rounds 3

The plain loop works in fp32 and asks the network once for each guidance term. The pipeline asks
it once with twice the batch, in bf16 where the processor has it. Both make the same samples with
the same steps, their decoding included, and take turns within a round.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable

import torch
from torch import Tensor

from pandiff.context import Context
from pandiff.diffusion import NetworkDenoiser, StreamSchedules, sample
from pandiff.models.encoders import decode_latents, to_images
from pandiff.pipeline import PanopticDiffusionPipeline

PROMPTS = ("two red cars on a road", "a white dog and three sheep on the grass")


def plain(pipe: PanopticDiffusionPipeline, prompts: list[str], steps: int, scale: float) -> None:
    """The plain loop: fp32, one call for each guidance term."""
    config, layout = pipe.transformer.config, pipe.transformer.layout
    schedules = StreamSchedules.for_ratio(layout.ratio)
    network = NetworkDenoiser(pipe.transformer, layout, schedules, config.image_prediction)
    context = pipe.text.encode_prompts(prompts)
    null = pipe.text.null().expand(len(prompts))

    def denoise(x: Tensor, t: Tensor, c: Context, known: Tensor | None = None) -> Tensor:
        without = network(x, t, null, known)
        image, panoptic = layout.split(torch.lerp(without, network(x, t, c, known), scale))
        return torch.cat([image, panoptic.clamp(-1, 1)], dim=1)

    side = config.sample_size
    noise = torch.randn(len(prompts), layout.channels, side, side)
    z = sample(denoise, context, noise, layout, schedules, pipe.scheduler, steps)
    latents, panoptic = layout.unpack(z)
    to_images(decode_latents(pipe.vae, latents))
    pipe.panoptic_codec.decode_batch(panoptic, (pipe.image_size, pipe.image_size))


def seconds(work: Callable[[], object]) -> float:
    """Wall-clock seconds of one call."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def main() -> None:
    """Print pairs per second and their ratio."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", default="scenes")
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--rounds", type=int, default=3)
    args = parser.parse_args()
    pipe = PanopticDiffusionPipeline.from_pretrained(args.model)
    pipe.set_progress_bar_config(disable=True)
    prompts = [PROMPTS[k % len(PROMPTS)] for k in range(args.batch)]
    variants: dict[str, Callable[[], object]] = {
        "plain loop, fp32": torch.inference_mode()(lambda: plain(pipe, prompts, args.steps, 3.0)),
        "pipeline": lambda: pipe(
            prompts, num_inference_steps=args.steps, guidance_scale=3.0, map_guidance_scale=1.0
        ),
    }
    for work in variants.values():
        work()
    times: dict[str, list[float]] = {name: [] for name in variants}
    for _ in range(args.rounds):
        for name, work in variants.items():
            times[name].append(seconds(work))
    median = {name: statistics.median(t) for name, t in times.items()}
    print(f"{torch.get_num_threads()} threads, batch {args.batch}, {args.steps} steps")
    for name, value in median.items():
        print(f"{name:18} {args.batch / value:6.2f} pairs/s")
    print(f"ratio {median['plain loop, fp32'] / median['pipeline']:.2f}")


if __name__ == "__main__":
    main()
