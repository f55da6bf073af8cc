"""Connected components of label maps, and the clean-up of specks."""

from __future__ import annotations

import numpy as np
from skimage.measure import label


def components(labels: np.ndarray) -> np.ndarray:
    """(H, W) labels -> (H, W) int64, 0..n-1: their 8-connected components."""
    return label(labels, background=-1, connectivity=2) - 1


def absorb_specks(labels: np.ndarray, category: np.ndarray, min_area: float) -> np.ndarray:
    """Give components under `min_area` cells to a neighbour.

    A neighbour of the same category is preferred, then the one with the longest border. Specks
    among specks follow each other outwards. The largest component always stays.

    Args:
        labels: (H, W) segments, 0..n-1.
        category: (n,) category of each segment.
        min_area: smallest number of cells that a component may have.
    """
    parts = components(labels)
    owner = np.zeros(parts.max() + 1, dtype=np.int64)
    owner[parts.ravel()] = labels.ravel()
    area = np.bincount(parts.ravel())
    small = area < min_area
    small[area.argmax()] = False
    if not small.any():
        return labels
    speck, other, border = _adjacent(parts)
    while True:
        ready = small[speck] & ~small[other]
        if not ready.any():
            return owner[parts]
        s, o, length = speck[ready], owner[other[ready]], border[ready]
        alike = category[o] == category[owner[s]]
        last = _last_of_each(s, np.lexsort((o, length, alike, s)))
        owner[s[last]] = o[last]
        small[s[last]] = False


def _last_of_each(keys: np.ndarray, order: np.ndarray) -> np.ndarray:
    """The positions in `order` that come last for their key; `order` sorts by key first."""
    ordered = keys[order]
    return order[np.append(ordered[1:] != ordered[:-1], True)]


def _adjacent(parts: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Pairs of 4-adjacent components, both ways, and the length of their border."""
    count = int(parts.max()) + 1
    across = parts[:, :-1] * count + parts[:, 1:]
    down = parts[:-1] * count + parts[1:]
    keys = np.concatenate([across.ravel(), down.ravel()])
    first, second = np.divmod(keys, count)
    differ = first != second
    first, second = first[differ], second[differ]
    both = np.concatenate([first * count + second, second * count + first])
    pairs, border = np.unique(both, return_counts=True)
    return pairs // count, pairs % count, border
