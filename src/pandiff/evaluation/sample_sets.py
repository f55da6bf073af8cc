"""The samples of an evaluation on disk: a dataset folder for each direction, and the real ones."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from PIL import Image

from pandiff.coco import FolderWriter, PanopticFolder, Progress
from pandiff.coco.sample import Entry, save_sample
from pandiff.collectives import world_size
from pandiff.evaluation.questions import Question, Questions
from pandiff.evaluation.ranks import first, gather_bytes, rank
from pandiff.evaluation.sharpness import sharpness
from pandiff.panoptic import PanopticMap
from pandiff.pipeline import PanopticDiffusionPipeline, PanopticPipelineOutput
from pandiff.taxonomy import Taxonomy

REFERENCE, OTHERS = "reference", "others"
"""The real images of the prompts, and as many other real ones: the floor of all distances."""
TEXT, MAP_TO_IMAGE, IMAGE_TO_MAP = "text", "map_to_image", "image_to_map"
DIRECTIONS = (TEXT, MAP_TO_IMAGE, IMAGE_TO_MAP)
"""Prompt to both; prompt and map to image; image to map."""


@dataclass(frozen=True)
class Sample:
    """One sample with its record.

    Attributes:
        image, panoptic: of one size.
        record: its line of manifest.jsonl: `prompt`, and `seed` or `source`, and what else.
    """

    image: Image.Image
    panoptic: PanopticMap
    record: Mapping[str, Any] = field(default_factory=dict)


Make = Callable[[Sequence[int]], Iterator[Sample]]
"""Samples by their numbers."""


class SampleSet:
    """A finished set, read from disk.

    Args:
        path: its dataset folder.
    """

    def __init__(self, path: Path) -> None:
        self.path, self.folder = path, PanopticFolder.open(path)

    def __len__(self) -> int:
        return len(self.folder)

    def __getitem__(self, number: int) -> Sample:
        k = number % len(self)
        return Sample(self.folder.image(k), self.folder.panoptic(k), self.records[k])

    @cached_property
    def records(self) -> list[dict[str, Any]]:
        """The lines of manifest.jsonl."""
        lines = (self.path / "manifest.jsonl").read_text(encoding="utf-8").splitlines()
        return [json.loads(line) for line in lines]


def fill(
    path: Path, taxonomy: Taxonomy, count: int, batch: int, make: Make, progress: Progress = iter
) -> SampleSet:
    """Make a set, or what is missing of it after an interruption; each process does its part.

    Args:
        path: its dataset folder.
        taxonomy: of its maps.
        count: how many samples.
        batch: how many `make` is asked for at a time.
        make: makes them.
        progress: wraps the list of rounds.
    """
    writer = None
    if rank() == 0 and not (path / "panoptic.json").exists():
        writer = FolderWriter(path, taxonomy, resume=True)
    begun = first(count if writer is None else len(writer))
    with writer if writer is not None else nullcontext():
        for start in progress(range(begun, count, batch * world_size())):
            mine = range(count)[start + rank() * batch :][:batch]
            entries = [_save(path, *one) for one in zip(mine, make(mine), strict=True)]
            for entry in _gathered(entries):
                if writer is not None:
                    writer.append(entry)
    first(0)  # the files of the first process are complete now
    return SampleSet(path)


def _save(path: Path, number: int, one: Sample) -> Entry:
    """Write the files of a sample; returns its entry in the dataset."""
    captions = [one.record["prompt"]] if one.record["prompt"] else []
    name = f"{number + 1:012d}.png"
    return save_sample(path, number + 1, name, one.image, one.panoptic, captions, one.record)


def _gathered(entries: list[Entry]) -> list[Entry]:
    """The entries of all processes, in the order of the samples."""
    parts = gather_bytes(json.dumps(entries).encode())
    return [entry for part in parts for entry in json.loads(part)]


def real(questions: Questions, offset: int = 0) -> Make:
    """The real images of questions, from number `offset`; what prompts claim is in the records."""

    def make(numbers: Sequence[int]) -> Iterator[Sample]:
        for one in (questions(offset + k) for k in numbers):
            record: dict[str, Any] = {"prompt": one.prompt, "source": one.source}
            if one.claims is not None:
                record["claims"] = asdict(one.claims)
            yield Sample(one.image, one.panoptic, record)

    return make


@dataclass(frozen=True)
class Model:
    """A pipeline that samples in each direction; sample k from its own seed.

    Attributes:
        pipe: the pipeline.
        questions: what it is asked.
        options: how it samples, by the names of the pipeline's arguments.
        seed_of: number of a sample to its seed.
        redraw: whether images of prompts are made once more, from their whole maps.
    """

    pipe: PanopticDiffusionPipeline
    questions: Questions
    options: Mapping[str, Any]
    seed_of: Callable[[int], int]
    redraw: bool = False

    def text(self, numbers: Sequence[int]) -> Iterator[Sample]:
        """Prompts to images with their maps, which are measured before they are decoded."""
        asked = [self.questions(k) for k in numbers]
        prompts, generators = [q.prompt for q in asked], self._generators(numbers)
        first = {"map_guidance_scale": 1.0} if self.redraw else {}
        out = self._call(generators, prompts, **first)
        assert out.map_tensors is not None
        group = self.pipe.panoptic_codec.channel_groups["category"]
        clear = [sharpness(values[group].float().cpu().numpy()) for values in out.map_tensors]
        images = out.images
        if self.redraw:
            again = {**self.options, "tries": 1}
            images = self.pipe.redraw(prompts, out.maps, generator=generators, **again).images
        for k, q, i, m, c in zip(numbers, asked, images, out.maps, clear, strict=True):
            yield Sample(i, m, self._record(k, q) | {"sharpness": round(c, 4)})

    def map_to_image(self, numbers: Sequence[int]) -> Iterator[Sample]:
        """Prompts and maps to images."""
        asked = [self.questions(k) for k in numbers]
        prompts, maps = [q.prompt for q in asked], [q.panoptic for q in asked]
        out = self._call(self._generators(numbers), prompts, map=maps)
        yield from self._samples(numbers, asked, out)

    def image_to_map(self, numbers: Sequence[int]) -> Iterator[Sample]:
        """Images to maps."""
        asked = [self.questions(k) for k in numbers]
        images = [q.image for q in asked]
        free = [""] * len(asked)
        out = self._call(self._generators(numbers), free, image=images, guidance_scale=1.0)
        yield from self._samples(numbers, asked, out)

    def _generators(self, numbers: Sequence[int]) -> list[torch.Generator]:
        return [torch.Generator().manual_seed(self.seed_of(k)) for k in numbers]

    def _call(
        self, generators: list[torch.Generator], prompts: list[str], **options: Any
    ) -> PanopticPipelineOutput:
        self.pipe.set_progress_bar_config(disable=True)
        return self.pipe(prompts, generator=generators, **{**self.options, **options})

    def _samples(
        self, numbers: Sequence[int], asked: Sequence[Question], out: Any
    ) -> Iterator[Sample]:
        for k, q, image, panoptic in zip(numbers, asked, out.images, out.maps, strict=True):
            yield Sample(image, panoptic, self._record(k, q))

    def _record(self, number: int, asked: Question) -> dict[str, Any]:
        return {"prompt": asked.prompt, "seed": self.seed_of(number)}
