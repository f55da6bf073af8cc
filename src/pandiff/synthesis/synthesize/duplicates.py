"""Near duplicates: images of one look with maps of one content."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from PIL import Image
from scipy.fft import dctn

from pandiff.panoptic import PanopticMap

SIDE, LOW, BITS = 32, 8, 64
"""The hash: side of the image it is taken of, and of its lowest frequencies; its bits."""


@dataclass(frozen=True, eq=False)
class Mark:
    """What near duplicates are told by.

    Attributes:
        bits: perceptual hash of the image, 64 bits.
        shares: (num_classes,) uint8, the share of each category in the map, void first, in 255ths.
    """

    bits: int
    shares: np.ndarray

    @classmethod
    def of(cls, image: Image.Image, panoptic: PanopticMap) -> Mark:
        """The mark of a sample."""
        counts = np.bincount(
            panoptic.category_index.ravel(), minlength=panoptic.taxonomy.num_classes
        )
        shares = np.rint(255 * counts / panoptic.ids.size).astype(np.uint8)
        return cls(perceptual_hash(image), shares)

    def to_json(self) -> dict[str, object]:
        """As JSON values; shares of 0 are left out."""
        some = {str(k): int(self.shares[k]) for k in np.flatnonzero(self.shares)}
        return {"bits": f"{self.bits:016x}", "shares": some}

    @classmethod
    def from_json(cls, content: dict[str, dict[str, int]], num_classes: int) -> Mark:
        """The inverse of `to_json`."""
        shares = np.zeros(num_classes, np.uint8)
        for k, share in content["shares"].items():
            shares[int(k)] = share
        return cls(int(str(content["bits"]), 16), shares)

    def difference(self, other: Mark) -> float:
        """0..1: the share of the bits, or of the map's area, that differs; the larger of both."""
        bits = (self.bits ^ other.bits).bit_count() / BITS
        area = np.abs(self.shares.astype(int) - other.shares).sum() / 2 / 255
        return max(bits, float(area))


def perceptual_hash(image: Image.Image) -> int:
    """64 bits: which of the 8 x 8 lowest frequencies of the gray image lie above their median."""
    small = image.convert("L").resize((SIDE, SIDE), Image.Resampling.BOX)
    low = dctn(np.asarray(small, dtype=np.float64), norm="ortho")[:LOW, :LOW].ravel()
    low[0] = 0
    low = np.round(low, 6)
    return int("".join("1" if b else "0" for b in low > np.median(low)), 2)


class DuplicateIndex:
    """Marks of samples, in which near ones are found.

    Two hashes that differ in at most d bits agree in one of d + 1 bands of bits.

    Args:
        most: the largest difference of near duplicates; None finds none.
    """

    def __init__(self, most: float | None) -> None:
        self._most = most
        bands = int(BITS * (most or 0)) + 1
        ends = [BITS * k // bands for k in range(bands + 1)]
        self._bands = [(a, (1 << (b - a)) - 1) for a, b in pairwise(ends)]
        self._buckets: defaultdict[tuple[int, int], list[tuple[int, Mark]]] = defaultdict(list)

    def add(self, slot: int, mark: Mark) -> None:
        """Take up a sample."""
        for key in self._keys(mark):
            self._buckets[key].append((slot, mark))

    def find(self, mark: Mark) -> tuple[int, float] | None:
        """The nearest near duplicate, of equal ones the first slot, and its difference."""
        if self._most is None:
            return None
        seen = {slot: other for key in self._keys(mark) for slot, other in self._buckets[key]}
        near = ((mark.difference(other), slot) for slot, other in seen.items())
        difference, slot = min(near, default=(1.0, -1))
        return (slot, difference) if slot >= 0 and difference <= self._most else None

    def _keys(self, mark: Mark) -> list[tuple[int, int]]:
        return [(k, mark.bits >> a & ones) for k, (a, ones) in enumerate(self._bands)]
