"""Choices of the paper's released code that are wrong: here to be measured, not to be used."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from pandiff.codec import CODINGS, PanopticCodec
from pandiff.codec.components import components
from pandiff.codec.decoding import Reading, class_scores, to_map
from pandiff.codec.labels import LabelBatch
from pandiff.panoptic import PanopticMap
from pandiff.taxonomy import VOID

SEMANTIC = "semantic"


@dataclass(frozen=True)
class SemanticOnly:
    """No instance channels; an instance is a connected component of one category."""

    max_instances: int

    @property
    def groups(self) -> dict[str, int]:
        return {}

    def encode(self, labels: LabelBatch) -> Tensor:
        """Nothing: (B, 0, H, W)."""
        return torch.zeros(len(labels.category), 0, *labels.category.shape[1:])

    def decode(self, values: np.ndarray, category: np.ndarray, isthing: np.ndarray) -> np.ndarray:
        return np.where(isthing[category], components(category) + 1, 0)


CODINGS[SEMANTIC] = SemanticOnly


def signs(codec: PanopticCodec, values: Tensor) -> np.ndarray:
    """(C, H, W) reals -> (H, W): the code word that the signs of the category bits spell.

    It may be no category: 0 is void, and a number of `num_classes` or more is none at all.
    """
    bits = values[codec.channel_groups["category"]].numpy() > 0
    return (bits * (1 << np.arange(len(bits))[::-1])[:, None, None]).sum(axis=0)


def invalid(codec: PanopticCodec, words: np.ndarray) -> np.ndarray:
    """(H, W) bool: code words that stand for no category of the data."""
    return (words == VOID) | (words >= codec.taxonomy.num_classes)


def by_signs(codec: PanopticCodec, values: Tensor) -> PanopticMap:
    """Decode as the released code does: bit by bit. Words that do not exist become void."""
    words = signs(codec, values)
    return _plain(codec, values, np.where(invalid(codec, words), VOID, words))


def by_nearest_word(codec: PanopticCodec, values: Tensor) -> PanopticMap:
    """Each cell by itself takes the valid code word nearest to its bits; no clean-up."""
    bits = values[codec.channel_groups["category"]].numpy()
    return _plain(codec, values, class_scores(bits, codec.taxonomy.num_classes, False).argmax(0))


def _plain(codec: PanopticCodec, values: Tensor, category: np.ndarray) -> PanopticMap:
    """The map of these categories at its own resolution; instances by the codec's coding."""
    instances = values[codec.channel_groups["category"].stop :].numpy()
    instance = codec.coding.decode(instances, category, codec.taxonomy.isthing)
    return to_map(Reading(category, instance, np.ones(category.shape, np.float32)),
                  codec.taxonomy, 0)  # fmt: skip
