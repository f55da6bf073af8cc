"""What a model of the built-in world must show, measured on scenes that it has never seen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image

from pandiff.data.scenes import SPLITS, Caption, make_scene
from pandiff.errors import InputError
from pandiff.evaluation.adherence import adherence
from pandiff.evaluation.bootstrap import Estimate, Statistic, estimate, ratio_of
from pandiff.evaluation.map_metrics import mcd
from pandiff.evaluation.overlap import overlap
from pandiff.evaluation.panoptic_quality import pq_sums, quality
from pandiff.evaluation.sampling import Sample
from pandiff.panoptic import PanopticMap
from pandiff.prompts.claims import Claims

Estimates = dict[str, Estimate]


@dataclass(frozen=True)
class Subject:
    """An unseen scene with the caption that a model is asked for.

    Attributes:
        caption: one of the scene's five, with its claims.
        image: the rendered scene.
        panoptic: its exact map.
    """

    caption: Caption
    image: Image.Image
    panoptic: PanopticMap


def subjects(count: int, size: int) -> list[Subject]:
    """Scenes 0 .. count - 1 of the test split at `size` px; scene k with its caption k mod 5.

    Raises:
        InputError: if there are fewer than 2, for then they cannot be shuffled.
    """
    if count < 2:
        raise InputError("2 or more scenes", str(count), "ask for more")
    scenes = [make_scene(SPLITS["test"], k, size) for k in range(count)]
    return [
        Subject(s.captions[k % len(s.captions)], Image.fromarray(s.image), s.panoptic)
        for k, s in enumerate(scenes)
    ]


def text_report(asked: Sequence[Subject], made: Sequence[Sample]) -> Estimates:
    """How well samples keep to their captions.

    Returns:
        `categories`: share of the mentioned categories that are in the map; n claims.
        `counts`: share of the prompts with stated counts of which all are exact; n such prompts.
        `colors`, `relations`: share of the claims that hold; n claims. Colors are read off the
        image, which is right for 96 % of the things of rendered scenes.
        `mcd`: mean count difference to the scene's own map, 0..2; it cannot be 0, for a caption
        does not tell the layout. n maps.
    """
    pairs = list(zip(asked, made, strict=True))
    kept = [adherence(s.caption, m.panoptic, m.image) for s, m in pairs]
    differences = np.array([mcd(overlap(s.panoptic, m.panoptic)) for s, m in pairs])
    return {
        "categories": _share([a.categories for a in kept]),
        "counts": _share([_as_one(a.counts) for a in kept]),
        "colors": _share([a.colors for a in kept]),
        "relations": _share([a.relations for a in kept]),
        "mcd": estimate(ratio_of(differences, np.ones(len(differences))), len(differences)),
    }


def shuffled(made: Sequence[Sample]) -> list[Sample]:
    """Each prompt with the sample of the next: the floor of what is reported."""
    return [*made[1:], *made[:1]]


def _as_one(claims: Claims) -> Claims:
    """All the claims of a caption as one; none stays none."""
    return Claims(int(claims.all_hold), 1) if claims.made else claims


def _share(claims: Sequence[Claims]) -> Estimate:
    held, made = np.array([(c.held, c.made) for c in claims]).T
    return estimate(ratio_of(held, made), len(claims), n=int(made.sum()))


@dataclass(frozen=True)
class Agreement:
    """Panoptic quality sums of each of N images: (N, num_classes, 4), see `pq_sums`.

    Attributes:
        sums: the sums.
        isthing: (num_classes,) bool.
    """

    sums: np.ndarray
    isthing: np.ndarray

    def report(self) -> Estimates:
        """PQ in 0..1 of `all`, `things` and `stuff`; n images."""
        return {k: estimate(_pq(sums), len(sums)) for k, sums in self._groups().items()}

    def ratio_to(self, other: Agreement) -> Estimates:
        """PQ over the other's, image k of both resampled together."""
        pairs = zip(self._groups().items(), other._groups().values(), strict=True)
        return {k: estimate(_ratio(_pq(a), _pq(b)), len(a)) for (k, a), b in pairs}

    def _groups(self) -> dict[str, np.ndarray]:
        """(N, 4 * categories) float64: the sums of each group; exact, as they are below 2^53."""
        known = np.arange(len(self.isthing)) > 0
        groups = {"all": known, "things": self.isthing, "stuff": known & ~self.isthing}
        count = len(self.sums)
        return {k: self.sums[:, g].reshape(count, -1).astype(float) for k, g in groups.items()}


def _pq(sums: np.ndarray) -> Statistic:
    return lambda weights: quality((weights @ sums).reshape(-1, 4)).pq


def _ratio(part: Statistic, whole: Statistic) -> Statistic:
    return lambda weights: part(weights) / whole(weights) if whole(weights) else np.nan


def agreement(references: Sequence[PanopticMap], predicted: Sequence[PanopticMap]) -> Agreement:
    """Panoptic quality of predictions against references of one taxonomy, pair by pair."""
    pairs = zip(references, predicted, strict=True)
    sums = np.stack([pq_sums(overlap(*pair)) for pair in pairs])
    return Agreement(sums, references[0].taxonomy.isthing)
