"""The whole picture: sky, textured grounds, shadows, things."""

from __future__ import annotations

import numpy as np
from PIL import Image

from pandiff.data.scenes.grounds import Layer
from pandiff.data.scenes.heavens import Heaven
from pandiff.data.scenes.light import Light
from pandiff.data.scenes.raster import coverage, paint
from pandiff.data.scenes.taxonomy import STUFF_NAMES
from pandiff.data.scenes.things import Thing

_SKY = 1
_LEAST_SEEN = 0.012
_TEXTURE: dict[str, tuple[float, float, float]] = {
    "sky": (0.0, 0.0, 0.0),
    "grass": (0.09, 0.02, 0.05),
    "water": (0.03, 0.11, 0.0),
    "sand": (0.05, 0.02, 0.025),
    "road": (0.05, 0.0, 0.025),
    "mountain": (0.09, 0.0, 0.04),
    "snow": (0.04, 0.02, 0.02),
    "forest": (0.08, 0.0, 0.06),
}
"""Strength of soft, streaky and grainy noise on each stuff."""

_FLAT = np.array([False, *(n in ("grass", "water", "sand", "road", "snow") for n in STUFF_NAMES)])
"""Which category ids lie flat, so that the haze fades over them."""


def plain_layers(layers: list[Layer], size: int) -> list[Layer]:
    """The layers of which enough is seen; judged at 128 px or, if smaller, at `size`."""
    labels = label_stuff(layers, min(size, 128))
    areas = np.bincount(labels.ravel(), minlength=len(STUFF_NAMES) + 1)
    least = _LEAST_SEEN * labels.size
    return [x for x in layers if areas[STUFF_NAMES.index(x.category) + 1] >= least]


def label_stuff(layers: list[Layer], size: int) -> np.ndarray:
    """(size, size) int32: the category id of the stuff at each pixel, without things."""
    labels = np.full((size, size), _SKY, np.int32)
    for layer in layers:
        labels[coverage(layer.parts, size)] = STUFF_NAMES.index(layer.category) + 1
    return labels


def paint_scene(
    rng: np.random.Generator,
    light: Light,
    heaven: Heaven,
    layers: list[Layer],
    things: list[Thing],
    labels: np.ndarray,
    horizon: float,
) -> np.ndarray:
    """(H, H, 3) uint8; `labels` as from `label_stuff`."""
    image = _sky(light, heaven, horizon, labels.shape[0])
    far = [(heaven.parts, 0.0), *((layer.parts, layer.distance) for layer in layers)]
    image = _textured(rng, paint(image, far, light), labels, light, horizon)
    shadows = [(thing.shadow, thing.distance) for thing in things]
    bodies = [(thing.parts, thing.distance * 0.7) for thing in things]
    return paint(paint(image, shadows, light), bodies, light.softened(0.45))


def _sky(light: Light, heaven: Heaven, horizon: float, size: int) -> np.ndarray:
    rows = (np.arange(size, dtype=np.float32) + 0.5) / np.float32(size)
    stops = np.array(light.sky, np.float32)
    t = np.minimum(rows / np.float32(horizon), 1)[:, None] * 2
    upper = stops[0] + (stops[1] - stops[0]) * t
    lower = stops[1] + (stops[2] - stops[1]) * (t - 1)
    image = np.repeat(np.where(t < 1, upper, lower)[:, None], size, axis=1)
    x, y, radius, strength = heaven.glow
    if strength:
        away = ((rows[None] - x) ** 2 + (rows[:, None] - y) ** 2) / np.float32(radius**2)
        image += (np.array(heaven.glow_color, np.float32) - image) * (strength / (1 + away))[
            ..., None
        ]
    return (image + 0.5).astype(np.uint8)


def _noise(rng: np.random.Generator, rows: int, columns: int, size: int) -> np.ndarray:
    """(size, size) float32 in -1..1: random numbers on a grid, smoothly interpolated."""
    grid = Image.fromarray(rng.integers(0, 256, (rows, columns), dtype=np.uint8))
    fine = np.asarray(grid.resize((size, size), Image.Resampling.BICUBIC), np.float32)
    return fine / np.float32(127.5) - 1


def _textured(
    rng: np.random.Generator, image: np.ndarray, labels: np.ndarray, light: Light, horizon: float
) -> np.ndarray:
    """Noise on the grounds, and haze towards the horizon."""
    size = image.shape[0]
    table = np.array([(0.0, 0.0, 0.0), *(_TEXTURE[name] for name in STUFF_NAMES)], np.float32)
    fields = (_noise(rng, 9, 9, size), _noise(rng, 56, 7, size), _noise(rng, 72, 72, size))
    factor = sum(table[:, k][labels] * field for k, field in enumerate(fields))
    rows = (np.arange(size, dtype=np.float32) + 0.5) / np.float32(size)
    nearness = np.clip((rows - horizon) / np.float32(1 - horizon), 0, 1)
    haze = np.float32(light.thickness * 0.8) * (1 - nearness[:, None]) ** 2 * _FLAT[labels]
    out = image * (1 + np.asarray(factor)[..., None])
    out += (np.array(light.haze, np.float32) - out) * haze[..., None]
    return (np.clip(out, 0, 255) + np.float32(0.5)).astype(np.uint8)
