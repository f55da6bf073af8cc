"""The sky: a gradient, sun, moon, stars and clouds. None of them is a category."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pandiff.data.scenes.geometry import Part, ellipse, mark
from pandiff.data.scenes.light import Light
from pandiff.data.scenes.palette import RGB, darker, lighter, mix


@dataclass(frozen=True)
class Heaven:
    """What the sky shows.

    Attributes:
        parts: sun or moon, stars and clouds.
        glow: (x, y, radius, strength) of the shine around sun or moon; strength 0 for none.
        glow_color: its color.
        body: "sun", "moon" or "" if neither is seen.
        cloudy: whether there are clouds that a caption may speak of.
        stars: whether stars are seen.
    """

    parts: list[Part]
    glow: tuple[float, float, float, float]
    glow_color: RGB
    body: str
    cloudy: bool
    stars: bool


def make_heaven(rng: np.random.Generator, weather: str, light: Light, horizon: float) -> Heaven:
    """The sky of a weather (a key of `LIGHTS`) above a horizon at that height."""
    x = float(rng.uniform(0.1, 0.9))
    body = _body(rng, weather)
    low = weather in ("dusk", "dawn")
    y = horizon * float(rng.uniform(0.62, 0.85) if low else rng.uniform(0.2, 0.42))
    parts: list[Part] = []
    stars = weather == "night"
    if stars:
        parts += _stars(rng, horizon)
    glow_color: RGB = (255, 240, 200)
    if body == "sun":
        disc: RGB = (255, 214, 120) if low else (255, 246, 200)
        glow_color = (255, 196, 120) if low else (255, 248, 214)
        parts.append(mark(ellipse(x, y, 0.055, 0.055, 28), disc, glow=True))
    elif body == "moon":
        glow_color = (150, 160, 210)
        parts += _moon(x, y, light, crescent=bool(rng.random() < 0.5))
    count = _cloud_count(rng, weather)
    for _ in range(count):
        parts += _cloud(rng, light, horizon, heavy=weather == "cloudy")
    strength = {"sun": 0.75, "moon": 0.4, "": 0.0}[body]
    return Heaven(parts, (x, y, 0.16, strength), glow_color, body, count >= 2, stars)


def _body(rng: np.random.Generator, weather: str) -> str:
    chance = {"clear": 0.55, "cloudy": 0.0, "foggy": 0.0, "dusk": 0.6, "dawn": 0.6, "night": 0.7}
    seen = rng.random() < chance[weather]
    return ("moon" if weather == "night" else "sun") if seen else ""


def _cloud_count(rng: np.random.Generator, weather: str) -> int:
    if weather == "cloudy":
        return int(rng.integers(4, 7))
    most = {"clear": 4, "foggy": 1, "dusk": 4, "dawn": 3, "night": 2}[weather]
    return int(rng.integers(0, most))


def _stars(rng: np.random.Generator, horizon: float) -> list[Part]:
    parts = []
    for _ in range(24):
        x, y = float(rng.random()), float(rng.random()) * horizon * 0.9
        r = float(rng.uniform(0.0025, 0.006))
        parts.append(
            mark(ellipse(x, y, r, r, 6), (255, 250, 226), int(rng.integers(120, 256)), True)
        )
    return parts


def _moon(x: float, y: float, light: Light, crescent: bool) -> list[Part]:
    pale: RGB = (244, 240, 218)
    if not crescent:
        spots = ((-0.015, -0.01, 0.012), (0.014, 0.012, 0.009), (0.01, -0.022, 0.007))
        craters = [
            mark(ellipse(x + a, y + b, r, r, 10), darker(pale, 0.14), glow=True)
            for a, b, r in spots
        ]
        return [mark(ellipse(x, y, 0.05, 0.05, 28), pale, glow=True), *craters]
    turn = ellipse(x, y, 0.05, 0.05, 32)
    outer, inner = turn[8:25], [(px * 0.45 + x * 0.55, py) for px, py in reversed(turn[8:25])]
    return [mark([*outer, *inner], pale, glow=True)]


def _cloud(rng: np.random.Generator, light: Light, horizon: float, heavy: bool) -> list[Part]:
    x, y = float(rng.uniform(0, 1)), horizon * float(rng.uniform(0.08, 0.7))
    w = float(rng.uniform(0.1, 0.2)) * (1.25 if heavy else 1.0)
    shade = mix(light.cloud, light.sky[1], 0.45)
    puffs = []
    for k in range(5):
        t = (k - 2) / 2
        r = w * float(rng.uniform(0.26, 0.4)) * (1.15 - 0.5 * abs(t))
        puffs.append((x + t * w * 0.75, y - r * 0.45, r))
    base = mark(ellipse(x, y, w * 1.05, w * 0.17, 20), shade, glow=True)
    under = [
        mark(ellipse(px, py + r * 0.14, r, r * 0.85, 16), shade, glow=True) for px, py, r in puffs
    ]
    over = [
        mark(
            ellipse(px - r * 0.06, py - r * 0.06, r * 0.9, r * 0.72, 16),
            lighter(light.cloud, 0.1),
            glow=True,
        )
        for px, py, r in puffs
    ]
    return [base, *under, *over]
