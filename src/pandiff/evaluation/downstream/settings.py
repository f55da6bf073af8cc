"""What is compared, and how each segmenter is trained. Plain data: nothing heavy is imported."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from pandiff.errors import InputError

REAL, GENERATED, BOTH, LABELLED, RIVAL = "real", "generated", "both", "labelled", "rival"


@dataclass(frozen=True)
class Arm:
    """One kind of training data.

    Attributes:
        title: in words.
        needs: the folders that it is made of.
    """

    title: str
    needs: tuple[str, ...]


ARMS: dict[str, Arm] = {
    REAL: Arm("real pairs only", (REAL,)),
    GENERATED: Arm("generated pairs only", (GENERATED,)),
    BOTH: Arm("both, half of each batch", (REAL, GENERATED)),
    LABELLED: Arm("the few labelled real pairs only", (REAL,)),
    RIVAL: Arm("generated images, maps by the segmenter of the few", (REAL, GENERATED)),
}
DEFAULT_ARMS = (REAL, GENERATED, BOTH, RIVAL)
DEFAULT_STEPS = {"mask2former": 1000, "maskformer": 1000, "segformer": 1000, "built-in": 1000}
"""The segmenters, and the steps that each of them takes where nothing else is said."""
DEFAULT_RATES = {"mask2former": 1e-3, "maskformer": 1e-3, "segformer": 1e-3, "built-in": 4e-3}
"""Their peak learning rates, likewise."""


@dataclass(frozen=True)
class Sources:
    """The dataset folders.

    Attributes:
        real, generated: pairs to train on; None where no arm needs them.
        test: real pairs that no training may see.
    """

    real: Path | None
    generated: Path | None
    test: Path


@dataclass(frozen=True)
class Settings:
    """How every segmenter is trained: alike in all arms.

    Attributes:
        segmenter: a name of `DEFAULT_STEPS`.
        steps: of training; 0 for the segmenter's own number.
        batch: pairs a step.
        size: side in pixels to which pairs are brought.
        labelled: real pairs of which the rival's segmenter learns, chosen by the seed.
        lr: peak learning rate; 0 for the segmenter's own.
    """

    segmenter: str = "mask2former"
    steps: int = 0
    batch: int = 8
    size: int = 64
    labelled: int = 64
    lr: float = 0.0

    def __post_init__(self) -> None:
        if self.segmenter not in DEFAULT_STEPS:
            known = ", ".join(DEFAULT_STEPS)
            raise InputError(f"a segmenter of {known}", repr(self.segmenter), "name one")
        if self.size < 32 or self.size % 32:
            raise InputError("a --size that 32 divides", str(self.size), "choose 64 or 128")
        if self.batch < 2:
            raise InputError("a --batch of 2 or more", str(self.batch), "ask for more")
        if self.lr < 0:
            raise InputError("a learning rate of 0 or more", f"{self.lr:g}", "choose about 1e-3")
        object.__setattr__(self, "steps", self.steps or DEFAULT_STEPS[self.segmenter])
        object.__setattr__(self, "lr", self.lr or DEFAULT_RATES[self.segmenter])


def check_arms(arms: tuple[str, ...], sources: Sources) -> None:
    """InputError unless the arms are known and have the folders that they need."""
    for arm in arms:
        if arm not in ARMS:
            raise InputError(f"arms of {', '.join(ARMS)}", repr(arm), "choose from them")
        for need in ARMS[arm].needs:
            if getattr(sources, need) is None:
                raise InputError(f"--{need} DIR for the arm {arm}", "none", "add it")
