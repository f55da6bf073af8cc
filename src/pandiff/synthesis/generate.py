"""Prompts, and whatever else is given, to a dataset folder, by a pipeline."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from PIL import Image

from pandiff.coco import FolderWriter, Progress
from pandiff.draw import grid
from pandiff.errors import InputError
from pandiff.panoptic import PanopticMap
from pandiff.pipeline import Known, PanopticDiffusionPipeline
from pandiff.pipeline.conditions import Given
from pandiff.synthesis.folders import check_new, new_folder

if TYPE_CHECKING:
    from pandiff.synthesis.animate import Animation

GRID = 64
"""Most samples in the picture of a run."""


@dataclass(frozen=True)
class Settings:
    """How samples are made.

    Attributes:
        steps: steps of the scheduler.
        guidance_scale: weight of the prompt; a pair for image and map.
        seed: sample k of a run is made from the seed (seed, k), whatever the batch.
        batch_size: samples at a time; changes speed and memory only.
        negative_prompt: what guidance leads away from.
        tries: most tries of a sample, until its map has what the prompt claims.
        redraw: whether the image is made once more, from the whole map that was made with it: the
            two then agree better. The map's guidance then acts in that second call alone.
        image_prompt_scale, map_guidance_scale, image_guidance_scale, guidance_interval: as the
            pipeline takes them.
    """

    steps: int = 20
    guidance_scale: float | tuple[float, float] = 2.0
    seed: int = 0
    batch_size: int = 8
    negative_prompt: str = ""
    tries: int = 1
    redraw: bool = False
    image_prompt_scale: float = 1.0
    map_guidance_scale: float = 2.0
    image_guidance_scale: float = 1.0
    guidance_interval: tuple[float, float] = (0.0, 1.0)

    def arguments(self) -> dict[str, Any]:
        """What the pipeline is called with, by its names."""
        return {
            "num_inference_steps": self.steps,
            "guidance_scale": self.guidance_scale,
            "negative_prompt": self.negative_prompt,
            "tries": self.tries,
            "image_prompt_scale": self.image_prompt_scale,
            "map_guidance_scale": 1.0 if self.redraw else self.map_guidance_scale,
            "image_guidance_scale": self.image_guidance_scale,
            "guidance_interval": self.guidance_interval,
        }

    def redraw_arguments(self) -> dict[str, Any]:
        """What it is called with once more, with the maps of the first call."""
        return self.arguments() | {"tries": 1, "map_guidance_scale": self.map_guidance_scale}

    def record(self) -> dict[str, Any]:
        """The arguments for the manifest: steps and guidance, and what is not as usual."""
        usual = Settings().arguments() | {"redraw": False}
        always = ("num_inference_steps", "guidance_scale")
        scale = {"map_guidance_scale": self.map_guidance_scale}
        mine = self.arguments() | scale | {"redraw": self.redraw}
        return {k: v for k, v in mine.items() if k in always or v != usual[k]}


@dataclass(frozen=True, eq=False)
class Conditions:
    """What all samples of a run are given beside their prompts.

    Attributes:
        map: a layout.
        image: an image.
        known: where they hold; everywhere if None.
        strength: how much of the image, or of what is not known of it, is lost; None keeps it.
        image_prompt: an image that the samples resemble.

    Raises:
        InputError: if they do not fit one another.
    """

    map: PanopticMap | None = None
    image: Image.Image | None = None
    known: Known | None = None
    strength: float | None = None
    image_prompt: Image.Image | None = None

    def __post_init__(self) -> None:
        if self.strength is not None and self.image is None:
            raise InputError("an image to vary with strength", "none", "give one")
        _ = self.kept  # raises InputError

    @property
    def has_parts(self) -> bool:
        """Whether a map or an image is given, whole or in part."""
        return self.map is not None or self.image is not None

    @property
    def kept(self) -> Given:
        """What is kept of them."""
        return Given.of(self.map, self.image, Known.of(self.known), self.strength)

    @property
    def size(self) -> tuple[int, int] | None:
        """(width, height) of the samples in pixels; None for the model's own."""
        return self.image.size if self.image is not None else self.kept.size

    def arguments(self) -> dict[str, Any]:
        """What the pipeline is called with, by its names."""
        return dict(vars(self))

    def record(self) -> dict[str, Any]:
        """For the manifest: the names of what was given, and the strength."""
        given = {k: v for k, v in self.arguments().items() if v is not None}
        strength = {k: given.pop(k) for k in ("strength",) if k in given}
        return ({"given": list(given)} if given else {}) | strength


@dataclass(frozen=True)
class Pair:
    """One sample: its prompt, its seed, its image and its map."""

    prompt: str
    seed: int
    image: Image.Image
    panoptic: PanopticMap


NOTHING = Conditions()
"""No conditions but the prompts."""


def sample_seed(seed: int, index: int) -> int:
    """Seed of sample `index` of the run `seed`."""
    return (seed * 1_000_003 + index) % 2**63


def pairs(
    pipe: PanopticDiffusionPipeline,
    prompts: Sequence[str],
    settings: Settings,
    conditions: Conditions = NOTHING,
    *,
    on_step: Callable[..., None] | None = None,
    progress: Progress = iter,
) -> Iterator[Pair]:
    """One pair for each prompt, in order.

    Args:
        pipe: the pipeline.
        prompts: one for each sample.
        settings: how they are made.
        conditions: what all of them are given.
        on_step: called after each step of each batch as (pipe, step, timestep, tensors), the
            tensors with the estimate of the "clean" state; not while images are redrawn.
        progress: wraps the list of batches.

    Raises:
        InputError: if images are to be made once more that are given, or whose maps are.
    """
    if settings.redraw and conditions.has_parts:
        raise InputError("prompts alone with redraw", "a map or an image", "leave one out")
    pipe.set_progress_bar_config(disable=True)
    starts = range(0, len(prompts), settings.batch_size)
    for start in progress(starts):
        some = list(prompts[start : start + settings.batch_size])
        seeds = [sample_seed(settings.seed, start + k) for k in range(len(some))]
        given = conditions.arguments()
        given["generator"] = [torch.Generator().manual_seed(s) for s in seeds]
        out = pipe(
            some,
            callback_on_step_end=on_step,
            callback_on_step_end_tensor_inputs=("clean",),
            **settings.arguments(),
            **given,
        )
        images, maps = out.images, out.maps
        if settings.redraw:
            del given["map"]
            images = pipe.redraw(some, maps, **settings.redraw_arguments(), **given).images
        for one in zip(some, seeds, images, maps, strict=True):
            yield Pair(*one)


def generate(
    pipe: PanopticDiffusionPipeline,
    prompts: Sequence[str],
    out: Path,
    settings: Settings,
    conditions: Conditions = NOTHING,
    *,
    animation: Animation | None = None,
    progress: Progress = iter,
) -> list[Pair]:
    """Make a pair for each prompt and write `out/dataset` and the picture `out/grid.png`.

    The dataset is a COCO panoptic folder with a manifest.jsonl of prompt, seed and settings. An
    animation watches, and becomes `out/animation.gif`. Everything is written beside `out` first
    and appears whole.

    Raises:
        InputError: if `out` exists and is not empty.
    """
    check_new(out)
    watch = None if animation is None else animation.watch
    with new_folder(out) as fresh:
        made = pairs(pipe, prompts, settings, conditions, on_step=watch, progress=progress)
        done = write(fresh, made, pipe, settings, conditions)
        if animation is not None:
            animation.save(fresh / "animation.gif", prompts)
    return done


def write(
    folder: Path,
    made: Iterator[Pair],
    pipe: PanopticDiffusionPipeline,
    settings: Settings,
    conditions: Conditions = NOTHING,
) -> list[Pair]:
    """Write pairs to `folder/dataset` as they come, and the picture `folder/grid.png`."""
    done: list[Pair] = []
    with FolderWriter(folder / "dataset", pipe.taxonomy) as writer:
        for pair in made:
            manifest = record(pair, settings) | conditions.record()
            writer.add(pair.image, pair.panoptic, captions(pair), manifest=manifest)
            done.append(pair)
    picture(done[:GRID]).save(folder / "grid.png")
    return done


def picture(made: Sequence[Pair]) -> Image.Image:
    """Images above their maps, prompts below."""
    return grid(
        [p.image for p in made],
        maps=[p.panoptic for p in made],
        prompts=[p.prompt for p in made],
    )


def captions(pair: Pair) -> list[str]:
    """A pair's captions: its prompt, if there was one."""
    return [pair.prompt] if pair.prompt else []


def record(pair: Pair, settings: Settings) -> dict[str, Any]:
    """A pair's line of the manifest."""
    return {
        "prompt": pair.prompt,
        "seed": pair.seed,
        **settings.record(),
        "confidence": round(confidence(pair.panoptic), 4),
    }


def confidence(panoptic: PanopticMap) -> float:
    """Mean score of the pixels that belong to a segment, 0..1."""
    scores = [s.score * s.area for s in panoptic.segments]
    return sum(scores) / max(1, sum(s.area for s in panoptic.segments))
