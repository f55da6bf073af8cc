"""Times of day: what the light does to a color."""

from __future__ import annotations

from dataclasses import dataclass, replace

from pandiff.data.scenes.palette import RGB, mix


@dataclass(frozen=True)
class Light:
    """The light of a scene.

    Attributes:
        time: "day", "dusk", "night" or "dawn".
        sky: colors of the sky from the zenith to the horizon.
        tint: factor of each channel, about 0..1.1.
        haze: color of the far distance.
        thickness: how far the haze hides what is at the horizon, 0..1.
        cloud: color of the clouds.
    """

    time: str
    sky: tuple[RGB, RGB, RGB]
    tint: tuple[float, float, float]
    haze: RGB
    thickness: float
    cloud: RGB

    def shade(self, color: RGB, distance: float) -> RGB:
        """A daylight color in this light, `distance` 0 (near) .. 1 (at the horizon)."""
        r, g, b = (min(255.0, c * t) for c, t in zip(color, self.tint, strict=True))
        return mix((r, g, b), self.haze, self.thickness * distance)

    def softened(self, t: float) -> Light:
        """The same light with its tint moved to white by t in 0..1, so that colors keep."""
        r, g, b = (x + (1 - x) * t for x in self.tint)
        return replace(self, tint=(r, g, b))


_DAY = (1.0, 1.0, 1.0)

LIGHTS: dict[str, tuple[Light, ...]] = {
    "clear": (
        Light("day", ((58, 136, 222), (110, 178, 240), (196, 226, 250)), _DAY, (190, 216, 240), 0.3,
              (255, 255, 255)),
        Light("day", ((74, 160, 224), (138, 200, 238), (222, 238, 244)), (1.02, 1.0, 0.96),
              (210, 226, 236), 0.3, (255, 255, 252)),
    ),
    "cloudy": (
        Light("day", ((126, 148, 172), (162, 180, 196), (206, 216, 222)), (0.9, 0.92, 0.94),
              (190, 202, 212), 0.35, (226, 230, 234)),
    ),
    "foggy": (
        Light("day", ((182, 192, 200), (200, 208, 212), (214, 220, 222)), (0.92, 0.94, 0.95),
              (212, 218, 220), 0.62, (226, 230, 232)),
    ),
    "dusk": (
        Light("dusk", ((76, 62, 130), (214, 104, 116), (255, 190, 110)), (0.93, 0.78, 0.8),
              (226, 134, 112), 0.3, (236, 138, 132)),
        Light("dusk", ((92, 70, 120), (232, 128, 84), (255, 208, 120)), (0.97, 0.8, 0.74),
              (236, 150, 100), 0.3, (244, 160, 120)),
    ),
    "dawn": (
        Light("dawn", ((120, 156, 214), (238, 186, 196), (255, 230, 182)), (0.98, 0.89, 0.88),
              (246, 208, 196), 0.36, (255, 224, 220)),
    ),
    "night": (
        Light("night", ((12, 18, 56), (28, 40, 96), (64, 80, 142)), (0.54, 0.58, 0.74),
              (48, 60, 116), 0.3, (62, 70, 116)),
        Light("night", ((14, 14, 44), (32, 30, 80), (80, 68, 128)), (0.57, 0.56, 0.7),
              (56, 52, 104), 0.3, (66, 62, 104)),
    ),
}  # fmt: skip
"""The lights of each kind of weather or time."""

FREQUENCY = {
    "clear": 38.0, "cloudy": 17.0, "foggy": 5.0, "dusk": 16.0, "dawn": 7.0, "night": 17.0
}  # fmt: skip
"""How often each of `LIGHTS` shines."""
