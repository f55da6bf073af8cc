"""Images per second prepared into shards, and samples per second read from them, on one core.

python benchmarks/bench_shards.py [--count 256] [--size 128] [--shard-size 32] [--batch 32]
"""

from __future__ import annotations

import argparse
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from pandiff.codec import PanopticCodec
from pandiff.data.scenes import write_scenes
from pandiff.data.shards import ShardDataset, ShardIndex
from pandiff.training.prepare import prepare
from pandiff.training.settings import read_settings
from pandiff.training.shard_sampler import ShardSampler


class _Silent(SimpleHTTPRequestHandler):
    def log_message(self, *message: object) -> None:
        """Print nothing."""


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """The address of a folder."""
    handler = partial(_Silent, directory=str(folder))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def rate(work: Callable[[], object], count: int) -> float:
    """`count` over the seconds that the work takes."""
    start = time.perf_counter()
    work()
    return count / (time.perf_counter() - start)


def read(dataset: ShardDataset, batch: int) -> None:
    """One epoch in the order of training."""
    for indices in ShardSampler(dataset.order(seed=0), batch, 0, len(dataset) // batch):
        dataset.__getitems__(indices)


def read_bytes(dataset: ShardDataset) -> None:
    """All samples, not decoded, in the order of training."""
    order = dataset.order(seed=0)
    for k in range(len(dataset)):
        dataset.reader.read(order[k])


def report(name: str, per_second: float) -> None:
    """Print one rate."""
    print(f"{name:34} {per_second:8.1f} /s")


def measure(index: ShardIndex, shards: Path, cells: int, batch: int) -> None:
    """Print the rates of reading."""
    codec = PanopticCodec(index.taxonomy)
    local = ShardDataset(shards, codec, cells)
    read(local, batch)  # so that the files are in memory
    report("bytes, from a folder", rate(lambda: read_bytes(local), len(index)))
    report("samples, from a folder", rate(lambda: read(local, batch), len(index)))
    with served(shards) as address, tempfile.TemporaryDirectory() as cache:
        far = ShardDataset(address, codec, cells, cache=Path(cache), cache_shards=8)
        report("samples, from an address, first", rate(lambda: read(far, batch), len(index)))


def main() -> None:
    """Print the rates of preparing and reading."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    for name, default in (("count", 256), ("size", 128), ("shard-size", 32), ("batch", 32)):
        parser.add_argument(f"--{name}", type=int, default=default)
    args = parser.parse_args()
    config = read_settings("scenes", overrides=["--size", str(args.size)])
    with tempfile.TemporaryDirectory() as folder:
        data, out = Path(folder, "data"), Path(folder, "shards")
        write_scenes(data, args.count, size=args.size)
        prepare(config, data, Path(folder, "warm"), shard_size=args.count)
        run = partial(prepare, config, data, out, shard_size=args.shard_size)
        per_second = rate(run, args.count)
        index = ShardIndex.read(out / "shards.json")
        size = index.size / len(index) / 1e3
        print(f"{args.count} scenes of {args.size} px, {size:.1f} kB each, on one core")
        report("prepared, by the VAE of scenes", per_second)
        measure(index, out, args.size // 2, args.batch)


if __name__ == "__main__":
    main()
