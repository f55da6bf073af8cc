"""Training of the small segmenter: on rendered scenes alone, so that it can judge others."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import torch
from PIL import Image
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, cross_entropy, pixel_unshuffle
from torch.utils.data import Dataset

from pandiff.codec.labels import MAX_LABEL, LabelBatch, to_labels
from pandiff.codec.offsets import Offsets
from pandiff.collectives import batch_mean
from pandiff.data.encoded import fit_map
from pandiff.data.images import ImageDataset
from pandiff.draw import grid
from pandiff.models.encoders import to_images
from pandiff.models.segmenter import PATCH, PanopticSegmenter, at_phase, unpack
from pandiff.pipeline import reading
from pandiff.training.config import TrainConfig
from pandiff.training.task import Tensors, build

OFFSET_WEIGHT = 4.0
"""Weight of the L1 of the offsets of things against the cross-entropy of all pixels."""
GAIN, SHIFT, NOISE = 0.12, 0.08, 0.06
"""Deviations of each channel's contrast and brightness, and the most noise; pixels span 2."""


class SegmentedImages(Dataset[Any]):
    """Images with category and instance of every pixel.

    Args:
        data: a dataset folder.
        size: side in pixels.
    """

    def __init__(self, data: Path, size: int) -> None:
        self.images = ImageDataset(data, size)

    def __len__(self) -> int:
        return len(self.images)

    def __getitems__(self, indices: list[int]) -> Tensors:
        folder, size = self.images.folder, self.images.size
        maps = [fit_map(folder.panoptic(k), size) for k in indices]
        labels = [to_labels(m, m.size, MAX_LABEL) for m in maps]
        return {
            **self.images.__getitems__(indices),
            "category": torch.stack([torch.from_numpy(one.category) for one in labels]),
            "instance": torch.stack([torch.from_numpy(one.instance) for one in labels]),
        }


class SegmenterTask:
    """Cross-entropy of the categories, and L1 of the offsets to the centres of things.

    Args:
        config: the run's settings.
        data: a dataset folder.
    """

    def __init__(self, config: TrainConfig, data: Path, device: torch.device) -> None:
        self.dataset, self.size = SegmentedImages(data, config.size), config.size
        self.taxonomy = self.dataset.images.folder.taxonomy
        self.coding = Offsets(MAX_LABEL)
        self.network = self._build(config).to(memory_format=torch.channels_last)

    def _build(self, config: TrainConfig) -> PanopticSegmenter:
        if not config.init:
            return build(PanopticSegmenter, {"taxonomy": self.taxonomy.to_coco(), **config.model})
        with reading("a segmenter to start from", config.init):
            network: PanopticSegmenter = PanopticSegmenter.from_pretrained(
                config.init, dtype=torch.float32
            )
        return network

    def draw(self, n: int, generator: torch.Generator) -> Tensors:
        shape = (n, 3, 1, 1)
        return {
            "phase": torch.randint(PATCH**2, (n,), generator=generator),
            "flip": torch.rand(n, generator=generator) < 0.5,
            "blur": torch.rand(n, 1, 1, 1, generator=generator),
            "gain": 1 + GAIN * torch.randn(shape, generator=generator),
            "shift": SHIFT * torch.randn(shape, generator=generator),
            "noise": NOISE
            * torch.rand(n, 1, 1, 1, generator=generator)
            * torch.randn(n, 3, self.size, self.size, generator=generator),
        }

    def losses(self, network: nn.Module, batch: Tensors, draws: Tensors) -> Tensors:
        flip, phase = draws["flip"], draws["phase"]
        category, instance = (_flip(batch[k].long(), flip) for k in ("category", "instance"))
        pixels = disturb(_flip(batch["pixels"], flip), draws)
        return losses_at(network, pixels, category, instance, phase, self.coding)

    @torch.inference_mode()
    def preview(self, network: nn.Module) -> Image.Image:
        """Images, the categories that the network sees, and the true ones."""
        batch = self.dataset.__getitems__(list(range(min(8, len(self.dataset)))))
        logits, _ = unpack(network(batch["pixels"].to(next(network.parameters()).device)))
        rows = [logits.argmax(1).cpu().numpy(), batch["category"].numpy()]
        drawn = [Image.fromarray(self.taxonomy.colors[one]) for row in rows for one in row]
        return grid([*to_images(batch["pixels"]), *drawn], columns=len(rows[0]))

    def export(self, network: nn.Module, folder: Path) -> None:
        """Write the network, its weights as float16; they are read as float32."""
        assert isinstance(network, PanopticSegmenter)
        copy.deepcopy(network).half().save_pretrained(folder)


def losses_at(
    network: nn.Module,
    pixels: Tensor,
    category: Tensor,
    instance: Tensor,
    phase: Tensor,
    coding: Offsets,
    weight: Tensor | None = None,
) -> Tensors:
    """The loss and its parts, at one pixel of each patch.

    Args:
        network: a `PanopticSegmenter`.
        pixels: (B, 3, H, W) in [-1, 1].
        category: (B, H, W) int64: index in the taxonomy; 0 = void.
        instance: (B, H, W) int64: the number of the thing there; 0 = none.
        phase: (B,) which pixel: see `at_phase`.
        coding: of the instances.
        weight: (num_classes,) of each category in the cross-entropy; None for equal ones.
    """
    offsets = coding.encode(LabelBatch(category, instance, instance))
    output = network(pixels.contiguous(memory_format=torch.channels_last))
    predicted = at_phase(output, phase).float()
    logits, predicted = predicted[:, :-2], predicted[:, -2:]
    labels = torch.stack([category, instance], dim=1)
    category, instance = at_phase(pixel_unshuffle(labels, PATCH), phase).unbind(1)
    offsets = at_phase(pixel_unshuffle(offsets, PATCH), phase)
    ce = cross_entropy(logits, category, weight)
    thing = (instance > 0)[:, None].expand_as(offsets)
    l1 = batch_mean(((predicted - offsets).abs() * thing).sum(), thing.sum())
    accuracy = (logits.argmax(1) == category).float().mean()
    return {"loss": ce + OFFSET_WEIGHT * l1, "ce": ce, "offset": l1, "accuracy": accuracy}


def _flip(values: Tensor, flip: Tensor) -> Tensor:
    """Mirror the rows (B, ..., W) for which `flip` (B,) holds."""
    where = flip.view(-1, *[1] * (values.ndim - 1))
    return torch.where(where, values.flip(-1), values)


def disturb(pixels: Tensor, draws: Tensors) -> Tensor:
    """What a decoder does to a picture: blur, other colors, noise.

    Args:
        pixels: (B, 3, H, W) in [-1, 1].
        draws: "blur" (B, 1, 1, 1) in 0..1, the share of a picture smoothed twice by 3 x 3 means;
            "gain" and "shift" (B, 3, 1, 1), of each channel; "noise" (B, 3, H, W), added.
    """
    smooth = pixels
    for _ in range(2):
        smooth = avg_pool2d(smooth, 3, stride=1, padding=1, count_include_pad=False)
    return (
        torch.lerp(pixels, smooth, draws["blur"]) * draws["gain"] + draws["shift"] + draws["noise"]
    )
