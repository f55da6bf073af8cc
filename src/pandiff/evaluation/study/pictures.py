"""The pictures of a study: large enough to judge by, under names that tell nothing."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

from PIL import Image

from pandiff.draw import render
from pandiff.draw.names import write_names
from pandiff.panoptic import PanopticMap

SIDE = 640
"""Longest side of a picture in pixels."""


@dataclass(frozen=True)
class Gallery:
    """A folder of pictures, each named after its pixels: the same picture is there once.

    Attributes:
        path: the folder.
    """

    path: Path

    def add_image(self, image: Image.Image) -> str:
        """Keep an image; returns its name."""
        return self._add(image.convert("RGB").resize(shown(image.size), Image.Resampling.BICUBIC))

    def add_map(self, panoptic: PanopticMap) -> str:
        """Keep the picture of a map, names in the segments that have room; returns its name."""
        large = panoptic.resize(shown(panoptic.size))
        picture = render(large)
        write_names(picture, large)
        return self._add(picture)

    def read(self, name: str) -> bytes | None:
        """The PNG file of a name, if there is one; a name is not a path."""
        path = self.path / f"{name}.png"
        return path.read_bytes() if name.isalnum() and path.is_file() else None

    def _add(self, picture: Image.Image) -> str:
        buffer = BytesIO()
        picture.save(buffer, "PNG")
        name = hashlib.sha256(buffer.getvalue()).hexdigest()[:24]
        path = self.path / f"{name}.png"
        if not path.exists():
            self.path.mkdir(parents=True, exist_ok=True)
            temporary = path.with_suffix(".tmp")
            temporary.write_bytes(buffer.getvalue())
            os.replace(temporary, path)
        return name


def shown(size: tuple[int, int]) -> tuple[int, int]:
    """The size at which a picture is shown: its longest side is `SIDE`."""
    scale = SIDE / max(size)
    return max(1, round(size[0] * scale)), max(1, round(size[1] * scale))
