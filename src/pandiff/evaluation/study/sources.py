"""What is put before people: sets of images with maps, and what measures say of each sample."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from PIL import Image

from pandiff.coco import PanopticFolder
from pandiff.errors import InputError
from pandiff.evaluation.catalog import SCORES
from pandiff.evaluation.evaluate import ROWS, SAMPLES
from pandiff.evaluation.per_sample import measures_of
from pandiff.evaluation.rows import Rows
from pandiff.evaluation.sample_sets import TEXT
from pandiff.panoptic import PanopticMap

Measures = dict[str, float]
"""Numbers of one sample, by their names in `catalog.SCORES`."""


@dataclass(frozen=True)
class Source:
    """One set of samples.

    Attributes:
        name: for the report; raters never see it.
        path: as it was given.
        folder: the dataset.
        rows: the measurements of the evaluation that it belongs to, if any.
        part: its name there: "text", "reference", ...
    """

    name: str
    path: Path
    folder: PanopticFolder
    rows: Rows | None = None
    part: str = TEXT

    @classmethod
    def open(cls, path: Path, name: str) -> Source:
        """A run of `pandiff evaluate`, one of the sets in its `samples/`, or a dataset folder."""
        if (path / SAMPLES / TEXT).is_dir():
            rows = Rows.load(path / ROWS)
            return cls(name, path, PanopticFolder.open(path / SAMPLES / TEXT), rows)
        folder, run = PanopticFolder.open(path), path.resolve().parent
        if run.name == SAMPLES and (run.parent / ROWS).is_file():
            rows = Rows.load(run.parent / ROWS)
            return cls(name, path, folder, rows, path.resolve().name)
        return cls(name, path, folder)

    @cached_property
    def keys(self) -> dict[str, int]:
        """The stems of the images' names, by which sets are matched, and their numbers."""
        return {Path(image.file_name).stem: k for k, image in enumerate(self.folder.images)}

    def image(self, key: str) -> Image.Image:
        """The image of a key, RGB."""
        return self.folder.image(self.keys[key])

    def panoptic(self, key: str) -> PanopticMap:
        """Its map."""
        return self.folder.panoptic(self.keys[key])

    def prompt(self, key: str) -> str:
        """What it was made of: the manifest's prompt, or its first caption, or nothing."""
        k = self.keys[key]
        captions = [self._records.get(k, {}).get("prompt"), *self.folder.captions(k)]
        return next((str(text) for text in captions if text), "")

    def measures(self, key: str) -> Measures:
        """What the manifest and the evaluation say of it."""
        k = self.keys[key]
        record = self._records.get(k, {})
        named = {n: float(v) for n, v in record.items() if n in SCORES and _is_number(v)}
        found = {n: float(v[k]) for n, v in self._measured.items() if k < len(v)}
        return {n: v for n, v in (named | found).items() if v == v}

    @cached_property
    def _measured(self) -> dict[str, Any]:
        return measures_of(self.rows, self.part) if self.rows is not None else {}

    @cached_property
    def _records(self) -> dict[int, dict[str, Any]]:
        """The lines of manifest.jsonl, if there is one, by the number of the image."""
        path = self.folder.layout.panoptic_json.parent / "manifest.jsonl"
        if not path.is_file():
            return {}
        try:
            lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
            by_id = {line.get("image_id", k): line for k, line in enumerate(lines, start=1)}
        except (ValueError, AttributeError) as error:
            raise InputError(f"a manifest of JSON lines {path}", str(error), "mend it") from None
        return {k: by_id[i.id] for k, i in enumerate(self.folder.images) if i.id in by_id}


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
