"""The one door between the world of people and the world of tensors."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

import numpy as np
import torch
from torch import Tensor

from pandiff.codec.bits import bits_for, to_bits
from pandiff.codec.coloring import color_instances
from pandiff.codec.decoding import Reading, class_scores, in_context, read_at, shrink, to_map
from pandiff.codec.instances import InstanceCoding
from pandiff.codec.labels import MAX_LABEL, LabelBatch, Labels, to_labels
from pandiff.codec.registry import make_coding
from pandiff.errors import InputError
from pandiff.panoptic import PanopticMap
from pandiff.taxonomy import Taxonomy

SPECK_SIDE = 128
"""Side of the map, in pixels, that `min_area` is meant for."""
BOUND = 4.0
"""Values are clipped to this before decoding; clean ones lie in [-1, 1]."""


@dataclass(frozen=True)
class PanopticCodec:
    """Panoptic map <-> map tensor (C, H, W) of reals, clean values in [-1, 1].

    The first channels are the bits of the class index, the others the instances.

    Attributes:
        taxonomy: the categories; at most 255.
        instances: name of the instance coding, a key of `pandiff.codec.CODINGS`.
        max_instances: most instances of one map, 1..255; of more the largest are kept.
        min_area: components under this many pixels of a 128 x 128 map are absorbed by a
            neighbour when decoding; scaled with the map's area; 0 keeps all.
        void: whether a decoded pixel may be void; False for data in which none is.
    """

    taxonomy: Taxonomy
    instances: str = "offsets+colors"
    max_instances: int = 63
    min_area: float = 16
    void: bool = True

    def __post_init__(self) -> None:
        if self.taxonomy.num_classes > MAX_LABEL + 1:
            raise InputError(
                f"at most {MAX_LABEL} categories", str(len(self.taxonomy)), "merge some"
            )
        if not 1 <= self.max_instances <= MAX_LABEL:
            raise InputError(
                f"max_instances in 1..{MAX_LABEL}", str(self.max_instances), "choose another"
            )
        if self.min_area < 0:
            raise InputError("min_area of 0 or more", str(self.min_area), "0 keeps all")
        make_coding(self.instances, self.max_instances)

    @cached_property
    def coding(self) -> InstanceCoding:
        """The instance coding."""
        return make_coding(self.instances, self.max_instances)

    @cached_property
    def channel_groups(self) -> dict[str, slice]:
        """The channels of each part by name: `category`, then those of the instance coding."""
        sizes = {"category": bits_for(self.taxonomy.num_classes), **self.coding.groups}
        ends = np.cumsum(list(sizes.values())).tolist()
        return {n: slice(e - s, e) for (n, s), e in zip(sizes.items(), ends, strict=True)}

    @property
    def channels(self) -> int:
        """Number of channels of the map tensor."""
        return max(group.stop for group in self.channel_groups.values())

    def to_config(self) -> dict[str, Any]:
        """The codec as plain JSON values."""
        return {**asdict(self), "taxonomy": self.taxonomy.to_coco()}

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> PanopticCodec:
        """The codec that `to_config` described; InputError if a key is not known."""
        odd = set(config) - set(cls.__dataclass_fields__)
        if odd or "taxonomy" not in config:
            known = ", ".join(cls.__dataclass_fields__)
            raise InputError(
                f"the settings of a codec ({known})", ", ".join(sorted(config)), "use to_config"
            )
        return cls(**{**config, "taxonomy": Taxonomy.from_coco(config["taxonomy"])})

    def prepare(self, panoptic: PanopticMap, size: tuple[int, int]) -> Labels:
        """Resize by majority vote to (width, height) and number the instances: see `Labels`."""
        if panoptic.taxonomy != self.taxonomy:
            raise InputError("a map of the codec's taxonomy", "another", "convert the map")
        return to_labels(panoptic, size, self.max_instances)

    def encode(self, panoptic: PanopticMap, size: tuple[int, int] | None = None) -> Tensor:
        """Map -> (C, height, width) float32; `size` is (width, height), the map's by default."""
        labels = self.prepare(panoptic, size or panoptic.size)
        return self.encode_indices(*(torch.from_numpy(a)[None] for a in labels))[0]

    def encode_indices(
        self,
        category: Tensor | np.ndarray,
        instance: Tensor | np.ndarray,
        color: Tensor | np.ndarray | None = None,
    ) -> Tensor:
        """Prepared labels (B, H, W) of any integer type -> (B, C, H, W) float32 in [-1, 1].

        Colours that are not given are worked out, map by map, which is slower.
        """
        category, instance = torch.as_tensor(category), torch.as_tensor(instance)
        if category.ndim != 3 or category.shape != instance.shape:
            raise InputError(
                "categories and instances (B, H, W)",
                f"{tuple(category.shape)} and {tuple(instance.shape)}",
                "stack what prepare gives",
            )
        if color is None:
            color = _colors_of(category, instance)
        labels = LabelBatch(category, instance, torch.as_tensor(color))
        bits = to_bits(category, self.taxonomy.num_classes)
        return torch.cat([bits, self.coding.encode(labels)], dim=1)

    def decode(self, values: Tensor, size: tuple[int, int] | None = None) -> PanopticMap:
        """(C, H, W) reals -> the map, at (width, height) or at the tensor's own size.

        Each pixel takes the valid code word nearest to its bits. `Segment.score` is the mean
        confidence of the segment's pixels.
        """
        reading = self._read(values, size)
        pixels = self.min_area * reading.category.size / SPECK_SIDE**2
        return to_map(reading, self.taxonomy, pixels)

    def decode_batch(
        self, values: Tensor, size: tuple[int, int] | None = None
    ) -> list[PanopticMap]:
        """(B, C, H, W) -> one map each."""
        return [self.decode(v, size) for v in values]

    def confidence(self, values: Tensor, size: tuple[int, int] | None = None) -> np.ndarray:
        """(C, H, W) reals -> (height, width) float32 in 0..1: how clear the category is.

        The softmax probability of the nearest code word: 1 / num_classes where the bits are
        all 0, near 1 where they are clean.
        """
        return self._read(values, size).confidence

    def _read(self, values: Tensor, size: tuple[int, int] | None) -> Reading:
        array = self._array(values)
        height, width = array.shape[1:]
        size = size or (width, height)
        if min(size) < 1:
            raise InputError("a size of at least 1x1", str(size), "check the image's size")
        groups = self.channel_groups["category"]
        scores = in_context(class_scores(array[groups], self.taxonomy.num_classes, self.void))
        instance = self.coding.decode(
            array[groups.stop :], scores.argmax(axis=0), self.taxonomy.isthing
        )
        return shrink(read_at(scores, instance, (max(size[0], width), max(size[1], height))), size)

    def _array(self, values: Tensor) -> np.ndarray:
        if values.ndim != 3 or values.shape[0] != self.channels or 0 in values.shape:
            raise InputError(
                f"one map tensor ({self.channels}, H, W)",
                str(tuple(values.shape)),
                "use decode_batch for a batch",
            )
        return np.nan_to_num(values.detach().float().cpu().numpy()).clip(-BOUND, BOUND)


def _colors_of(category: Tensor, instance: Tensor) -> Tensor:
    maps = zip(category.cpu().numpy(), instance.cpu().numpy(), strict=True)
    colors = np.stack([color_instances(c, i) for c, i in maps])
    return torch.from_numpy(colors).to(category.device)
