"""The bytes of samples, read where the index says they lie."""

from __future__ import annotations

import os
from typing import Any

from pandiff.data.shards.index import ShardRecord
from pandiff.data.shards.source import ShardSource
from pandiff.errors import InputError


class ShardReader:
    """Random access to samples. Each process opens files of its own, when it needs them.

    Reading is by position, so that processes that share a descriptor do not disturb one another.

    Args:
        source: of the shards.
    """

    def __init__(self, source: ShardSource) -> None:
        self.source, self.index = source, source.index
        self._open: dict[int, int] = {}

    def read(self, i: int) -> dict[str, bytes]:
        """The members of sample i by extension; InputError if its shard cannot be read."""
        shard, row = self.index.locate(i)
        record = self.index.shards[shard]
        places = record.members[row]
        start, end = int(places[0, 0]), int(places[-1].sum())
        content = os.pread(self._descriptor(shard, record), end - start, start)
        if len(content) != end - start:
            raise damaged(record, f"its end before byte {end}")
        return {
            extension: content[first - start : first - start + size]
            for extension, (first, size) in zip(self.index.extensions, places.tolist(), strict=True)
        }

    def record_of(self, i: int) -> ShardRecord:
        """The shard that holds sample i."""
        return self.index.shards[self.index.locate(i).shard]

    def _descriptor(self, shard: int, record: ShardRecord) -> int:
        if shard not in self._open:
            if len(self._open) >= self.source.files:  # the one opened first, as a cache drops it
                os.close(self._open.pop(next(iter(self._open))))
            self._open[shard] = self.source.open(record)
        return self._open[shard]

    def close(self) -> None:
        """Close the files; reading opens them again."""
        while self._open:
            os.close(self._open.popitem()[1])

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_open": {}}

    def __del__(self) -> None:
        self.close()


def damaged(record: ShardRecord, got: str) -> InputError:
    """The error of a shard whose content is not what was written."""
    return InputError(
        f"the shard {record.name} as it was written", got, "find all such: pandiff prepare --verify"
    )
