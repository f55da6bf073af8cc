"""One of the many samples that a batch of shards stands for: mirrored or not, one latent drawn."""

from __future__ import annotations

import torch
from torch import Tensor

LABELS = ("category", "instance", "color")


def view(batch: dict[str, Tensor], flip: Tensor, noise: Tensor) -> dict[str, Tensor]:
    """A batch of `ShardDataset` as `EncodedDataset` would give it.

    Args:
        batch: what `ShardDataset` returned.
        flip: (B,) bool, the samples to mirror.
        noise: (B, C, h, w) standard normal, which draws the latents from the VAE's posterior;
            zeros take its mode.

    Returns:
        latents (B, C, h, w) float32, whitened; category, instance, color; tokens; and
        image_prompt (B, M, D), if the shards have it.
    """
    rows = torch.arange(len(flip), device=flip.device), flip.long()
    mean, std = batch["moments"][rows].float().chunk(2, dim=1)
    mirrored = flip[:, None, None]
    labels = {n: torch.where(mirrored, batch[n].flip(-1), batch[n]) for n in LABELS}
    found = {"latents": mean + std * noise, **labels, "tokens": batch["tokens"]}
    return found | ({"image_prompt": batch["prompt"][rows]} if "prompt" in batch else {})
