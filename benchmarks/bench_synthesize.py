"""Where the time of `pandiff synthesize` goes, and whether its memory grows with the dataset.

    python benchmarks/bench_synthesize.py --count 64

Processor time of this process, end to end: prompts, network, VAE, codec, filters, files, report;
without loading the model. One batch is made before the clock starts. With one thread
(OMP_NUM_THREADS=1) it is what a core of its own needs, whatever else runs on the machine.
"""

from __future__ import annotations

import argparse
import resource
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from pandiff.pipeline import PanopticDiffusionPipeline
from pandiff.synthesis.generate import Settings
from pandiff.synthesis.synthesize import Options, Thresholds, maker, read_plan, synthesize, worker
from pandiff.synthesis.synthesize import run as running

PARTS: dict[str, tuple[Any, str]] = {
    "network": (PanopticDiffusionPipeline, "__call__"),
    "VAE": (maker, "decode_latents"),
    "map, confidence, clean-up": (maker, "read_map"),
    "filters": (running, "Judge"),
    "near duplicates": (worker.Mark, "of"),
    "pictures of the report": (worker, "thumb"),
    "image and map files": (worker, "save_sample"),
    "journal": (running.Journal, "add"),
    "end: JSON, report, card": (running, "merge"),
}
"""What is timed: where it is called, and its name there."""


class Clock:
    """Processor time of some functions."""

    def __init__(self) -> None:
        self.seconds: Counter[str] = Counter()

    def time(self, part: str, work: Callable[..., Any]) -> Callable[..., Any]:
        """The same function, timed."""

        def timed(*arguments: Any, **options: Any) -> Any:
            start = time.process_time()
            try:
                return work(*arguments, **options)
            finally:
                self.seconds[part] += time.process_time() - start

        return timed

    def watch(self) -> None:
        """Put timed functions in the place of PARTS."""
        for part, (owner, name) in PARTS.items():
            if part == "filters":
                owner.Judge.__call__ = self.time(part, owner.Judge.__call__)
            else:
                setattr(owner, name, self.time(part, getattr(owner, name)))


def megabytes() -> float:
    """Memory of this process now."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 2**20


def parser() -> argparse.ArgumentParser:
    """The options."""
    one = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    one.add_argument("--model", default="scenes")
    one.add_argument("--count", type=int, default=64)
    one.add_argument("--steps", type=int, default=20)
    one.add_argument("--batch", type=int, default=8)
    one.add_argument("--seed", type=int, default=0)
    one.add_argument("--min-confidence", type=float, default=0.5)
    return one


def main() -> None:
    """Make a dataset and print where the time went."""
    args = parser().parse_args()
    pipe = PanopticDiffusionPipeline.from_pretrained(args.model)
    plan = read_plan("compose", pipe.taxonomy, args.seed)
    settings = Settings(args.steps, 3.0, args.seed, args.batch)
    thresholds = Thresholds(args.min_confidence, near_duplicates=0.05)
    memory: dict[float, float] = {}

    def note(done: int, total: int, dropped: int) -> None:
        for share in (0.25, 0.5, 0.75):
            if done >= share * total:
                memory.setdefault(share, megabytes())

    with tempfile.TemporaryDirectory() as folder:
        synthesize(pipe, plan, Path(folder) / "warm", Options(args.batch, settings))
        clock = Clock()
        clock.watch()
        start, wall = time.process_time(), time.perf_counter()
        options = Options(args.count, settings, thresholds)
        summary = synthesize(pipe, plan, Path(folder) / "set", options, progress=note)
        total, wall = time.process_time() - start, time.perf_counter() - wall
    print(summary)
    print(
        f"{args.model}, {args.steps} steps, batch {args.batch}, {torch.get_num_threads()} threads"
    )
    tried = summary.tried if summary else 1
    for part in PARTS:
        seconds = clock.seconds[part]
        print(f"{part:26} {seconds:7.2f} s {seconds / total:6.1%} {1e3 * seconds / tried:8.2f} ms")
    inside = clock.seconds["network"] + clock.seconds["VAE"]
    print(f"{'all':26} {total:7.2f} s; {wall:.0f} s by the wall clock")
    print(
        f"{tried / total:.2f} candidates a second; outside network and VAE {1 - inside / total:.1%}"
    )
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10
    parts = ", ".join(f"{mb:.0f} after {share:.0%}" for share, mb in memory.items())
    print(f"memory in MB: {parts}; peak {peak:.0f}")


if __name__ == "__main__":
    main()
