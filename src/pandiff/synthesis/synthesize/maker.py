"""Candidates by the batch: each from its own seed, and a bad one without harm to the others."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from PIL import Image
from torch import Tensor

from pandiff.data.scenes import Caption
from pandiff.errors import InputError
from pandiff.models.encoders import decode_latents, to_images
from pandiff.panoptic import PanopticMap
from pandiff.pipeline import PanopticDiffusionPipeline
from pandiff.synthesis.generate import Settings
from pandiff.synthesis.synthesize.cleanup import CleanMap, CleanUp, read_map
from pandiff.synthesis.synthesize.plan import candidate_seed


@dataclass(frozen=True)
class Task:
    """One candidate to make.

    Attributes:
        slot: which sample of the dataset it is for.
        attempt: its number among the candidates of the slot: 0, 1, ...
        caption: the prompt, with its claims.
        seed: what it is drawn from.
    """

    slot: int
    attempt: int
    caption: Caption
    seed: int

    @classmethod
    def of(cls, seed: int, slot: int, attempt: int, caption: Caption) -> Task:
        """A task of the run `seed`."""
        return cls(slot, attempt, caption, candidate_seed(seed, slot, attempt))


@dataclass(frozen=True)
class Candidate:
    """A made candidate.

    Attributes:
        image, panoptic: the sample.
        confidence: mean confidence of the map's pixels, 0..1.
    """

    image: Image.Image
    panoptic: PanopticMap
    confidence: float


@dataclass(frozen=True)
class Failure:
    """A candidate that could not be made, and why."""

    why: str


class Maker:
    """Makes candidates.

    The network always works on whole batches: of fewer tasks some are repeated. For how it rounds
    depends on the batch's shape with many processors, and a candidate must not depend on what
    happens to be made beside it. Images are decoded one by one, for the same reason.

    Args:
        pipe: the pipeline.
        settings: how it is called; `batch_size` tasks at a time.
        clean: how maps are cleaned.
    """

    def __init__(self, pipe: PanopticDiffusionPipeline, settings: Settings, clean: CleanUp) -> None:
        self._pipe, self._settings, self._clean = pipe, settings, clean
        pipe.set_progress_bar_config(disable=True)

    def __call__(self, tasks: Sequence[Task]) -> list[Candidate | Failure]:
        """One result for each task, of which there are 1 to `batch_size`.

        After an error each task is tried alone. Those that fail again are failures; if all do,
        and a harmless sample too, then not the tasks are to blame.

        Raises:
            InputError: if nothing can be made at all.
        """
        try:
            return self._whole(tasks)
        except InputError:
            raise
        except Exception as error:
            return self._alone(tasks, error)

    def _alone(self, tasks: Sequence[Task], error: Exception) -> list[Candidate | Failure]:
        results = [self._one(task) for task in tasks]
        harmless = replace(tasks[0], caption=Caption(""), seed=0)
        if all(isinstance(r, Failure) for r in results) and isinstance(
            self._one(harmless), Failure
        ):
            raise InputError(
                "a model that makes samples", _name(error), "mend this; the same command goes on"
            ) from error
        return results

    def _one(self, task: Task) -> Candidate | Failure:
        try:
            return self._whole([task])[0]
        except Exception as error:
            return Failure(_name(error))

    @torch.inference_mode()
    def _whole(self, tasks: Sequence[Task]) -> list[Candidate | Failure]:
        filled = [tasks[k % len(tasks)] for k in range(self._settings.batch_size)]
        prompts = [task.caption.text for task in filled]
        options: dict[str, Any] = {
            "generator": [torch.Generator().manual_seed(task.seed) for task in filled],
            "output_type": "latent",
        }
        out = self._pipe(prompts, **options, **self._settings.arguments())
        latents = out.images
        if self._settings.redraw:
            maps = [self._read(values).panoptic for values in out.maps]
            again = self._settings.redraw_arguments()
            latents = self._pipe.redraw(prompts, maps, **options, **again).images
        return [self._finish(latents[k], out.maps[k]) for k in range(len(tasks))]

    def _read(self, values: Tensor) -> CleanMap:
        codec, side = self._pipe.panoptic_codec, self._pipe.image_size
        return read_map(values, codec, side, self._clean)

    def _finish(self, latent: Tensor, values: Tensor) -> Candidate | Failure:
        """Latent (C, h, w) and map tensor (C, H, W) -> the sample."""
        pixels = decode_latents(self._pipe.vae, latent[None].float())
        if not (values.isfinite().all() and pixels.isfinite().all()):
            return Failure("not all of its numbers are finite")
        found = self._read(values)
        if not found.panoptic.segments:
            return Failure("all of its map is void")
        return Candidate(to_images(pixels)[0], found.panoptic, found.confidence)


def _name(error: Exception) -> str:
    """An error in one short line."""
    text = " ".join(str(error).split())
    return f"{type(error).__name__} {text}"[:200].strip()
