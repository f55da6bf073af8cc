"""Writing of shards: by many processes, interrupted and gone on with, always the same bytes."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from pandiff.coco import PanopticFolder, atomic_text
from pandiff.data.shards.encoding import ShardEncoding
from pandiff.data.shards.index import INDEX, ShardIndex, ShardRecord, shard_name
from pandiff.data.shards.journal import Journal
from pandiff.data.shards.tar import Sample, write_tar

POLL = 0.2
"""Seconds between two looks at what the other processes have finished."""

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class ShardWriter:
    """Writes a dataset as shards; each process its own, dealt out by number.

    Finished shards stay when it is interrupted, the unfinished one is written anew. A finished
    folder whose tars are missing or cut is mended.

    Attributes:
        folder: the dataset.
        encoding: the encoders.
        out: folder of the shards; new, empty, or begun with the same settings.
        shard_size: samples of a shard.
        rank, world: this process and their number.
        workers: threads that read ahead.
        progress: called with (samples done, samples of this process).
    """

    folder: PanopticFolder
    encoding: ShardEncoding
    out: Path
    shard_size: int = 1000
    rank: int = 0
    world: int = 1
    workers: int = 0
    progress: Progress | None = None

    def write(self) -> ShardIndex | None:
        """Write this process's shards; the first one waits for all and writes the index.

        Returns:
            The index; None in all processes but the first.

        Raises:
            InputError: if `out` holds something else, or shards of other settings, or an image
                cannot be read.
        """
        layout = self.folder.layout
        files = {"panoptic": layout.panoptic_json, "captions": layout.captions_json}
        settings = {
            "data": {name: sha256_of(f) if f.is_file() else None for name, f in files.items()},
            "encoders": self.encoding.settings(),
            "shard_size": self.shard_size,
        }
        journal = Journal.open(self.out, settings)
        self._write_mine(journal)
        return self._finish(journal) if self.rank == 0 else None

    @property
    def _numbers(self) -> range:
        return range(-(-len(self.folder) // self.shard_size))

    def _samples_of(self, number: int) -> range:
        start = number * self.shard_size
        return range(start, min(start + self.shard_size, len(self.folder)))

    def _write_mine(self, journal: Journal) -> None:
        mine = self._numbers[self.rank :: self.world]
        finished = journal.finished(mine)
        done, total = 0, sum(len(self._samples_of(n)) for n in mine)
        for number in mine:
            if number not in finished:
                journal.add(number, self._write_shard(number, done, total))
            done += len(self._samples_of(number))
            self._report(done, total)

    def _write_shard(self, number: int, done: int, total: int) -> ShardRecord:
        path, tally = self.out / shard_name(number), _Tally()
        samples = self.encoding.samples(self.folder, self._samples_of(number), self.workers)
        reported = self._reported(tally.counted(samples), done, total)
        written = write_tar(path, reported)
        size, digest = path.stat().st_size, sha256_of(path)
        return ShardRecord(path.name, size, digest, *written, tally.void, tally.without_captions)

    def _reported(self, samples: Iterable[Sample], done: int, total: int) -> Iterator[Sample]:
        for k, sample in enumerate(samples, start=done):
            self._report(k, total)
            yield sample

    def _report(self, done: int, total: int) -> None:
        if self.progress is not None:
            self.progress(done, total)

    def _finish(self, journal: Journal) -> ShardIndex:
        while len(finished := journal.finished(self._numbers)) < len(self._numbers):
            time.sleep(POLL)
        shards = tuple(finished[n] for n in self._numbers)
        index = ShardIndex(journal.settings, self.folder.taxonomy, self.encoding.extensions, shards)
        with atomic_text(self.out / INDEX) as file:
            file.write(index.to_text())
        journal.clear()
        return index


class _Tally:
    """What a record says of all samples together."""

    def __init__(self) -> None:
        self.void, self.without_captions = False, 0

    def counted(self, samples: Iterable[Sample]) -> Iterator[Sample]:
        for sample in samples:
            self.void |= sample.void
            self.without_captions += not sample.captioned
            yield sample


def sha256_of(path: Path) -> str:
    """SHA-256 of a file, hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
