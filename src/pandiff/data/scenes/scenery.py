"""Words for the place, the ground, the background and the time of day."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pandiff.data.scenes.phrases import Caption


@dataclass(frozen=True)
class Setting:
    """Where and when a scene is.

    Attributes:
        place: a key of `PLACES`.
        weather: a key of `LIGHTS`.
        body: "sun", "moon" or "".
        cloudy: whether there are clouds.
        stars: whether there are stars.
        stuff: names of the stuff categories that are plainly seen.
    """

    place: str
    weather: str
    body: str
    cloudy: bool
    stars: bool
    stuff: tuple[str, ...]


_ON: dict[str, tuple[str, ...]] = {
    "grass": ("on the grass", "on grass", "in a field", "in a meadow"),
    "water": ("on the water", "on water"),
    "sand": ("on the sand", "on sand"),
    "road": ("on a road", "on the road"),
    "snow": ("in the snow", "on the snow"),
    "sky": ("in the sky", "in the air", "up in the sky"),
}
_ON_AT: dict[tuple[str, str], tuple[str, ...]] = {
    ("grass", "field"): ("in a field", "in a green field", "on the grass", "in a meadow"),
    ("grass", "garden"): ("in a garden", "on the grass", "in a meadow"),
    ("grass", "street"): ("on the grass", "on grass"),
    ("grass", "highway"): ("on the grass",),
    ("grass", "lake"): ("on the grass",),
    ("water", "lake"): ("on a lake", "on the lake", "on the water"),
    ("water", "beach"): ("on the sea", "on the water"),
    ("water", "sea"): ("on the sea", "at sea", "on the water"),
    ("sand", "beach"): ("on a beach", "at the beach", "on the sand"),
    ("sand", "desert"): ("in the desert", "on the sand"),
    ("road", "street"): ("on a street", "on the road", "on a road"),
}
_BEHIND: dict[str, tuple[str, ...]] = {
    "mountain": ("with mountains in the background", "with mountains behind", "near the mountains"),
    "forest": ("with a forest in the background", "near a forest", "in front of a forest"),
    "water": ("near the water", "by the water"),
    "road": ("near a road", "by the road"),
    "snow": ("in the snow",),
    "sand": ("near the sand",),
    "grass": ("near some grass",),
}
_BEHIND_AT: dict[tuple[str, str], tuple[str, ...]] = {
    ("water", "beach"): ("by the sea", "near the sea"),
    ("water", "lake"): ("by a lake", "near a lake"),
    ("sand", "beach"): ("by the beach", "near a beach"),
}
_NOUNS: dict[str, tuple[str, ...]] = {
    "grass": ("a meadow", "grass", "a green field"),
    "water": ("water", "the water"),
    "sand": ("sand", "the sand"),
    "road": ("a road", "an empty road"),
    "mountain": ("mountains", "the mountains"),
    "snow": ("snow", "a field of snow"),
    "forest": ("a forest", "the forest"),
}
_WHEN: dict[str, tuple[str, ...]] = {
    "clear": ("during the day", "by day"),
    "cloudy": ("on a cloudy day", "on a gray day"),
    "foggy": ("in the fog", "on a foggy day"),
    "dusk": ("at dusk", "in the evening"),
    "dawn": ("at dawn", "in the early morning"),
    "night": ("at night", "by night"),
}
_SUNNY: dict[str, tuple[str, ...]] = {
    "clear": ("on a sunny day", "in the sun"),
    "dusk": ("at sunset", "at dusk"),
    "dawn": ("at sunrise", "at dawn"),
}
_UNDER: dict[str, tuple[str, ...]] = {
    "clear": ("under a blue sky",),
    "cloudy": ("under a cloudy sky", "under a gray sky"),
    "foggy": ("under a pale sky",),
    "dusk": ("under an evening sky",),
    "dawn": ("under a morning sky",),
    "night": ("under a night sky", "under a dark sky"),
}


def _pick(rng: np.random.Generator, options: tuple[str, ...]) -> str:
    return options[int(rng.integers(len(options)))]


def on(rng: np.random.Generator, setting: Setting, ground: str) -> Caption:
    """Where things are that stand on (or fly in) this stuff; nothing if it is hardly seen."""
    if ground not in setting.stuff:
        return Caption("")
    words = _pick(rng, _ON_AT.get((ground, setting.place), _ON[ground]))
    return Caption(" " + words, (ground,))


def behind(rng: np.random.Generator, setting: Setting, used: tuple[str, ...]) -> Caption:
    """One stuff that is seen and not in `used`; nothing if there is none."""
    left = [
        s for s in ("mountain", "forest", "water", "road", "sand", "snow") if s in setting.stuff
    ]
    left = [s for s in left if s not in used]
    if not left:
        return Caption("")
    stuff = left[0]
    words = _pick(rng, _BEHIND_AT.get((stuff, setting.place), _BEHIND[stuff]))
    return Caption(" " + words, (stuff,))


def when(rng: np.random.Generator, setting: Setting) -> Caption:
    """The time of day, or the sky."""
    if "sky" in setting.stuff and rng.random() < 0.45:
        return Caption(" " + _pick(rng, _sky_words(setting)), ("sky",))
    if setting.body == "moon" and rng.random() < 0.3:
        return Caption(" in the moonlight")
    sunny = setting.body == "sun" and setting.weather in _SUNNY
    return Caption(" " + _pick(rng, (_SUNNY if sunny else _WHEN)[setting.weather]))


def _sky_words(setting: Setting) -> tuple[str, ...]:
    if setting.weather == "clear" and setting.cloudy:
        return ("under a blue sky with clouds", "under a sky with white clouds")
    if setting.stars and not setting.cloudy:
        return ("under the stars", "under a night sky", "under a starry sky")
    return _UNDER[setting.weather]


def view(rng: np.random.Generator, setting: Setting) -> Caption:
    """What stuff is seen, from the background to the foreground: "mountains behind a meadow"."""
    order = ("mountain", "forest", "water", "grass", "sand", "snow", "road")
    seen = [s for s in order if s in setting.stuff]
    pieces = [Caption(_pick(rng, _NOUNS[s]), (s,)) for s in seen]
    if not pieces:
        return Caption("the sky", ("sky",))
    return Caption(
        " and ".join(
            ([", ".join(p.text for p in pieces[:-1])] if pieces[1:] else []) + [pieces[-1].text]
        ),
        tuple(c for p in pieces for c in p.categories),
    )
