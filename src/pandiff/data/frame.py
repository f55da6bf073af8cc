"""How a picture of any size lies in the square that a model works on."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PIL import Image

from pandiff.panoptic import PanopticMap
from pandiff.rgb import to_rgb


@dataclass(frozen=True)
class Frame:
    """A picture scaled to fit a square, in its middle; its edges are repeated around it.

    Nothing is cut off and nothing distorted, so that a map found in the square can be brought
    back to the picture's own size.

    Attributes:
        size: (width, height) of the picture in pixels.
        side: of the square in pixels.
    """

    size: tuple[int, int]
    side: int

    @property
    def box(self) -> tuple[int, int, int, int]:
        """(left, top, right, bottom) of the picture in the square."""
        width, height = (max(1, round(s * self.side / max(self.size))) for s in self.size)
        left, top = (self.side - width) // 2, (self.side - height) // 2
        return left, top, left + width, top + height

    @property
    def _margins(self) -> tuple[tuple[int, int], tuple[int, int]]:
        left, top, right, bottom = self.box
        return (top, self.side - bottom), (left, self.side - right)

    def place(self, image: Image.Image) -> Image.Image:
        """The picture in the square, RGB."""
        left, top, right, bottom = self.box
        image = to_rgb(image)
        if image.size != (right - left, bottom - top):
            image = image.resize((right - left, bottom - top), Image.Resampling.LANCZOS)
        pixels = np.pad(np.asarray(image), (*self._margins, (0, 0)), mode="edge")
        return Image.fromarray(pixels)

    def cut(self, square: Image.Image) -> Image.Image:
        """The inverse of `place`, but for what resizing loses."""
        image = square.crop(self.box)
        return (
            image if image.size == self.size else image.resize(self.size, Image.Resampling.LANCZOS)
        )

    def place_map(self, panoptic: PanopticMap) -> PanopticMap:
        """The map in the square; ids by nearest."""
        left, top, right, bottom = self.box
        resized = panoptic.resize((right - left, bottom - top))
        return resized.with_ids(np.pad(resized.ids, self._margins, mode="edge"))

    def cut_map(self, square: PanopticMap) -> PanopticMap:
        """The inverse of `place_map`, but for what resizing loses; ids by nearest."""
        left, top, right, bottom = self.box
        return square.with_ids(square.ids[top:bottom, left:right]).resize(self.size)
