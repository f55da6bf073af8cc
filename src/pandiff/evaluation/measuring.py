"""From samples to rows of measurements, from which all metrics follow."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from PIL import Image

from pandiff.coco import Progress
from pandiff.collectives import world_size
from pandiff.data.scenes import Caption
from pandiff.evaluation.adherence import adherence
from pandiff.evaluation.boundaries import border_sums, moved_borders
from pandiff.evaluation.clip_score import ClipScore
from pandiff.evaluation.features import Features
from pandiff.evaluation.map_metrics import iou_sums, mcd
from pandiff.evaluation.map_shapes import (
    area_shares,
    border_share,
    layout_features,
    roundness_histogram,
    segment_counts,
    size_histogram,
)
from pandiff.evaluation.overlap import overlap
from pandiff.evaluation.panoptic_quality import pq_sums
from pandiff.evaluation.ranks import rank
from pandiff.evaluation.rows import Rows
from pandiff.evaluation.sample_sets import (
    IMAGE_TO_MAP,
    MAP_TO_IMAGE,
    OTHERS,
    REFERENCE,
    TEXT,
    SampleSet,
)
from pandiff.evaluation.segmenters import Segmenter
from pandiff.panoptic import PanopticMap

WITH_IMAGES = (REFERENCE, OTHERS, TEXT, MAP_TO_IMAGE)
WITH_MAPS = (REFERENCE, OTHERS, TEXT, IMAGE_TO_MAP)
"""The sets whose images, and whose maps, are not those of another set."""
BATCH = 16
"""Images that a judge sees at a time."""
LAYOUT = "layout"
"""The feature space of maps."""
CLAIMS = ("categories", "counts", "colors", "relations")


@dataclass(frozen=True)
class Judges:
    """The networks that judge, none of which shares a weight with the model.

    Attributes:
        segmenter: finds maps in images.
        features: image features, for distances between sets.
        clip: tells whether an image fits its prompt.
    """

    segmenter: Segmenter | None = None
    features: Sequence[Features] = ()
    clip: ClipScore | None = None


@dataclass(frozen=True)
class Measuring:
    """Measures sets of samples of the same questions.

    Attributes:
        sets: by name; "reference" is always there.
        judges: the networks.
        rows: what was measured, under "set/measure".
    """

    sets: Mapping[str, SampleSet]
    judges: Judges
    rows: Rows = field(default_factory=Rows)

    def run(self, progress: Progress = iter) -> Rows:
        """Measure everything; each process measures its part, and gets the rows of all."""
        batches = [
            (name, range(start, min(start + BATCH, len(one))))
            for name, one in self.sets.items()
            for start in range(0, len(one), BATCH)
        ]
        for name, numbers in progress(batches[rank() :: world_size()]):
            self._batch(name, numbers)
        return self.rows.gathered()

    def _batch(self, name: str, numbers: range) -> None:
        samples = [self.sets[name][k] for k in numbers]
        images, maps = [s.image for s in samples], [s.panoptic for s in samples]
        self._records(name, numbers)
        if name in WITH_MAPS:
            self._maps(name, numbers, maps)
        if name == IMAGE_TO_MAP:
            self._pairs(name, numbers, [self.sets[REFERENCE][k].panoptic for k in numbers], maps)
        if name in WITH_IMAGES:
            self._images(name, numbers, images)
            self._seen(name, numbers, images, maps)
        if name in (REFERENCE, TEXT):
            self._claims(f"{name}/claims_map", numbers, maps, images)

    def _seen(
        self,
        name: str,
        numbers: range,
        images: Sequence[Image.Image],
        maps: Sequence[PanopticMap],
    ) -> None:
        """What the segmenter sees in images, against their maps and prompts."""
        segmenter = self.judges.segmenter
        if segmenter is None or name == OTHERS:
            return
        seen = segmenter(images)
        self._pairs(name, numbers, maps, seen, segmenter.known)
        if name in (REFERENCE, TEXT):
            self._claims(f"{name}/claims_image", numbers, seen, images)
        if name == TEXT:
            strangers = [self.sets[name][k + 1].panoptic for k in numbers]
            self._pairs("shuffled", numbers, strangers, seen, segmenter.known)

    def _add(self, name: str, numbers: range, rows: Sequence[np.ndarray] | np.ndarray) -> None:
        self.rows.add(name, numbers, rows)

    def _records(self, name: str, numbers: range) -> None:
        records = [self.sets[name].records[k] for k in numbers]
        if all("sharpness" in r for r in records):
            self._add(f"{name}/sharpness", numbers, np.array([r["sharpness"] for r in records]))

    def _maps(self, name: str, numbers: range, maps: Sequence[PanopticMap]) -> None:
        for what, function in (
            ("shares", area_shares),
            ("counts", segment_counts),
            ("sizes", size_histogram),
            ("roundness", roundness_histogram),
            (f"features/{LAYOUT}", layout_features),
        ):
            self._add(f"{name}/{what}", numbers, [function(m) for m in maps])
        self._add(f"{name}/borders", numbers, np.array([border_share(m) for m in maps]))
        self._add(f"{name}/confidence", numbers, np.array([_confidence(m) for m in maps]))
        real = [self.sets[REFERENCE][k].panoptic for k in numbers]
        if name == REFERENCE:
            noisy = [moved_borders(m, k) for k, m in zip(numbers, maps, strict=True)]
            self._add("noise/mcd", numbers, _mcds(real, noisy))
        else:
            self._add(f"{name}/mcd", numbers, _mcds(real, maps))

    def _images(self, name: str, numbers: range, images: Sequence[Image.Image]) -> None:
        for features in self.judges.features:
            self._add(f"{name}/features/{features.name}", numbers, features(images))
        prompts = [self.sets[name].records[k]["prompt"] for k in numbers]
        if self.judges.clip is not None and all(prompts):
            self._add(f"{name}/clip", numbers, self.judges.clip(images, prompts))

    def _pairs(
        self,
        name: str,
        numbers: range,
        maps: Sequence[PanopticMap],
        found: Sequence[PanopticMap],
        known: np.ndarray | None = None,
    ) -> None:
        """What a reference map and a found one share, of the categories that are known."""
        pairs = [overlap(*pair) for pair in zip(maps, found, strict=True)]
        mask = True if known is None else known[:, None]
        self._add(f"{name}/pq", numbers, [pq_sums(p) * mask for p in pairs])
        self._add(f"{name}/iou", numbers, [iou_sums(p) * mask for p in pairs])
        borders = [border_sums(*pair) for pair in zip(maps, found, strict=True)]
        self._add(f"{name}/border", numbers, borders)
        if name == REFERENCE:
            self._add("segmenter/mcd", numbers, np.array([mcd(p) for p in pairs]))

    def _claims(
        self,
        name: str,
        numbers: range,
        maps: Sequence[PanopticMap],
        images: Sequence[Image.Image],
    ) -> None:
        records = [self.sets[REFERENCE].records[k] for k in numbers]
        claims = [record["claims"] for record in records if "claims" in record]
        if len(claims) == len(numbers):
            triples = zip(claims, maps, images, strict=True)
            self._add(name, numbers, [_held(Caption(**c), m, i) for c, m, i in triples])


def _held(caption: Caption, panoptic: PanopticMap, image: Image.Image) -> np.ndarray:
    """(4, 2) int64: how many claims of each kind hold, and how many are made."""
    found = adherence(caption, panoptic, image)
    claims = [getattr(found, kind) for kind in CLAIMS]
    return np.array([(c.held, c.made) for c in claims])


def _mcds(real: Sequence[PanopticMap], maps: Sequence[PanopticMap]) -> np.ndarray:
    return np.array([mcd(overlap(*pair)) for pair in zip(real, maps, strict=True)])


def _confidence(panoptic: PanopticMap) -> float:
    """Mean score of the pixels that belong to a segment."""
    areas = np.array([s.area for s in panoptic.segments])
    scores = np.array([s.score for s in panoptic.segments])
    return float(scores @ areas / areas.sum()) if len(areas) else 0.0
