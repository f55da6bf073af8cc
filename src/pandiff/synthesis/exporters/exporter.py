"""What all formats share: the samples that come in, the folder that they go to."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path, PurePosixPath

from pandiff.coco import PanopticFolder
from pandiff.panoptic import PanopticMap
from pandiff.synthesis.exporters.placing import check_size, inside, place
from pandiff.taxonomy import Category, Taxonomy


@dataclass(frozen=True)
class Sample:
    """One image of the dataset that is exported.

    Attributes:
        id: of the image, unique.
        name: of the image in its folder; may have folders in it.
        path: where the image lies now.
        panoptic: its map, of its size.
        captions: any number.
        split: "train" or "val".
    """

    id: int
    name: PurePosixPath
    path: Path
    panoptic: PanopticMap
    captions: tuple[str, ...]
    split: str

    @property
    def png_name(self) -> str:
        """The name of a PNG that tells of this image."""
        return self.name.with_suffix(".png").as_posix()


@dataclass(frozen=True)
class Target:
    """Where a dataset is exported to.

    Attributes:
        out: the folder; it exists and is empty.
        taxonomy: of all maps.
        splits: those that samples will come of, in order.
        copy: whether images are copied instead of hard-linked.
    """

    out: Path
    taxonomy: Taxonomy
    splits: tuple[str, ...] = ("train",)
    copy: bool = False

    @property
    def things(self) -> list[Category]:
        """The categories that are counted, in the taxonomy's order."""
        return [c for c in self.taxonomy.categories if c.isthing]

    def place(self, sample: Sample, folder: str) -> Path:
        """Link or copy a sample's image into `out/folder`; returns where it lies."""
        path = self.out / folder / sample.name
        place(sample.path, path, copy=self.copy)
        return path


class Exporter(ABC):
    """Writes one format, a sample at a time; what it holds does not grow with their number."""

    def __init__(self, target: Target) -> None:
        self.target = target

    @abstractmethod
    def add(self, sample: Sample) -> None:
        """Write one sample."""

    @abstractmethod
    def close(self) -> None:
        """Write what tells of all samples."""


class Samples:
    """The samples of a dataset folder, read one at a time.

    Image ids that are text, as some converters write, become 1, 2, ...

    Args:
        folder: the dataset.
        val: share of the images in 0..1 that go to the split "val", chosen by their names; at least
            one if it is above 0.
    """

    def __init__(self, folder: PanopticFolder, val: float = 0.0) -> None:
        self.folder = folder
        self._keep_ids = all(isinstance(i.id, int) for i in folder.images)
        self._val = frozenset(_chosen([i.file_name for i in folder.images], val))

    def __len__(self) -> int:
        return len(self.folder)

    @property
    def splits(self) -> tuple[str, ...]:
        """The splits that occur: "train", or both."""
        return ("train", "val") if self._val else ("train",)

    def __getitem__(self, k: int) -> Sample:
        """Sample k; InputError, with the file's name, if anything of it is wrong."""
        record = self.folder.images[k]
        name, panoptic = inside(record.file_name), self.folder.panoptic(k)
        path = self.folder.layout.images / name
        check_size(path, panoptic.size)
        split = "val" if k in self._val else "train"
        number = record.id if self._keep_ids else k + 1
        return Sample(number, name, path, panoptic, tuple(self.folder.captions(k)), split)


def _chosen(names: Sequence[str], share: float) -> list[int]:
    """The places of a share of the names, by their hashes: as good as at random, and lasting."""
    count = min(len(names), max(1, round(share * len(names)))) if share > 0 else 0
    digest = (blake2b(n.encode(), digest_size=8).digest() for n in names)
    return [k for _, k in sorted((d, k) for k, d in enumerate(digest))[:count]]
