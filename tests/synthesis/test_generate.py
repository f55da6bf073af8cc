"""Runs of prompts: what the pipeline is asked, and what the manifest says of it."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from PIL import Image

from pandiff.errors import InputError
from pandiff.panoptic import PanopticMap
from pandiff.pipeline import Known, PanopticDiffusionPipeline
from pandiff.synthesis.generate import Conditions, Settings, pairs, record
from pandiff.taxonomy import Category, Taxonomy

TAXONOMY = Taxonomy((Category(1, "sky", False), Category(7, "box", True)))
SKY = PanopticMap.from_ids(np.ones((4, 6), int), {1: 1}, TAXONOMY)
PHOTO = Image.new("RGB", (6, 4))
LEFT = np.arange(24).reshape(4, 6) % 6 < 3


class Recorder:
    """In the place of a pipeline: keeps what it is asked, makes the same for each prompt."""

    def __init__(self) -> None:
        self.asked: list[dict[str, Any]] = []

    def set_progress_bar_config(self, disable: bool) -> None:
        pass

    def __call__(self, prompts: list[str], **arguments: Any) -> Any:
        self.asked.append({"prompt": prompts, **arguments})
        return SimpleNamespace(images=[PHOTO] * len(prompts), maps=[SKY] * len(prompts))

    def redraw(self, prompts: list[str], maps: list[PanopticMap], **arguments: Any) -> Any:
        return self(prompts, map=maps, **arguments)


def test_every_setting_is_an_argument_of_the_pipeline() -> None:
    known = set(PanopticDiffusionPipeline.__call__.__annotations__)
    assert set(Settings().arguments()) | set(Conditions().arguments()) <= known


def test_what_the_pipeline_is_asked() -> None:
    pipe: Any = Recorder()
    settings = Settings(steps=5, guidance_scale=(2.0, 1.0), seed=3, batch_size=2,
                        negative_prompt="rain", map_guidance_scale=1.5, tries=4)  # fmt: skip
    conditions = Conditions(SKY, PHOTO, Known(LEFT, LEFT), image_prompt=PHOTO)
    made = list(pairs(pipe, ["a", "b", "c"], settings, conditions))
    assert [p.prompt for p in made] == ["a", "b", "c"]
    assert [p.seed for p in made] == [3_000_009, 3_000_010, 3_000_011]
    assert [a["prompt"] for a in pipe.asked] == [["a", "b"], ["c"]]
    asked = pipe.asked[0]
    assert (asked["num_inference_steps"], asked["guidance_scale"]) == (5, (2.0, 1.0))
    assert asked["tries"] == 4
    assert (asked["negative_prompt"], asked["map_guidance_scale"]) == ("rain", 1.5)
    assert (asked["map"], asked["image"], asked["image_prompt"]) == (SKY, PHOTO, PHOTO)
    assert asked["known"] is conditions.known
    assert [g.initial_seed() for g in asked["generator"]] == [3_000_009, 3_000_010]


def test_an_image_is_made_once_more_from_its_whole_map() -> None:
    pipe: Any = Recorder()
    settings = Settings(seed=3, map_guidance_scale=1.5, tries=4, redraw=True)
    list(pairs(pipe, ["a", "b"], settings, Conditions(image_prompt=PHOTO)))
    first, again = pipe.asked
    assert (first["tries"], first["map_guidance_scale"], first["map"]) == (4, 1.0, None)
    assert (again["tries"], again["map_guidance_scale"]) == (1, 1.5)
    assert again["map"] == [SKY, SKY] and again["image_prompt"] == PHOTO
    same = ("prompt", "generator", "num_inference_steps", "guidance_scale", "negative_prompt")
    assert all(first[name] is again[name] or first[name] == again[name] for name in same)


def test_redrawn_maps_are_those_of_the_first_call(pipe: PanopticDiffusionPipeline) -> None:
    first, again = (
        list(pairs(pipe, ["a box", "a box"], Settings(steps=2, batch_size=size, redraw=redraw)))
        for size, redraw in ((2, False), (1, True))
    )
    assert all(
        np.array_equal(a.panoptic.ids, b.panoptic.ids) for a, b in zip(first, again, strict=True)
    )
    images = [[np.asarray(p.image) for p in some] for some in (first, again)]
    assert not any(np.array_equal(*both) for both in zip(*images, strict=True))
    assert not np.array_equal(*images[1])


@pytest.mark.parametrize("given", [Conditions(SKY), Conditions(image=PHOTO, strength=0.5)])
def test_what_is_given_is_not_redrawn(given: Conditions) -> None:
    pipe: Any = Recorder()
    with pytest.raises(InputError, match="prompts alone with redraw, got a map or an image"):
        list(pairs(pipe, ["a"], Settings(redraw=True), given))
    assert not pipe.asked


def test_the_record_has_what_is_not_as_usual() -> None:
    pair = next(pairs(Recorder(), ["a"], Settings()))  # type: ignore[arg-type]
    usual = record(pair, Settings())
    assert usual == {"prompt": "a", "seed": 0, "num_inference_steps": 20, "guidance_scale": 2.0,
                     "confidence": 1.0}  # fmt: skip
    changed = record(pair, Settings(guidance_interval=(0.1, 0.9), batch_size=3))
    assert changed == usual | {"guidance_interval": (0.1, 0.9)}
    redrawn = record(pair, Settings(redraw=True, map_guidance_scale=1.5))
    assert redrawn == usual | {"redraw": True, "map_guidance_scale": 1.5}
    assert Conditions().record() == {}
    assert Conditions(SKY).record() == {"given": ["map"]}
    varied = Conditions(image=PHOTO, strength=0.5, image_prompt=PHOTO)
    assert varied.record() == {"given": ["image", "image_prompt"], "strength": 0.5}


def test_the_size_of_the_samples() -> None:
    assert Conditions().size is None
    assert Conditions(SKY).size == Conditions(image=PHOTO).size == (6, 4)
    assert Conditions(image=PHOTO, strength=0.5).size == (6, 4)
    assert Conditions(image=PHOTO, known=Known.of(LEFT), strength=0.5).size == (6, 4)


def test_what_is_kept_of_a_variation() -> None:
    """Nothing of the image; with a mask, what is known of it."""
    assert Conditions(image=PHOTO, strength=0.5).kept.image is None
    both = Conditions(SKY, PHOTO, Known.of(LEFT), strength=0.5)
    assert both.kept.image is PHOTO and both.kept.map is SKY
    assert both.record() == {"given": ["map", "image", "known"], "strength": 0.5}


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"strength": 0.5}, "an image to vary with strength, got none"),
        ({"map": SKY, "known": Known(LEFT), "strength": 0.5}, "an image to vary with strength"),
        ({"known": Known(LEFT)}, "a map or an image with the known mask, got none"),
        ({"map": SKY, "image": PHOTO}, "a map or an image, got both"),
        ({"map": SKY, "known": Known(LEFT.T)}, "of one size, got map 6 x 4, known mask 4 x 6"),
    ],
)
def test_conditions_that_do_not_fit(given: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        Conditions(**given)
