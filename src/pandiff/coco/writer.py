"""Writing of dataset folders in the COCO panoptic layout, one image at a time.

images/*.png|jpg   panoptic/*.png   panoptic.json   captions.json   [manifest.jsonl]
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, TextIO

from PIL import Image

from pandiff.coco.files import atomic_text
from pandiff.coco.sample import Entry, save_sample
from pandiff.errors import InputError
from pandiff.panoptic import PanopticMap
from pandiff.taxonomy import Taxonomy

SUFFIXES = (".png", ".jpg", ".jpeg")
JOURNAL = ".journal.jsonl"
"""Entries of an unfinished dataset, one a line; `close` turns it into the JSON files."""


class FolderWriter:
    """Streams a dataset to disk; the JSON files appear last and all at once.

    Used as a context manager it closes itself at the end, but not after an error: the journal
    then stays, and a writer with `resume=True` goes on from there.

    Args:
        path: the folder; made with the first image.
        taxonomy: of all maps that will be added.
        resume: go on with an unfinished dataset instead of refusing it.

    Raises:
        InputError: if the folder holds a dataset, or an unfinished one and `resume` is False.
    """

    def __init__(self, path: str | Path, taxonomy: Taxonomy, *, resume: bool = False) -> None:
        self.path = Path(path)
        self.taxonomy = taxonomy
        self._journal = self.path / JOURNAL
        if (self.path / "panoptic.json").exists():
            raise InputError("a folder without a dataset", f"one in {path}", "choose another")
        if self._journal.exists() and not resume:
            raise InputError(
                "a folder without a dataset", f"an unfinished one in {path}", "resume or delete it"
            )
        self._file: TextIO | None = None
        self._drop_torn_line()
        self._stems = {Path(e["image"]["file_name"]).stem for e in self.entries()}
        self._last_id = max((e["image"]["id"] for e in self.entries()), default=0)

    def __len__(self) -> int:
        """Number of images written so far, those before a resume included."""
        return len(self._stems)

    def add(
        self,
        image: Image.Image,
        panoptic: PanopticMap,
        captions: Sequence[str] = (),
        *,
        file_name: str | None = None,
        manifest: Mapping[str, Any] | None = None,
    ) -> int:
        """Write one image and its map.

        Args:
            image: of the map's size.
            panoptic: its map.
            captions: any number.
            file_name: ends in .png, .jpg or .jpeg; by default the image's id and .png.
            manifest: anything that JSON holds, for its line in manifest.jsonl.

        Returns:
            The image's id: 1, 2, ...

        Raises:
            InputError: if the sizes or taxonomies differ, or the name is taken or not allowed.
        """
        image_id = self._last_id + 1
        if panoptic.taxonomy != self.taxonomy:
            raise InputError("maps of the writer's taxonomy", "another", "convert the map")
        name = file_name or f"{image_id:012d}.png"
        self._check_name(name)
        self.append(save_sample(self.path, image_id, name, image, panoptic, captions, manifest))
        return image_id

    def append(self, entry: Entry) -> None:
        """Take up an image whose files `save_sample` has written, in a worker perhaps."""
        name = entry["image"]["file_name"]
        self._check_name(name)
        self._open().write(json.dumps(entry) + "\n")
        self._open().flush()
        self._stems.add(Path(name).stem)
        self._last_id = max(self._last_id, entry["image"]["id"])

    def entries(self) -> Iterator[Entry]:
        """What has been written so far, in order, those before a resume included."""
        if self._journal.exists():
            with self._journal.open(encoding="utf-8") as file:
                yield from map(json.loads, file)

    def close(self) -> None:
        """Write captions.json, manifest.jsonl (if there are records) and, last, panoptic.json."""
        self._open().close()
        with atomic_text(self.path / "captions.json") as file:
            _dump(file, {"images": self._part("image"), "annotations": self._caption_entries()})
        self._write_manifest()
        with atomic_text(self.path / "panoptic.json") as file:
            _dump(
                file,
                {
                    "images": self._part("image"),
                    "annotations": self._part("annotation"),
                    "categories": self.taxonomy.to_coco(),
                },
            )
        self._journal.unlink()

    def __enter__(self) -> FolderWriter:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if kind is None:
            self.close()
        elif self._file is not None:
            self._file.close()

    def _open(self) -> TextIO:
        if self._file is None:
            for folder in ("images", "panoptic"):
                (self.path / folder).mkdir(parents=True, exist_ok=True)
            self._file = self._journal.open("a", encoding="utf-8")
        return self._file

    def _drop_torn_line(self) -> None:
        """An interrupted write may have left half a line at the end of the journal."""
        if self._journal.exists():
            with self._journal.open("rb+") as file:
                file.truncate(file.read().rfind(b"\n") + 1)

    def _check_name(self, name: str) -> None:
        if Path(name).name != name or Path(name).suffix.lower() not in SUFFIXES:
            raise InputError(
                "a bare file name ending in .png, .jpg or .jpeg", repr(name), "rename the image"
            )
        if Path(name).stem in self._stems:
            raise InputError("file names of different stems", f"{name} again", "rename one image")

    def _part(self, key: str) -> Iterator[Any]:
        return (entry[key] for entry in self.entries())

    def _caption_entries(self) -> Iterator[Entry]:
        pairs = ((e["image"]["id"], c) for e in self.entries() for c in e["captions"])
        for k, (image_id, caption) in enumerate(pairs, start=1):
            yield {"id": k, "image_id": image_id, "caption": caption}

    def _write_manifest(self) -> None:
        if any(record is not None for record in self._part("manifest")):
            with atomic_text(self.path / "manifest.jsonl") as file:
                for entry in self.entries():
                    image = {"image_id": entry["image"]["id"], **_name_of(entry)}
                    file.write(json.dumps(image | (entry["manifest"] or {})) + "\n")


def _name_of(entry: Entry) -> dict[str, str]:
    return {"file_name": entry["image"]["file_name"]}


def _dump(file: TextIO, lists: Mapping[str, Iterable[Any]]) -> None:
    """A JSON object of lists, one item a line, without holding the lists."""
    for k, (name, items) in enumerate(lists.items()):
        file.write(f'{"," if k else "{"}\n"{name}": [')
        for n, item in enumerate(items):
            file.write((",\n" if n else "\n") + json.dumps(item))
        file.write("\n]")
    file.write("\n}\n")
