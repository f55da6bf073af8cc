"""Independent segmenters: what do they see in an image? The built-in one, and those of others."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from PIL import Image
from transformers import (
    AutoConfig,
    AutoImageProcessor,
    AutoModelForSemanticSegmentation,
    AutoModelForUniversalSegmentation,
    AutoProcessor,
)

from pandiff.errors import InputError
from pandiff.evaluation.names import known_categories, matched
from pandiff.evaluation.segmenter import load_segmenter, segment
from pandiff.models.segmenter import PanopticSegmenter
from pandiff.panoptic import PanopticMap
from pandiff.pipeline import reading
from pandiff.pipeline.sources import BUILT_IN
from pandiff.taxonomy import VOID, Taxonomy

CONFIG = "config.json"


class Segmenter(Protocol):
    """Images to maps.

    Attributes:
        name: for the report.
        known: (num_classes,) bool: the categories of the taxonomy that it can find.
    """

    name: str
    known: np.ndarray

    def __call__(self, images: Sequence[Image.Image]) -> list[PanopticMap]:
        """Images -> maps of their sizes, in the taxonomy; void where it knows no category."""


class OwnSegmenter:
    """A `PanopticSegmenter` of this library.

    Args:
        network: the network, ready to segment.
        name: for the report.
        taxonomy: of the maps that it is compared with.

    Raises:
        InputError: if it was trained for other categories.
    """

    def __init__(self, network: PanopticSegmenter, name: str, taxonomy: Taxonomy) -> None:
        if network.taxonomy != taxonomy:
            known = ", ".join(c.name for c in taxonomy.categories[:8])
            raise InputError(f"a segmenter for {known}, ...", f"{name} for others", "name another")
        self.name, self.network = name, network
        self.known = np.arange(taxonomy.num_classes) > VOID

    def __call__(self, images: Sequence[Image.Image]) -> list[PanopticMap]:
        return segment(self.network, images)


class TransformerSegmenter:
    """Any panoptic or semantic segmenter of transformers.

    Its labels are matched to the taxonomy by name; what it calls otherwise becomes void. A
    semantic one makes one segment of things of a category that touch.

    Args:
        name: hub id or folder.
        taxonomy: of the maps that it is compared with.
        device: where it runs.

    Raises:
        InputError: if there is none of this name, or it knows no category of the taxonomy.
    """

    def __init__(
        self, name: str | Path, taxonomy: Taxonomy, device: torch.device | str = "cpu"
    ) -> None:
        self.name, self.taxonomy, self._device = str(name), taxonomy, device
        with reading("a panoptic or semantic segmenter", name):
            config = AutoConfig.from_pretrained(name)
            self._one_former = config.model_type == "oneformer"
            processor = AutoProcessor if self._one_former else AutoImageProcessor
            self._processor = processor.from_pretrained(name)
            self._semantic = _is_semantic(config)
            kind = (
                AutoModelForSemanticSegmentation
                if self._semantic
                else AutoModelForUniversalSegmentation
            )
            self._network = kind.from_pretrained(name, dtype=torch.float32).eval().to(device)
        self._category = matched(config.id2label, taxonomy)
        self.known = known_categories(self._category, taxonomy)

    @torch.inference_mode()
    def __call__(self, images: Sequence[Image.Image]) -> list[PanopticMap]:
        rgb = [image.convert("RGB") for image in images]
        task = {"task_inputs": ["panoptic"] * len(rgb)} if self._one_former else {}
        inputs = self._processor(images=rgb, return_tensors="pt", **task)
        tensors = {k: v.to(self._device) for k, v in inputs.items() if isinstance(v, torch.Tensor)}
        outputs = self._network(**tensors)
        sizes = [(image.height, image.width) for image in rgb]
        read = self._read_semantic if self._semantic else self._read_panoptic
        return read(outputs, sizes)

    def _read_semantic(self, outputs: Any, sizes: list[tuple[int, int]]) -> list[PanopticMap]:
        found = self._processor.post_process_semantic_segmentation(outputs, target_sizes=sizes)
        table = np.zeros(max(self._category) + 1, dtype=np.int64)
        table[list(self._category)] = list(self._category.values())
        return [
            PanopticMap.from_semantic(table[labels.cpu().numpy()], self.taxonomy)
            for labels in found
        ]

    def _read_panoptic(self, outputs: Any, sizes: list[tuple[int, int]]) -> list[PanopticMap]:
        found = self._processor.post_process_panoptic_segmentation(outputs, target_sizes=sizes)
        return [
            self._map(f["segmentation"].long().cpu().numpy(), f["segments_info"]) for f in found
        ]

    def _map(self, ids: np.ndarray, infos: Sequence[dict[str, Any]]) -> PanopticMap:
        """Their ids (H, W), -1 for void, and segments -> a map; stuff of a category is one."""
        of_stuff: dict[int, int] = {}
        number, category, score = {}, {}, {}
        for k, info in enumerate(infos, start=1):
            c = self._category.get(info["label_id"], VOID)
            if c == VOID:
                continue
            one = k if self._is_thing(c) else of_stuff.setdefault(c, k)
            number[info["id"]], category[one] = one, c
            score[one] = min(1.0, float(info.get("score", 1.0)))
        table = np.zeros(max([int(ids.max()), *number]) + 2, dtype=np.int64)  # its last is void's
        table[list(number)] = list(number.values())
        return PanopticMap.from_ids(table[ids], category, self.taxonomy, scores=score)

    def _is_thing(self, category: int) -> bool:
        return self.taxonomy.by_id(category).isthing


def _is_semantic(config: Any) -> bool:
    return any("SemanticSegmentation" in name for name in config.architectures or ())


def find_segmenter(
    name: str | Path, taxonomy: Taxonomy, device: torch.device | str = "cpu"
) -> Segmenter:
    """The segmenter of a name: built-in, or a folder or hub id of ours or of transformers.

    Raises:
        InputError: if there is none of this name, or it does not fit the taxonomy.
    """
    if is_own(name):
        return OwnSegmenter(load_segmenter(name).to(device), str(name), taxonomy)
    return TransformerSegmenter(name, taxonomy, device)


def is_own(name: str | Path) -> bool:
    """Whether a name is that of a `PanopticSegmenter`: built-in or a folder."""
    folders = (BUILT_IN / str(name), Path(name))
    files = [f / CONFIG for f in folders if (f / CONFIG).is_file()]
    return bool(files) and '"PanopticSegmenter"' in files[0].read_text(encoding="utf-8")
