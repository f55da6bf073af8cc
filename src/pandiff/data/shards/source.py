"""Where shards are read from: a folder, or an address with a bounded cache beside it."""

from __future__ import annotations

import fcntl
import hashlib
import http.client
import os
import shutil
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Protocol, TypeVar

from pandiff.data.shards.index import INDEX, ShardIndex, ShardRecord
from pandiff.data.shards.journal import is_whole
from pandiff.errors import InputError

TRIES = 4
"""How often a shard is asked for, for networks fail."""
PAUSE = 1.0
"""Seconds before the second try; each further one waits twice as long."""
TIMEOUT = 60.0
"""Seconds without an answer after which a try has failed."""

T = TypeVar("T")


class ShardSource(Protocol):
    """Shards to read."""

    @property
    def index(self) -> ShardIndex:
        """What they hold."""
        ...

    @property
    def files(self) -> int:
        """How many of them a reader may hold open."""
        ...

    def open(self, record: ShardRecord) -> int:
        """A file descriptor of a shard, the caller's to close."""
        ...


def open_source(
    location: str | Path, cache: Path | None = None, cache_shards: int = 16
) -> ShardSource:
    """The shards of a folder or an address; InputError if there are none."""
    if "://" in str(location):
        return CachedSource.connect(str(location), cache, cache_shards)
    return FolderSource.find(Path(location))


@dataclass(frozen=True)
class FolderSource:
    """A folder on a disk that this machine sees."""

    folder: Path
    index: ShardIndex
    files: int = 64

    @classmethod
    def find(cls, folder: Path) -> FolderSource:
        """Read the index; InputError if there is none, or a shard is missing or of another size."""
        path = folder / INDEX
        if not path.is_file():
            raise InputError(f"a folder of shards with {INDEX}", f"{folder}", "run pandiff prepare")
        index = ShardIndex.read(path)
        for record in index.shards:
            if not is_whole(folder, record):
                shard = folder / record.name
                got = f"{shard.stat().st_size} bytes" if shard.is_file() else "no such file"
                raise InputError(
                    f"{shard} of {record.size} bytes", got, "repeat pandiff prepare, which mends it"
                )
        return cls(folder, index)

    def open(self, record: ShardRecord) -> int:
        """A file descriptor of a shard."""
        return os.open(self.folder / record.name, os.O_RDONLY)


@dataclass(frozen=True)
class CachedSource:
    """An address; each shard is fetched whole when it is first used, and checked.

    The processes of a machine share the cache. The shards that were opened longest ago leave it.

    Attributes:
        address: without the name of a file: http://, https://, or any that fsspec knows.
        cache: folder of the shards fetched.
        index: what the address holds.
        files: shards that the cache keeps.
    """

    address: str
    cache: Path
    index: ShardIndex
    files: int

    @classmethod
    def connect(cls, address: str, cache: Path | None, cache_shards: int) -> CachedSource:
        """Fetch the index.

        Args:
            address: of the folder.
            cache: folder for the shards; by default one of this index in the user's cache.
            cache_shards: most shards to keep there.
        """
        if cache_shards < 1:
            raise InputError("cache_shards of 1 or more", str(cache_shards), "choose another")
        address = address.rstrip("/")
        text = _tried(lambda: _read_whole(f"{address}/{INDEX}"), f"{address}/{INDEX}")
        index = ShardIndex.from_text(text.decode(), f"{address}/{INDEX}")
        cache = cache or _default_cache() / hashlib.sha256(text).hexdigest()[:16]
        cache.mkdir(parents=True, exist_ok=True)
        return cls(address, cache, index, cache_shards)

    def open(self, record: ShardRecord) -> int:
        """A file descriptor of a shard; InputError if it cannot be had, or not as it should be."""
        path = self.cache / record.name
        with _locked(self.cache / f".{record.name}.lock"):
            try:
                descriptor = os.open(path, os.O_RDONLY)
            except FileNotFoundError:
                descriptor = _tried(
                    lambda: self._fetch(record, path), f"{self.address}/{path.name}"
                )
            os.utime(descriptor)
        self._evict()
        return descriptor

    def _fetch(self, record: ShardRecord, path: Path) -> int:
        temporary = path.with_name(f".{path.name}.tmp")
        with _open_address(f"{self.address}/{record.name}") as far, temporary.open("w+b") as near:
            shutil.copyfileobj(far, near, 1 << 20)
            near.seek(0)
            if hashlib.file_digest(near, "sha256").hexdigest() != record.sha256:
                raise OSError("another checksum than the index says")
            os.replace(temporary, path)
            return os.dup(near.fileno())

    def _evict(self) -> None:
        found = {path: _opened_at(path) for path in self.cache.glob("shard-*.tar")}
        for path in sorted(found, key=found.__getitem__)[: -self.files]:
            path.unlink(missing_ok=True)


def _opened_at(path: Path) -> int:
    try:
        return path.stat().st_mtime_ns
    except FileNotFoundError:  # another process was quicker
        return 0


def _default_cache() -> Path:
    home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(home) / "pandiff" / "shards"


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Hold a file's lock, which the system drops if the process ends."""
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _tried(work: Callable[[], T], what: str) -> T:
    """The result of work that may fail at first; InputError if it always does."""
    for k in range(TRIES):
        try:
            return work()
        except (OSError, http.client.HTTPException) as error:
            reason = str(error) or type(error).__name__
        if k + 1 < TRIES:
            time.sleep(PAUSE * 2**k)
    raise InputError(f"a readable {what}", reason, "check the address, or prepare anew")


def _read_whole(address: str) -> bytes:
    with _open_address(address) as file:
        return file.read()


def _open_address(address: str) -> IO[bytes]:
    if address.startswith(("http://", "https://")):
        return urllib.request.urlopen(address, timeout=TIMEOUT)
    import fsspec

    try:
        return fsspec.open(address, "rb").open()
    except (ImportError, ValueError) as error:
        raise InputError(f"an address to read, as {address}", str(error), "see fsspec") from None
