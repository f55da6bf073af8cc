"""How fast panoptic quality is, against `np.unique` over the pairs of ids of each map.

    python benchmarks/bench_score.py [--maps 64] [--side 256]

Both sides of each ratio are timed in this run, on the same pairs of maps, and give equal counts.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable

import numpy as np

from pandiff.evaluation.overlap import overlap
from pandiff.evaluation.panoptic_quality import pq_sums
from pandiff.evaluation.score import MapScores
from pandiff.panoptic import PanopticMap
from pandiff.taxonomy import Category, Taxonomy

TAXONOMY = Taxonomy(tuple(Category(k, str(k), k > 10) for k in range(1, 21)))
Pair = tuple[PanopticMap, PanopticMap]


def make_pair(rng: np.random.Generator, side: int, segments: int = 20) -> Pair:
    """A map of Voronoi cells under 24-bit ids, and one of cells that moved a little."""
    y, x = np.mgrid[:side, :side]
    centers = rng.uniform(0, side, (segments, 2))
    ids = rng.choice(1 << 24, segments, replace=False)
    classes = {int(i): int(rng.integers(1, 21)) for i in ids if i}

    def cells(at: np.ndarray) -> PanopticMap:
        near = np.argmin([(y - cy) ** 2 + (x - cx) ** 2 for cy, cx in at], axis=0)
        return PanopticMap.from_ids(ids[near], classes, TAXONOMY)

    return cells(centers), cells(centers + rng.normal(0, side / 40, centers.shape))


def unique_pairs(pair: Pair) -> np.ndarray:
    """Counts of the pairs of ids, sorted by pair: the plain way."""
    ids = np.stack([panoptic.ids.ravel() for panoptic in pair], axis=1)
    return np.unique(ids, axis=0, return_counts=True)[1]


def unique_codes(pair: Pair) -> np.ndarray:
    """The same, each pair first put into one 64-bit number, as the COCO API does."""
    codes = pair[0].ids.astype(np.uint64) << 24 | pair[1].ids.astype(np.uint64)
    return np.unique(codes, return_counts=True)[1]


def milliseconds(work: Callable[[Pair], object], pairs: list[Pair], rounds: int = 5) -> float:
    """Time for a pair; the best of a few rounds."""
    times = []
    for _ in range(rounds):
        start = time.perf_counter()
        for pair in pairs:
            work(pair)
        times.append(time.perf_counter() - start)
    return min(times) / len(pairs) * 1e3


def main() -> None:
    """Time everything and print it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--maps", type=int, default=64)
    parser.add_argument("--side", type=int, default=256)
    args = parser.parse_args()
    rng = np.random.default_rng(0)
    pairs = [make_pair(rng, args.side) for _ in range(args.maps)]
    for pair in pairs:
        counts = np.sort(overlap(*pair).pixels[overlap(*pair).pixels > 0])
        assert np.array_equal(counts, np.sort(unique_pairs(pair)))
        assert np.array_equal(counts, np.sort(unique_codes(pair)))
    scores = MapScores(TAXONOMY)
    works: dict[str, Callable[[Pair], object]] = {
        "np.unique over pairs": unique_pairs,
        "np.unique over 64-bit codes": unique_codes,
        "overlap": lambda pair: overlap(*pair),
        "overlap + PQ": lambda pair: pq_sums(overlap(*pair)),
        "all scores": lambda pair: scores.add(*pair),
    }
    times = {name: milliseconds(work, pairs) for name, work in works.items()}
    print(f"{args.maps} pairs of {args.side} x {args.side} px, numpy {np.__version__}")
    for name, took in times.items():
        ratios = (times[base] / took for base in list(works)[:2])
        print(f"{name:28} {took:8.3f} ms a pair   " + "  ".join(f"{r:6.1f}x" for r in ratios))


if __name__ == "__main__":
    main()
