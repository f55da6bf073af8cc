"""Does an edit show at its border? How steep an image is across it, against the image before."""

from __future__ import annotations

import numpy as np
from PIL import Image
from scipy.ndimage import binary_dilation, distance_transform_edt, uniform_filter

OUTSIDE, INSIDE = 6, 2
"""How far a band around the border reaches, in pixels, into the known part and into the region."""
ALONG = 9
"""Side of the squares in which means along the border are taken, in pixels."""


def steepness(image: Image.Image, known: np.ndarray) -> float:
    """Steepest change across a border, in grey levels per pixel, mean over the border.

    Pixels are averaged along the border, at each distance from it; then the steepest step from one
    distance to the next counts. So texture does not, and a fade counts as steep as it is.

    Args:
        image: an image.
        known: (H, W) bool; the border is that of the pixels that are not known.

    Returns:
        0 or more; 0 where there is no border.
    """
    border = ~known & binary_dilation(known)
    if not border.any():
        return 0.0
    distance = _distance(known)
    pixels = np.asarray(image.convert("RGB"), dtype=np.float64)
    means = [_means(pixels, distance == k)[border] for k in range(-OUTSIDE, INSIDE)]
    steps = np.abs(np.diff(means, axis=0)).mean(axis=2)
    return float(np.fmax.reduce(np.vstack([steps, np.zeros((1, border.sum()))])).mean())


def seam_ratio(before: Image.Image, after: Image.Image, known: np.ndarray) -> float:
    """Steepness across the border of what was not known: after an edit over before, at least 1.

    1 where nothing changed; more than 1 where the border shows that was not there. A flat image
    counts as one with a grey level per pixel. What is made in place of something finer is
    smoother, and then the ratio is below 1.
    """
    return steepness(after, known) / max(1.0, steepness(before, known))


def _distance(known: np.ndarray) -> np.ndarray:
    """(H, W) whole pixels to the border: 0, 1, ... inside the region, -1, -2, ... outside."""
    inside = np.ceil(distance_transform_edt(~known)) - 1
    outside = -np.ceil(distance_transform_edt(known))
    return np.where(known, outside, inside)


def _means(pixels: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """(H, W, 3) means of the pixels of a mask in a square around each; NaN where there are few."""
    share = uniform_filter(mask.astype(np.float64), ALONG, mode="constant")[..., None]
    size = (ALONG, ALONG, 1)
    total = uniform_filter(pixels * mask[..., None], size, mode="constant")
    enough = share > 2.5 / ALONG**2
    return np.divide(total, share, out=np.full_like(pixels, np.nan), where=enough)
