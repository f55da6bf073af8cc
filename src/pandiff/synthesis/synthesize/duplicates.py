"""Near duplicates: images of one look with maps of one content."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image
from scipy.fft import dctn

from pandiff.panoptic import PanopticMap

SIDE, LOW, BITS = 32, 8, 64
"""The hash: side of the image it is taken of, and of its lowest frequencies; its bits."""


@dataclass(frozen=True, slots=True)
class Mark:
    """What near duplicates are told by.

    Attributes:
        bits: perceptual hash of the image, 64 bits.
        shares: of each class the share of the map, void first, in 255ths: one byte each.
    """

    bits: int
    shares: bytes

    @classmethod
    def of(cls, image: Image.Image, panoptic: PanopticMap) -> Mark:
        """The mark of a sample."""
        counts = np.bincount(
            panoptic.category_index.ravel(), minlength=panoptic.taxonomy.num_classes
        )
        shares = np.rint(255 * counts / panoptic.ids.size).astype(np.uint8)
        return cls(perceptual_hash(image), shares.tobytes())

    def to_json(self) -> dict[str, object]:
        """As JSON values; shares of 0 are left out."""
        some = {str(k): share for k, share in enumerate(self.shares) if share}
        return {"bits": f"{self.bits:016x}", "shares": some}

    @classmethod
    def from_json(cls, content: dict[str, dict[str, int]], num_classes: int) -> Mark:
        """The inverse of `to_json`."""
        shares = bytearray(num_classes)
        for k, share in content["shares"].items():
            shares[int(k)] = share
        return cls(int(str(content["bits"]), 16), bytes(shares))

    def difference(self, other: Mark) -> float:
        """0..1: the share of the bits, or of the map's area, that differs; the larger of both."""
        return float(_differences(self, *_arrays([other]))[0])


def _arrays(marks: Sequence[Mark]) -> tuple[np.ndarray, np.ndarray]:
    """The bits (N,) uint64 and the shares (N, num_classes) uint8 of marks."""
    shares = np.frombuffer(b"".join(m.shares for m in marks), np.uint8)
    return np.array([m.bits for m in marks], np.uint64), shares.reshape(len(marks), -1)


def _differences(mark: Mark, bits: np.ndarray, shares: np.ndarray) -> np.ndarray:
    """(N,) `Mark.difference` of a mark to each of N."""
    mine = np.frombuffer(mark.shares, np.uint8).astype(np.int16)
    area = np.abs(shares - mine).sum(axis=1) / (2 * 255)
    return np.maximum(np.bitwise_count(bits ^ np.uint64(mark.bits)) / BITS, area)


def perceptual_hash(image: Image.Image) -> int:
    """64 bits: which of the 8 x 8 lowest frequencies of the gray image lie above their median."""
    small = image.convert("L").resize((SIDE, SIDE), Image.Resampling.BOX)
    low = dctn(np.asarray(small, dtype=np.float64), norm="ortho")[:LOW, :LOW].ravel()
    low[0] = 0
    low = np.round(low, 6)
    return int("".join("1" if b else "0" for b in low > np.median(low)), 2)


class DuplicateIndex:
    """Marks of samples, in which near ones are found: by looking at all, a few bytes each.

    Args:
        most: the largest difference of near duplicates; None finds none.
    """

    def __init__(self, most: float | None) -> None:
        self._most, self._count = most, 0
        self._slots = np.zeros(0, np.int64)
        self._bits = np.zeros(0, np.uint64)
        self._shares = np.zeros((0, 0), np.uint8)

    def add(self, slot: int, mark: Mark) -> None:
        """Take up a sample."""
        k = self._count
        if k == len(self._bits):
            room = max(64, 2 * k)
            self._slots = np.resize(self._slots, room)
            self._bits = np.resize(self._bits, room)
            self._shares = np.resize(self._shares, (room, len(mark.shares)))
        self._slots[k], self._bits[k] = slot, mark.bits
        self._shares[k] = np.frombuffer(mark.shares, np.uint8)
        self._count = k + 1

    def find(self, mark: Mark) -> tuple[int, float] | None:
        """The nearest near duplicate, of equal ones the first slot, and its difference."""
        if self._most is None or not self._count:
            return None
        bits = self._bits[: self._count]
        near = np.bitwise_count(bits ^ np.uint64(mark.bits)) <= self._most * BITS
        some = np.flatnonzero(near)
        differences = _differences(mark, bits[some], self._shares[some])
        found = zip(differences.tolist(), self._slots[some].tolist(), strict=True)
        difference, slot = min(found, default=(1.0, -1))
        return (slot, difference) if slot >= 0 and difference <= self._most else None
