"""What a model is asked: prompts with the real image and map that belong to them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
from PIL import Image

from pandiff.coco import PanopticFolder
from pandiff.data.encoded import fit_map
from pandiff.data.images import fit
from pandiff.data.scenes import SPLITS, TAXONOMY, Caption, make_scene
from pandiff.errors import InputError
from pandiff.panoptic import PanopticMap
from pandiff.taxonomy import Taxonomy

SCENES = "scenes"
"""The name of the unseen rendered scenes, in the place of a dataset folder."""


@dataclass(frozen=True)
class Question:
    """One prompt.

    Attributes:
        prompt: "" where the data has no captions.
        image, panoptic: what the prompt describes, as squares of the model's size.
        source: where they are from, in words.
        claims: what the prompt claims, where it is known.
    """

    prompt: str
    image: Image.Image
    panoptic: PanopticMap
    source: str
    claims: Caption | None = None


class Questions(Protocol):
    """Questions by number, each the same whenever it is asked.

    Attributes:
        taxonomy: of the maps.
        most: how many there are; None for no end.
    """

    taxonomy: Taxonomy
    most: int | None

    def __call__(self, number: int) -> Question:
        """Question `number`, from 0."""


class SceneQuestions:
    """Scenes of the test split, which no training sees; scene k with its caption k mod 5.

    Args:
        size: side in pixels.
    """

    taxonomy: Taxonomy = TAXONOMY
    most: int | None = None

    def __init__(self, size: int) -> None:
        self.size = size

    def __call__(self, number: int) -> Question:
        scene = make_scene(SPLITS["test"], number, self.size)
        caption = scene.captions[number % len(scene.captions)]
        image = Image.fromarray(scene.image)
        return Question(caption.text, image, scene.panoptic, f"scene {number}", caption)


class FolderQuestions:
    """Images of a dataset folder in a random order; question k has caption k of its image.

    Images and maps are cut to the middle square, as for training.

    Args:
        path: the dataset folder.
        size: side in pixels.
        seed: of the order.
    """

    def __init__(self, path: Path, size: int, seed: int) -> None:
        self.folder, self.size = PanopticFolder.open(path), size
        self.taxonomy = self.folder.taxonomy
        self.most: int | None = len(self.folder)
        self._order = np.random.default_rng(seed).permutation(len(self.folder)).tolist()

    def __call__(self, number: int) -> Question:
        k = self._order[number]
        captions = self.folder.captions(k) or [""]
        return Question(
            captions[number % len(captions)],
            fit(self.folder.image(k), self.size),
            fit_map(self.folder.panoptic(k), self.size),
            self.folder.images[k].file_name,
        )


def questions_of(data: str, size: int, seed: int, count: int) -> Questions:
    """The questions of a dataset folder, or of "scenes".

    Raises:
        InputError: if there is no such folder, or it has fewer than `count` images.
    """
    if data == SCENES:
        return SceneQuestions(size)
    found = FolderQuestions(Path(data), size, seed)
    if found.most is not None and count > found.most:
        raise InputError(f"a --count of {found.most} or less", str(count), f"{data} has no more")
    return found
