"""Shards as a dataset for training. It draws nothing: flips, captions and noise are the task's."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.utils.data import Dataset

from pandiff.coco import png_to_ids
from pandiff.codec import PanopticCodec
from pandiff.data.encoded import CAPTIONS
from pandiff.data.shards.index import PROMPT
from pandiff.data.shards.order import ShardOrder
from pandiff.data.shards.reader import ShardReader, damaged
from pandiff.data.shards.source import open_source
from pandiff.errors import InputError
from pandiff.panoptic import PanopticMap, Segment
from pandiff.taxonomy import VOID, Taxonomy


class ShardDataset(Dataset[dict[str, Tensor]]):
    """Samples of shards that `pandiff prepare` wrote, by index.

    Crowds train as void. A crowd is many things that nobody has counted: as one thing it would
    teach a wrong instance, as a class without instance something that no map may hold; and void is
    what the metrics make of it.

    Args:
        location: folder of the shards, or its address: http(s)://, or any that fsspec knows.
        codec: of the shards' taxonomy.
        map_size: side of the map in cells.
        cache: folder for shards fetched from an address; by default in the user's cache.
        cache_shards: most shards to keep there; a few windows of the order.

    Raises:
        InputError: if there are no shards, one is missing or of another size, or the codec has
            another taxonomy.
    """

    def __init__(
        self,
        location: str | Path,
        codec: PanopticCodec,
        map_size: int,
        *,
        cache: Path | None = None,
        cache_shards: int = 16,
    ) -> None:
        self.reader = ShardReader(open_source(location, cache, cache_shards))
        self.index, self.codec, self.map_size = self.reader.index, codec, map_size
        if codec.taxonomy != self.index.taxonomy:
            raise InputError("a codec of the shards' taxonomy", "another", "use index.taxonomy")

    def __len__(self) -> int:
        return len(self.index)

    def __getitem__(self, i: int) -> dict[str, Tensor]:
        return {name: tensor[0] for name, tensor in self.__getitems__([i]).items()}

    def __getitems__(self, indices: list[int]) -> dict[str, Tensor]:
        """A batch.

        Returns:
            moments (B, 2, 2C, h, w) float16: of the image and of its mirror image, the mean and
            standard deviation of the whitened latent; category, instance, color
            (B, map_size, map_size) uint8, see `Labels`; tokens (B, CAPTIONS, L) int32; and
            prompt (B, 2, M, D) float16, if the shards have it.
        """
        rows = [self._row(i) for i in indices]
        return {name: torch.from_numpy(np.stack([r[name] for r in rows])) for name in rows[0]}

    def order(self, seed: int, window: int = 4) -> ShardOrder:
        """The order of training: see `ShardOrder`."""
        return ShardOrder([len(s) for s in self.index.shards], seed, window)

    def meta(self, i: int) -> dict[str, Any]:
        """The .json of sample i: key, image_id, file_name, captions, segments_info, ..."""
        with self._decoding(i):
            return self._meta(i, self.reader.read(i))

    def panoptic(self, i: int) -> PanopticMap:
        """The map of sample i in full, crowds included."""
        with self._decoding(i):
            members = self.reader.read(i)
            return to_map(members["panoptic.png"], self._meta(i, members), self.index.taxonomy)

    def _row(self, i: int) -> dict[str, np.ndarray]:
        with self._decoding(i):
            members = self.reader.read(i)
            panoptic = to_map(members["panoptic.png"], self._meta(i, members), self.index.taxonomy)
            labels = self.codec.prepare(without_crowds(panoptic), (self.map_size, self.map_size))
            tokens = _npy(members["tokens.npy"])
            row = {
                "moments": _npy(members["moments.npy"]),
                **labels._asdict(),
                "tokens": tokens[np.arange(CAPTIONS) % len(tokens)],
            }
            return row | ({"prompt": _npy(members[PROMPT])} if PROMPT in members else {})

    def _meta(self, i: int, members: Mapping[str, bytes]) -> dict[str, Any]:
        meta: dict[str, Any] = json.loads(members["json"])
        place = self.index.locate(i)
        if meta["key"] != (key := self.index.shards[place.shard].keys[place.row]):
            raise ValueError(f"sample {meta['key']} in the place of {key}")
        return meta

    @contextmanager
    def _decoding(self, i: int) -> Iterator[None]:
        """Turns the errors of damaged bytes into an InputError that names the shard."""
        try:
            yield
        except InputError:
            raise
        except (ValueError, KeyError, TypeError, EOFError, SyntaxError, OSError) as error:
            raise damaged(self.reader.record_of(i), str(error)) from error


def to_map(png: bytes, meta: Mapping[str, Any], taxonomy: Taxonomy) -> PanopticMap:
    """The members .panoptic.png and .json -> the map."""
    segments = tuple(
        Segment(
            s["id"],
            s["category_id"],
            s["area"],
            tuple(s["bbox"]),
            s.get("score", 1.0),
            bool(s["iscrowd"]),
        )
        for s in meta["segments_info"]
    )
    return PanopticMap(png_to_ids(Image.open(BytesIO(png))), segments, taxonomy)


def without_crowds(panoptic: PanopticMap) -> PanopticMap:
    """The map with its crowds void."""
    crowds = [s.id for s in panoptic.segments if s.is_crowd]
    if not crowds:
        return panoptic
    return panoptic.with_ids(np.where(np.isin(panoptic.ids, crowds), VOID, panoptic.ids))


def _npy(content: bytes) -> np.ndarray:
    array: np.ndarray = np.load(BytesIO(content), allow_pickle=False)
    return array
