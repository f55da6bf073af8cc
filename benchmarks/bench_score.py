"""How fast maps are scored, from their files on: panoptic quality, MCD, mIoU and boundary F.

    python benchmarks/bench_score.py [--maps 200] [--side 256] [--processes 1 2] [--torchmetrics 8]

All sides are timed in this run on the same files, and give equal counts: `pandiff score`, the same
with boundary F (agreement of image and map), `np.unique` over the ids of each pair of pixels, and
torchmetrics' PanopticQuality on a few of the maps.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path

import numpy as np
from PIL import Image

from pandiff.coco import FolderWriter, PanopticFolder, open_image, png_to_ids
from pandiff.evaluation.boundaries import border_sums
from pandiff.evaluation.overlap import overlap
from pandiff.evaluation.score import MapScores, score
from pandiff.panoptic import PanopticMap
from pandiff.taxonomy import Category, Taxonomy

TAXONOMY = Taxonomy(tuple(Category(k, str(k), k > 10) for k in range(1, 21)))
GOAL = 5000
"""Maps for which times are told."""
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


def write_pairs(path: Path, count: int, side: int) -> tuple[Path, Path]:
    """Two dataset folders, of the first and the second of each pair."""
    rng, folders = np.random.default_rng(0), (path / "one", path / "other")
    with FolderWriter(folders[0], TAXONOMY) as one, FolderWriter(folders[1], TAXONOMY) as other:
        for _ in range(count):
            for writer, panoptic in zip((one, other), make_pair(rng, side), strict=True):
                writer.add(Image.new("RGB", panoptic.size), panoptic)
    return folders


def ids_of(path: Path, k: int) -> np.ndarray:
    """The ids of a map, decoded."""
    return png_to_ids(open_image(path / f"panoptic/{k + 1:012d}.png"))


def unique_pairs(one: Path, other: Path, k: int) -> np.ndarray:
    """Counts of the pairs of ids, sorted by pair: the plain way."""
    ids = np.stack([ids_of(path, k).ravel() for path in (one, other)], axis=1)
    return np.unique(ids, axis=0, return_counts=True)[1]


def unique_codes(one: Path, other: Path, k: int) -> np.ndarray:
    """The same, each pair first put into one 64-bit number, as the COCO API does."""
    codes = ids_of(one, k).astype(np.uint64) << 24 | ids_of(other, k).astype(np.uint64)
    return np.unique(codes, return_counts=True)[1]


def agreement(one: Path, other: Path, numbers: range) -> np.ndarray:
    """All sums of the agreement of two folders of maps: PQ, mIoU, MCD, counts, boundary F."""
    folders = [PanopticFolder.open(path) for path in (one, other)]
    scores, borders = MapScores(TAXONOMY), np.zeros(4, dtype=np.int64)
    for k in numbers:
        pair = [folder.panoptic(k) for folder in folders]
        scores.add(*pair)
        borders += border_sums(*pair)
    return np.concatenate([scores.sums, borders])


def shared_agreement(one: Path, other: Path, count: int, processes: int) -> None:
    """The same by several processes, their start included."""
    parts = [range(k, count, processes) for k in range(processes)]
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
        sum(pool.map(partial(agreement, one, other), parts))


def torchmetrics_pq(one: Path, other: Path, count: int) -> float:
    """Panoptic quality by torchmetrics, which is given categories and instances."""
    import torch
    from torchmetrics.detection import PanopticQuality

    metric = PanopticQuality(set(range(1, 21)), {0})  # of stuff it would merge the cells
    folders = [PanopticFolder.open(path) for path in (one, other)]
    for k in range(count):
        maps = [folder.panoptic(k) for folder in folders]
        stacked = [np.stack([m.category_index, m.ids], axis=-1)[None] for m in maps]
        metric.update(torch.from_numpy(stacked[1]), torch.from_numpy(stacked[0]))
    return float(metric.compute())


def milliseconds(work: Callable[[], object], count: int, rounds: int) -> tuple[float, float]:
    """Wall and processor time for a pair, that of child processes included; the best of rounds."""
    wall, processor_time = [], []
    for _ in range(rounds):
        start, before = time.perf_counter(), sum(os.times()[:4])
        work()
        wall.append((time.perf_counter() - start) / count * 1e3)
        processor_time.append((sum(os.times()[:4]) - before) / count * 1e3)
    return min(wall), min(processor_time)


def check(one: Path, other: Path, count: int) -> None:
    """All ways count the same, and the panoptic quality is that of torchmetrics."""
    folders = [PanopticFolder.open(path) for path in (one, other)]
    for k in range(count):
        pixels = overlap(*(folder.panoptic(k) for folder in folders)).pixels
        counts = np.sort(pixels[pixels > 0])
        assert np.array_equal(counts, np.sort(unique_pairs(one, other, k)))
        assert np.array_equal(counts, np.sort(unique_codes(one, other, k)))
    scores = MapScores(TAXONOMY)
    for k in range(count):
        scores.add(*(folder.panoptic(k) for folder in folders))
    ours = scores.metrics()["pq"]["all"]["pq"]
    assert abs(ours - torchmetrics_pq(one, other, count)) < 1e-6


def main() -> None:
    """Time everything and print it."""
    from pandiff.evaluation.machine import processor  # heavy: the processes do without

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--maps", type=int, default=200)
    parser.add_argument("--side", type=int, default=256)
    parser.add_argument("--processes", type=int, nargs="*", default=[1, 2])
    parser.add_argument("--torchmetrics", type=int, default=8, help="maps; it is slow")
    parser.add_argument("--rounds", type=int, default=3)
    args = parser.parse_args()
    print(f"{args.maps} pairs of {args.side} x {args.side} px, {processor()}, numpy "
          f"{np.__version__}; reading and decoding included, best of {args.rounds} rounds",
          flush=True)  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        pair = write_pairs(Path(folder), args.maps, args.side)
        check(*pair, min(4, args.torchmetrics, args.maps))
        time_all(*pair, args)


def time_all(one: Path, other: Path, args: argparse.Namespace) -> None:
    """A line for each way."""
    few = min(args.torchmetrics, args.maps)
    works: dict[str, tuple[Callable[[], object], int]] = {
        "torchmetrics, PQ": (partial(torchmetrics_pq, one, other, few), few),
        "np.unique over pairs": (
            lambda: [unique_pairs(one, other, k) for k in range(args.maps)], args.maps),
        "np.unique over 64-bit codes": (
            lambda: [unique_codes(one, other, k) for k in range(args.maps)], args.maps),
        "score: PQ, mIoU, MCD, counts": (partial(score, one, other), args.maps),
        "score and boundary F": (partial(agreement, one, other, range(args.maps)), args.maps),
    }  # fmt: skip
    for n in args.processes:
        works[f"  shared by {n} processes"] = (
            partial(shared_agreement, one, other, args.maps, n), args.maps)  # fmt: skip
    base: list[float] = []
    for name, (work, count) in works.items():
        wall, took = milliseconds(work, count, args.rounds)
        base.append(took)
        ratios = "  ".join(f"{b / took:6.1f}x" for b in base[:3])
        print(f"{name:30} {wall:8.2f} ms a pair, {took:8.2f} ms of processors, "
              f"{took * GOAL / 1e3:7.1f} s of them for {GOAL}   {ratios}", flush=True)  # fmt: skip


if __name__ == "__main__":
    main()
