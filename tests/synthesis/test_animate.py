"""Animations: a frame for each step, the last one what was made."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageSequence

from pandiff.panoptic import PanopticMap
from pandiff.pipeline import Known, PanopticDiffusionPipeline
from pandiff.synthesis import animate
from pandiff.synthesis.animate import Animation
from pandiff.synthesis.generate import Conditions, Pair, Settings, pairs

SETTINGS = Settings(steps=3, batch_size=2)


@pytest.fixture(scope="module")
def pipe(tiny_model: Path) -> PanopticDiffusionPipeline:
    return PanopticDiffusionPipeline.from_pretrained(tiny_model)


def run(
    pipe: PanopticDiffusionPipeline, animation: Animation, conditions: Conditions, count: int = 1
) -> list[Pair]:
    return list(pairs(pipe, ["a box"] * count, SETTINGS, conditions, on_step=animation.watch))


def layout(pipe: PanopticDiffusionPipeline) -> PanopticMap:
    """40 x 20: sky above, ground below."""
    return PanopticMap.from_boxes(
        [(0, 0, 40, 10), (0, 10, 40, 10)], ["sky", "ground"], (40, 20), pipe.taxonomy
    )


def half(side: slice) -> np.ndarray:
    mask = np.zeros((20, 40), bool)
    mask[:, side] = True
    return mask


def test_a_frame_for_each_step(pipe: PanopticDiffusionPipeline, tmp_path: Path) -> None:
    animation = Animation()
    run(pipe, animation, Conditions(), count=3)
    frames = animation.frames(["one", "two", "three"])
    assert len(frames) == 3
    assert len({f.size for f in frames}) == 1
    assert len({f.tobytes() for f in frames}) == 3
    animation.save(tmp_path / "a.gif", ["one", "two", "three"])
    with Image.open(tmp_path / "a.gif") as gif:
        times = [frame.info["duration"] for frame in ImageSequence.Iterator(gif)]
        assert gif.info["loop"] == 0
    assert times == [animate.STEP, animate.STEP, animate.HOLD]


def test_the_last_frame_is_what_was_made(pipe: PanopticDiffusionPipeline) -> None:
    """Given parts stand in each frame, at their own size."""
    known = half(slice(20))
    cases = (
        Conditions(layout(pipe)),
        Conditions(layout(pipe), known=Known(known, known)),
        Conditions(image=Image.new("RGB", (40, 20), "red"), strength=0.7),
    )
    for conditions in cases:
        animation = Animation(conditions)
        (made,) = run(pipe, animation, conditions)
        ((image, panoptic),) = animation._steps[-1]
        assert image.size == panoptic.size == (40, 20)
        assert np.array_equal(np.asarray(image), np.asarray(made.image))
        assert panoptic == made.panoptic
        if conditions.map is not None:
            keep = known if conditions.known else np.ones_like(known)
            for ((_, early),) in animation._steps:
                assert np.array_equal(early.ids[keep], conditions.map.ids[keep])


def test_the_first_samples_are_shown(
    pipe: PanopticDiffusionPipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(animate, "MOST", 3)
    animation = Animation()
    made = run(pipe, animation, Conditions(), count=5)
    assert [len(shown) for shown in animation._steps] == [3, 3, 3]
    for (image, _), pair in zip(animation._steps[-1], made[:3], strict=True):
        apart = np.asarray(image).astype(int) - np.asarray(pair.image)
        assert abs(apart).max() <= 1  # a part of a batch is decoded with other roundings
