"""What all formats share: the samples that come in, the folder that they go to."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from pandiff.panoptic import PanopticMap
from pandiff.synthesis.exporters.placing import place
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
