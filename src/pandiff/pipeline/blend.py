"""A made image around the given part of another: colours that meet, and a narrow fade."""

from __future__ import annotations

import math

import numpy as np
from PIL import Image
from scipy.ndimage import distance_transform_edt, gaussian_filter

from pandiff.rgb import to_rgb

SEAM = 1 / 32
"""Width of the seam where a made image fades into a given one, in longer sides of the image."""
ALIKE = 25.0
"""Grey levels by which two images of the same thing may differ; beyond, they show other things."""
FEW = 0.02
"""Share of known pixels around at which a correction is halved."""
LARGE = 512
"""Longer side in pixels up to which the correction is found at full size."""


def blend(given: Image.Image, made: Image.Image, known: np.ndarray) -> Image.Image:
    """The given image where it is known, the made one elsewhere.

    The made image takes on the given one's colours at the border, and they fade into each other
    over a seam inside the known part; farther in, the given image is kept exactly.

    Args:
        given, made: of one size.
        known: (H, W) bool.
    """
    ours, theirs = (np.asarray(to_rgb(i), dtype=np.float64) for i in (given, made))
    mixed = fade(ours, theirs + difference(ours, theirs, known), known)
    return Image.fromarray(np.round(mixed).clip(0, 255).astype(np.uint8))


def fade(ours: np.ndarray, theirs: np.ndarray, known: np.ndarray) -> np.ndarray:
    """(H, W, 3) images, ours where known, with a linear fade over the seam inside of that."""
    depth = distance_transform_edt(known) if not known.all() else np.full(known.shape, np.inf)
    weight = np.clip(depth / _width(known), 0, 1)[..., None]
    return np.asarray(weight * ours + (1 - weight) * theirs)


def difference(ours: np.ndarray, theirs: np.ndarray, known: np.ndarray) -> np.ndarray:
    """(H, W, 3) ours - theirs as far as it is one of colour, carried on from the known part.

    A decoder and a network miss a sky's colour by a few levels, which shows as the outline of the
    region. The difference is a mean over what is known around a pixel, and vanishes with the
    distance. Where other things are seen, it says nothing of colour and hardly counts.

    It is smooth, and the cost of finding it grows with the cube of the side: of large images every
    k-th pixel is taken, and what lies between is interpolated.
    """
    step = math.ceil(max(known.shape) / LARGE)
    if step == 1:
        return _smooth_difference(ours, theirs, known)
    first = step // 2
    few = np.s_[first::step, first::step]
    found = _smooth_difference(ours[few], theirs[few], known[few])
    for axis, side in enumerate(known.shape):
        found = _interpolated(found, (np.arange(side) - first) / step, axis)
    return found


def _interpolated(values: np.ndarray, at: np.ndarray, axis: int) -> np.ndarray:
    """Linear interpolation at some positions of an axis; beyond its ends the last values."""
    last = values.shape[axis] - 1
    at = at.clip(0, last)
    low = at.astype(int)
    share = np.expand_dims(at - low, [k for k in range(values.ndim) if k != axis])
    below, above = (np.take(values, k, axis) for k in (low, np.minimum(low + 1, last)))
    return np.asarray(below + share * (above - below))


def _smooth_difference(ours: np.ndarray, theirs: np.ndarray, known: np.ndarray) -> np.ndarray:
    """`difference` at full size."""
    apart = np.where(known[..., None], ours - theirs, 0)
    around = gaussian_filter(np.stack([np.abs(apart).mean(axis=2), known], axis=2), (1, 1, 0))
    likeness = np.exp(-((around[..., 0] / np.maximum(around[..., 1], 1e-3) / ALIKE) ** 2))
    weight = (known * likeness)[..., None]
    sigma = (_width(known), _width(known), 0)
    total = gaussian_filter(weight * apart, sigma)
    return np.asarray(total / (gaussian_filter(weight, sigma) + FEW))


def _width(known: np.ndarray) -> float:
    """Width of the seam in pixels."""
    return max(1.0, SEAM * max(known.shape))
