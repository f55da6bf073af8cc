"""What each instance coding can keep at best, and under noise, and how fast it is.

    python benchmarks/bench_codec.py [--scenes 200] [--side 64] [--min-area 16]

Scenes of the built-in world at 128 px are resized to the map's resolution by majority vote: that
map is the truth. It is encoded, disturbed, decoded at the same resolution, and compared: PQ of
things (mean over categories) and the share of maps whose number of things is exact. Every channel
is disturbed, the category bits too:

    white   independent Gaussian noise of 0.3 on every value
    smooth  Gaussian noise of 0.3, correlated over about five cells, as a network's errors are
    blur    a Gaussian blur of 1.5 cells and smooth noise of 0.1: an undecided network
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable

import numpy as np
import torch
from scipy.ndimage import gaussian_filter

from pandiff.codec import CODINGS, PanopticCodec
from pandiff.data.scenes import make_scene
from pandiff.evaluation.score import MapScores
from pandiff.panoptic import PanopticMap

SEED = 900_001
BATCH = 50


def white(values: np.ndarray, rng: np.random.Generator, sigma: float = 0.3) -> np.ndarray:
    """Independent noise."""
    return values + rng.normal(0, sigma, values.shape)


def smooth(values: np.ndarray, rng: np.random.Generator, sigma: float = 0.3) -> np.ndarray:
    """Noise that is alike in near cells."""
    noise = gaussian_filter(rng.normal(0, 1, values.shape), (0, 0, 2, 2))
    return values + noise * (sigma / noise.std())


def blur(values: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Values that run into each other."""
    return smooth(gaussian_filter(values, (0, 0, 1.5, 1.5)), rng, 0.1)


NOISES: dict[str, Callable[[np.ndarray, np.random.Generator], np.ndarray]] = {
    "clean": lambda values, rng: values,
    "white": white,
    "smooth": smooth,
    "blur": blur,
}


def majority_map(panoptic: PanopticMap, side: int) -> PanopticMap:
    """The map at side x side: what an exact coding gives back."""
    exact = PanopticCodec(panoptic.taxonomy, instances="ids-raster", min_area=0)
    return exact.decode(exact.encode(panoptic, (side, side)))


def things(panoptic: PanopticMap) -> int:
    """Number of instances."""
    return sum(panoptic.taxonomy.by_id(s.category_id).isthing for s in panoptic.segments)


def quality(truths: list[PanopticMap], decoded: list[PanopticMap]) -> str:
    """PQ of things and the share of exact counts."""
    scores = MapScores(truths[0].taxonomy)
    for truth, predicted in zip(truths, decoded, strict=True):
        scores.add(truth, predicted)
    exact = np.mean([things(t) == things(d) for t, d in zip(truths, decoded, strict=True)])
    return f"{scores.metrics()['pq']['things']['pq']:.3f}/{exact:.2f}"


def per_map(work: Callable[[], object], maps: int, rounds: int = 3) -> float:
    """Seconds for a map; the best of a few rounds."""
    times = []
    for _ in range(rounds):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return min(times) / maps


def row(codec: PanopticCodec, maps: list[PanopticMap], truths: list[PanopticMap]) -> str:
    """One line of the table."""
    size, full = truths[0].size, maps[0].size
    values = torch.stack([codec.encode(m, size) for m in maps])
    cells = []
    for disturb in NOISES.values():
        noisy = disturb(values.numpy(), np.random.default_rng(SEED)).astype(np.float32)
        cells.append(f"{quality(truths, codec.decode_batch(torch.from_numpy(noisy))):>11}")
    some = maps[:BATCH]
    labels = [np.stack(a) for a in zip(*(codec.prepare(m, size) for m in some), strict=True)]
    times = (
        per_map(lambda: [codec.prepare(m, size) for m in some], len(some)) * 1e3,
        1 / per_map(lambda: codec.encode_indices(*labels), len(some)),
        per_map(lambda: codec.decode_batch(values[:BATCH], full), len(some)) * 1e3,
    )
    return f"{codec.channels:8}" + "".join(cells) + "{:9.2f} ms{:9.0f}/s{:8.1f} ms".format(*times)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--scenes", type=int, default=200)
    parser.add_argument("--side", type=int, default=64)
    parser.add_argument("--min-area", type=float, default=16)
    args = parser.parse_args()
    torch.set_num_threads(1)
    maps = [make_scene(SEED, k, 128).panoptic for k in range(args.scenes)]
    truths = [majority_map(m, args.side) for m in maps]
    print(f"{args.scenes} scenes, {args.side} x {args.side} cells, min_area {args.min_area:g}")
    print("PQ of things / share of exact counts; one thread")
    heads = "".join(f"{name:>11}" for name in NOISES)
    print(f"{'coding':16}channels{heads}     prepare     encode  decode 128")
    for name in CODINGS:
        codec = PanopticCodec(maps[0].taxonomy, instances=name, min_area=args.min_area)
        print(f"{name:16}{row(codec, maps, truths)}", flush=True)


if __name__ == "__main__":
    main()
