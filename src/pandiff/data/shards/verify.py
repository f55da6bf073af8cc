"""Are all shards of a folder what was written?"""

from __future__ import annotations

from pathlib import Path

from pandiff.coco import Progress
from pandiff.data.shards.index import ShardIndex
from pandiff.data.shards.reader import damaged
from pandiff.data.shards.source import FolderSource
from pandiff.data.shards.writer import sha256_of


def verify(folder: str | Path, *, progress: Progress = iter) -> ShardIndex:
    """Compare every shard with its checksum.

    Args:
        folder: of the shards.
        progress: wraps the list of shards, to show how far it is.

    Returns:
        The index.

    Raises:
        InputError: naming the first shard that is missing, cut or changed.
    """
    source = FolderSource.find(Path(folder))
    for record in progress(source.index.shards):
        digest = sha256_of(source.folder / record.name)
        if digest != record.sha256:
            raise damaged(record, digest)
    return source.index
