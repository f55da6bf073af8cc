"""Samples as they emerge, step by step: a moving picture of images above their maps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from PIL import Image
from torch import Tensor

from pandiff.data.frame import Frame
from pandiff.draw import grid
from pandiff.panoptic import PanopticMap
from pandiff.pipeline import PanopticDiffusionPipeline
from pandiff.synthesis.generate import NOTHING, Conditions

MOST = 8
"""Samples that are shown, the first of a run."""
SIDE = 128
"""Width of a sample in pixels."""
STEP, HOLD = 150, 2500
"""How long a frame is shown, and the last one, in milliseconds."""


class Animation:
    """Watches a run and draws one frame for each step.

    Args:
        conditions: what the samples are given; it is seen in every frame.
    """

    def __init__(self, conditions: Conditions = NOTHING) -> None:
        self._conditions = conditions
        self._steps: list[list[tuple[Image.Image, PanopticMap]]] = []

    def watch(
        self,
        pipe: PanopticDiffusionPipeline,
        step: int,
        timestep: int,
        tensors: Mapping[str, Tensor],
    ) -> None:
        """Keep the estimate of a step: a `callback_on_step_end` with the tensor "clean".

        Batches come one after another; samples beyond MOST are left out.
        """
        if step == len(self._steps):
            self._steps.append([])
        shown = self._steps[step]
        clean = tensors["clean"][: MOST - len(shown)]
        if len(clean):
            square = (pipe.image_size, pipe.image_size)
            frame = Frame(self._conditions.size or square, pipe.image_size)
            out = pipe.preview(clean)
            for image, panoptic in zip(out.images, out.maps, strict=True):
                cut = frame.cut(image), frame.cut_map(panoptic)
                shown.append(self._conditions.kept.finish(*cut))

    def frames(self, prompts: Sequence[str]) -> list[Image.Image]:
        """A picture for each step, all of one size; `prompts`, one for each sample, stand below."""
        return [
            grid(
                [image for image, _ in shown],
                maps=[panoptic for _, panoptic in shown],
                prompts=list(prompts[: len(shown)]),
                side=SIDE,
            )
            for shown in self._steps
        ]

    def save(self, path: Path, prompts: Sequence[str]) -> None:
        """Write a GIF that repeats itself; the last frame is held."""
        first, *others = self.frames(prompts)
        times = [STEP] * len(others) + [HOLD]
        first.save(path, save_all=True, append_images=others, duration=times, loop=0)
