"""Samples of a pipeline for measurement: each from its own seed, whatever the batch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import torch
from PIL import Image

from pandiff.coco import Progress
from pandiff.panoptic import PanopticMap
from pandiff.pipeline import PanopticDiffusionPipeline


class Sample(NamedTuple):
    """An image with its map."""

    image: Image.Image
    panoptic: PanopticMap


def draw_samples(
    pipe: PanopticDiffusionPipeline,
    prompts: Sequence[str],
    seeds: Sequence[int],
    *,
    steps: int,
    guidance_scale: float,
    batch_size: int = 16,
    maps: Sequence[PanopticMap] | None = None,
    images: Sequence[Image.Image] | None = None,
    options: Mapping[str, Any] | None = None,
    progress: Progress = iter,
) -> list[Sample]:
    """One sample for each prompt, in order.

    Args:
        prompts, seeds: one of each for a sample.
        steps, guidance_scale: of the pipeline.
        batch_size: samples at a time; changes speed and memory only.
        maps, images: what is given to each sample, if anything: one of the two.
        options: other arguments of the pipeline.
        progress: wraps the list of batches.
    """
    pipe.set_progress_bar_config(disable=True)
    made: list[Sample] = []
    for start in progress(range(0, len(prompts), batch_size)):
        part = slice(start, start + batch_size)
        given: dict[str, Any] = {"map": maps and maps[part], "image": images and images[part]}
        out = pipe(
            prompts[part],
            **given,
            **(options or {}),
            num_inference_steps=steps,
            guidance_scale=guidance_scale,
            generator=[torch.Generator().manual_seed(seed) for seed in seeds[part]],
        )
        made.extend(map(Sample, out.images, out.maps))
    return made
