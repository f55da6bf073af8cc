"""The independent segmenter at work: images to panoptic maps."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from pandiff.codec.decoding import Reading, to_map
from pandiff.codec.labels import MAX_LABEL
from pandiff.codec.offsets import Offsets
from pandiff.errors import InputError
from pandiff.models.encoders import to_pixels
from pandiff.models.segmenter import PanopticSegmenter, unpack
from pandiff.panoptic import PanopticMap
from pandiff.pipeline import BUILT_IN, reading
from pandiff.taxonomy import Taxonomy

LEAST_SHARE = 48 / 128**2
"""Components of a smaller share of the image are absorbed by a neighbour: best on the val split."""


def load_segmenter(name: str | Path = "scenes-segmenter") -> PanopticSegmenter:
    """The built-in segmenter, or one from a folder or hub id, ready to segment.

    Raises:
        InputError: if there is none of this name, or it cannot be read or reached.
    """
    inside = BUILT_IN / str(name)
    source = inside if (inside / "config.json").exists() else name
    with reading("a segmenter", name):
        network: PanopticSegmenter = PanopticSegmenter.from_pretrained(source, dtype=torch.float32)
    return network.eval()


@torch.inference_mode()
def segment(
    network: PanopticSegmenter, images: Sequence[Image.Image], *, batch_size: int = 16
) -> list[PanopticMap]:
    """The map of each image, at the image's size.

    Args:
        network: a trained segmenter.
        images: RGB, all of one size, best that of its training.
        batch_size: images at a time; changes speed and memory only.

    Raises:
        InputError: if the sizes differ, or the network cannot halve them as often as it must.
    """
    _check(network, images)
    device = next(network.parameters()).device
    maps: list[PanopticMap] = []
    for start in range(0, len(images), batch_size):
        pixels = torch.stack([to_pixels(i) for i in images[start : start + batch_size]])
        logits, offsets = unpack(network(pixels.to(device)).float())
        pairs = zip(logits.softmax(dim=1).cpu().numpy(), offsets.cpu().numpy(), strict=True)
        maps.extend(_read(scores, offset, network.taxonomy) for scores, offset in pairs)
    return maps


def _check(network: PanopticSegmenter, images: Sequence[Image.Image]) -> None:
    sizes = sorted({image.size for image in images})
    if len(sizes) > 1:
        raise InputError("images of one size", f"{sizes[0]} and {sizes[1]}", "resize them")
    multiple = network.side_multiple
    if any(side % multiple for side in (sizes[0] if sizes else ())):
        raise InputError(f"sides that {multiple} divides", f"{sizes[0]}", "resize the images")


def _read(scores: np.ndarray, offsets: np.ndarray, taxonomy: Taxonomy) -> PanopticMap:
    """Probabilities (K, H, W) and offsets (2, H, W) -> the map; no pixel is void."""
    category = scores[1:].argmax(axis=0) + 1
    instance = Offsets(MAX_LABEL).decode(offsets, category, taxonomy.isthing)
    reading = Reading(category, instance, scores[1:].max(axis=0))
    return to_map(reading, taxonomy, LEAST_SHARE * category.size)
