"""The variants: what each changes against the baseline, and which question it answers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ablations.released import SEMANTIC
from ablations.tasks import Ablation, BackboneTask, MismatchedNoise, TwoStreamTask
from pandiff.diffusion import PatternWeights
from pandiff.training.config import Optim, TrainConfig

SIZE = 64
"""Side of the scenes in pixels."""
FIND = PatternWeights(0, 0, 1, 0, 0, 0)
"""The whole training on image -> map."""
TOGETHER = PatternWeights(1, 0, 0, 0, 0, 0)
"""The whole training on image and map at one level."""
ALONE = PatternWeights(0, 0, 0, 0, 1, 0)
"""The map hidden behind noise all along."""


@dataclass(frozen=True)
class Scale:
    """How much is trained and measured.

    Attributes:
        steps, batch: of each training.
        scenes: in the training set.
        samples: of each measurement, from unseen scenes.
        references: other unseen scenes that made images are compared with.
        width, depth: of the network.
    """

    steps: int
    batch: int
    scenes: int
    samples: int
    references: int
    width: int
    depth: int


@dataclass(frozen=True)
class Variant:
    """One thing that is trained.

    Attributes:
        name: also of its results.
        text: what it is, for the tables.
        model: changed arguments of the network.
        settings: other changed settings of the training.
        task: what trains it.
        backbone: name of the variant whose weights it stands on, with the same seed.
    """

    name: str
    text: str
    model: dict[str, Any] | None = None
    settings: dict[str, Any] | None = None
    task: Callable[..., Ablation] = Ablation
    backbone: str | None = None

    def config(self, scale: Scale, seed: int, encoders: str) -> TrainConfig:
        """Its settings: the baseline's, changed."""
        changes = dict(self.settings or {})
        model = {} if changes.get("network") == "two-stream" else baseline_model(scale)
        return replace(
            baseline(scale, seed, encoders), **changes, model={**model, **(self.model or {})}
        )


def baseline_model(scale: Scale) -> dict[str, Any]:
    """Arguments of the network: 16 tokens of 16 px for each stream, and 20 words."""
    return {
        "patch_size": 4,
        "width": scale.width,
        "depth": scale.depth,
        "heads": scale.width // 32,
        "context_length": 20,
        "image_prediction": "sample",
        "modulation": True,
    }


def baseline(scale: Scale, seed: int, encoders: str) -> TrainConfig:
    """Image -> map, a map of 32 x 32 cells, multi-scale patching, offsets and colours."""
    return TrainConfig(
        "pdm",
        steps=scale.steps,
        batch_size=scale.batch,
        size=SIZE,
        seed=seed,
        ratio=2,
        encoders=encoders,
        optim=Optim("muon", lr=2e-3, warmup=20, cooldown=0.5, ema=0.98),
        patterns=FIND,
        log_every=50,
        save_every=200,
        preview_every=10**9,
    )


_MADE = {"patterns": PatternWeights()}
_BACKBONE = "u-vit"

VARIANTS = (
    Variant("baseline", "multi-scale, 16 px a token, 32 x 32 cells, offsets and colours"),
    Variant("single", "single-scale, 32 x 32 cells", {"patching": "single"}),
    Variant(
        "image-only",
        "the image alone, no map in the loss",
        settings={"patterns": ALONE, "map_weight": 0.0},
    ),
    Variant("together", "image and map at one level", settings={"patterns": TOGETHER}),
    Variant("ids-raster", "ids in raster order", settings={"instances": "ids-raster"}),
    Variant("mismatched", "map noise 2 in training, 1 when sampling starts", task=MismatchedNoise),
    Variant("offsets", "offsets", settings={"instances": "offsets"}),
    Variant(
        _BACKBONE,
        "U-ViT on images alone: the backbone",
        settings={"patterns": ALONE, "map_weight": 0.0},
        task=BackboneTask,
    ),
    Variant(
        "two-stream",
        "two streams on that backbone, all directions",
        settings={"network": "two-stream", **_MADE},
        task=TwoStreamTask,
        backbone=_BACKBONE,
    ),
    Variant("colors", "four colours", settings={"instances": "colors"}),
    Variant("semantic", "category bits alone", settings={"instances": SEMANTIC}),
    Variant("unified", "all directions, as the library trains", settings=_MADE),
    Variant("ids-shuffled", "shuffled ids", settings={"instances": "ids-shuffled"}),
    Variant("multi-64", "multi-scale, 64 x 64 cells", settings={"ratio": 4}),
    Variant("single-64", "single-scale, 64 x 64 cells", {"patching": "single"}, {"ratio": 4}),
    Variant("patch-32px", "32 px a token: 4 tokens", {"patch_size": 8}),
    Variant("patch-8px", "8 px a token: 64 tokens", {"patch_size": 2}),
)
"""In the order in which they are run: what matters most stands first."""


def named(names: Sequence[str] | None) -> list[Variant]:
    """The variants of these names in their order; all by default; ValueError if one is unknown."""
    known = {v.name: v for v in VARIANTS}
    if odd := sorted(set(names or ()) - known.keys()):
        raise ValueError(f"expected variants of {', '.join(known)}, got {odd[0]}")
    return [known[name] for name in names or known]
