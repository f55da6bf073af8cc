"""One scene: a picture, its exact panoptic map, and captions; a pure function of two numbers."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.random import PCG64, Generator, SeedSequence

from pandiff.data.scenes.captions import SceneObject, make_captions
from pandiff.data.scenes.heavens import make_heaven
from pandiff.data.scenes.layouts import PLACES
from pandiff.data.scenes.light import FREQUENCY, LIGHTS
from pandiff.data.scenes.painting import label_stuff, paint_scene, plain_layers
from pandiff.data.scenes.palette import weighted
from pandiff.data.scenes.phrases import Caption
from pandiff.data.scenes.placing import populate
from pandiff.data.scenes.raster import coverage
from pandiff.data.scenes.scenery import Setting
from pandiff.data.scenes.taxonomy import STUFF_NAMES, TAXONOMY
from pandiff.data.scenes.things import Thing
from pandiff.data.scenes.visibility import seen_things
from pandiff.errors import InputError
from pandiff.panoptic import PanopticMap

SIZES = (32, 512)
"""Smallest and largest side of a picture in pixels."""

SPLITS = {"train": 0, "val": 1, "test": 2}
"""The seed of each split. Scenes of different seeds are independent, so splits are disjoint."""

_LEAST_CLAIMED = 0.02
"""Stuff on a smaller share of the picture is not spoken of."""


@dataclass(frozen=True, eq=False)
class Scene:
    """A scene.

    Attributes:
        image: (H, H, 3) uint8, RGB.
        panoptic: its map; no pixel is void. Segment ids are 1..n, stuff first, then things from
            far to near.
        captions: five captions, the first terse, the last full.
        objects: the visible things.
        setting: place, weather, time and visible stuff.
    """

    image: np.ndarray
    panoptic: PanopticMap
    captions: tuple[Caption, ...]
    objects: tuple[SceneObject, ...]
    setting: Setting


def make_scene(seed: int, index: int, size: int = 128) -> Scene:
    """Scene number `index` of the world `seed`: the same on every machine.

    Sizes from 128 show the same scene at a higher resolution; smaller ones may lack things that
    would shrink to a few pixels.

    Args:
        seed: 0 or more; see `SPLITS`.
        index: 0 or more.
        size: side in pixels, 32..512.

    Raises:
        InputError: if an argument is out of range.
    """
    check_numbers(seed, index, size)
    streams = SeedSequence([seed, index]).spawn(4)
    plan, cast, noise, words = (Generator(PCG64(s)) for s in streams)
    weather = weighted(plan, FREQUENCY)
    light = LIGHTS[weather][int(plan.integers(len(LIGHTS[weather])))]
    place = weighted(plan, {name: weight for name, (weight, _) in PLACES.items()})
    layout = PLACES[place][1](plan, light.sky[2])
    heaven = make_heaven(plan, weather, light, layout.horizon)
    things = seen_things(populate(cast, layout, light.time == "night"), size)
    layers = plain_layers(layout.layers, size)
    labels = label_stuff(layers, size)
    image = paint_scene(noise, light, heaven, layers, things, labels, layout.horizon)
    panoptic = _map(labels, things, size)
    objects = _objects(panoptic, things)
    seen = _plain_stuff(panoptic)
    setting = Setting(place, weather, heaven.body, heaven.cloudy, heaven.stars, seen)
    return Scene(image, panoptic, make_captions(words, objects, setting, size), objects, setting)


def check_numbers(seed: int, index: int, size: int) -> None:
    """InputError unless seed and index are 0 or more and the size is within `SIZES`."""
    for name, value in (("seed", seed), ("index", index)):
        if value < 0:
            raise InputError(f"a {name} of 0 or more", str(value), "choose another")
    if not SIZES[0] <= size <= SIZES[1]:
        raise InputError(f"a size of {SIZES[0]} to {SIZES[1]} px", str(size), "choose another")


def _map(labels: np.ndarray, things: list[Thing], size: int) -> PanopticMap:
    """The map: ids of stuff first, in the order of the taxonomy, then things from far to near."""
    ids = labels.copy()
    for k, thing in enumerate(things):
        ids[coverage(thing.parts, size)] = len(STUFF_NAMES) + 1 + k
    of_things = [TAXONOMY.by_name(t.category).id for t in things]
    category_of = [0, *range(1, len(STUFF_NAMES) + 1), *of_things]
    found = np.flatnonzero(np.bincount(ids.ravel(), minlength=len(category_of)))
    dense = np.zeros(len(category_of), np.int32)
    dense[found] = np.arange(1, len(found) + 1)
    categories = {k: category_of[f] for k, f in enumerate(found.tolist(), start=1)}
    return PanopticMap.from_ids(dense[ids], categories, TAXONOMY)


def _objects(panoptic: PanopticMap, things: list[Thing]) -> tuple[SceneObject, ...]:
    segments = panoptic.segments[len(panoptic.segments) - len(things) :]
    return tuple(
        SceneObject(s.id, t.category, t.color, s.bbox, s.area, t.ground)
        for s, t in zip(segments, things, strict=True)
    )


def _plain_stuff(panoptic: PanopticMap) -> tuple[str, ...]:
    """Names of the stuff that covers enough of the picture to be spoken of."""
    least = _LEAST_CLAIMED * panoptic.ids.size
    stuff = [s for s in panoptic.segments if s.category_id <= len(STUFF_NAMES) and s.area >= least]
    return tuple(STUFF_NAMES[s.category_id - 1] for s in stuff)


def scene_to_json(scene: Scene) -> dict[str, Any]:
    """Captions with their claims, objects and setting, as plain JSON values."""
    return {
        "setting": asdict(scene.setting),
        "objects": [asdict(o) for o in scene.objects],
        "captions": [asdict(c) for c in scene.captions],
    }
