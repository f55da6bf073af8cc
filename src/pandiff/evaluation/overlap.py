"""How the segments of two maps of one image overlap: all that the metrics need to know."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pandiff.errors import InputError
from pandiff.panoptic import PanopticMap
from pandiff.taxonomy import VOID, Taxonomy


@dataclass(frozen=True)
class Overlap:
    """Pixels that the segments of a reference and of a prediction share. Row and column 0: void.

    Attributes:
        pixels: (R + 1, P + 1) int64, shared by reference segment r - 1 and prediction p - 1.
        reference: (R + 1,) int64 index in the reference's taxonomy; 0 for void.
        predicted: (P + 1,) int64, likewise, in the reference's taxonomy too.
        crowd: (R + 1,) bool: the crowds of the reference.
        taxonomy: the reference's.
    """

    pixels: np.ndarray
    reference: np.ndarray
    predicted: np.ndarray
    crowd: np.ndarray
    taxonomy: Taxonomy


def overlap(reference: PanopticMap, predicted: PanopticMap) -> Overlap:
    """Count shared pixels over runs of equal pairs of ids, of which a map has few.

    The categories of the prediction are looked up by id in the reference's taxonomy.

    Raises:
        InputError: if the sizes differ, or the reference's taxonomy lacks a predicted category.
    """
    if reference.size != predicted.size:
        raise InputError(f"a map of {reference.size}", f"{predicted.size}", "resize one")
    taxonomy = reference.taxonomy
    shape = len(reference.segments) + 1, len(predicted.segments) + 1
    first, second, lengths = _runs(reference.ids.ravel(), predicted.ids.ravel())
    cells = reference.position(first) * shape[1] + predicted.position(second)
    pixels = np.bincount(cells, weights=lengths, minlength=shape[0] * shape[1])
    return Overlap(
        pixels=pixels.astype(np.int64).reshape(shape),
        reference=_indices(reference, taxonomy),
        predicted=_indices(predicted, taxonomy),
        crowd=np.array([False] + [s.is_crowd for s in reference.segments]),
        taxonomy=taxonomy,
    )


def _runs(a: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Values of both in each maximal run in which both are constant, and the run's length."""
    changes = np.flatnonzero((a[1:] != a[:-1]) | (b[1:] != b[:-1]))
    ends = np.append(changes, a.size - 1)
    return a[ends], b[ends], np.diff(ends, prepend=-1)


def _indices(panoptic: PanopticMap, taxonomy: Taxonomy) -> np.ndarray:
    return np.array([VOID] + [taxonomy.index(s.category_id) for s in panoptic.segments])
