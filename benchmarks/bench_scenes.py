"""Scenes per second, rendered and written, on one core.

python benchmarks/bench_scenes.py [--count 200] [--size 128]
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

from pandiff.data.scenes import make_scene, write_scenes


def rendering(count: int, size: int) -> float:
    """Scenes per second, image, map and captions, without files."""
    make_scene(0, 0, size)
    start = time.perf_counter()
    for index in range(count):
        make_scene(0, index, size)
    return count / (time.perf_counter() - start)


def writing(count: int, size: int) -> float:
    """Scenes per second, written as a dataset folder."""
    with tempfile.TemporaryDirectory() as folder:
        start = time.perf_counter()
        write_scenes(Path(folder), count, size=size)
        return count / (time.perf_counter() - start)


def main() -> None:
    """Print both rates."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--count", type=int, default=200)
    parser.add_argument("--size", type=int, default=128)
    args = parser.parse_args()
    print(f"{args.count} scenes of {args.size} px on one core")
    print(f"rendering  {rendering(args.count, args.size):6.1f} scenes/s")
    print(f"writing    {writing(args.count, args.size):6.1f} scenes/s")


if __name__ == "__main__":
    main()
