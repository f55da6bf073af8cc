"""Pictures of samples inside the page: each is embedded once, however often it is shown."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping
from html import escape
from io import BytesIO

from PIL import Image

from pandiff.draw import render
from pandiff.evaluation.sample_sets import SampleSet

SIDE = 192
"""Longest side of a picture in pixels."""


class Pictures:
    """Figures of samples, and the style that holds their pixels.

    Args:
        sets: the sets of samples by name, as the figures call them.
    """

    def __init__(self, sets: Mapping[str, SampleSet]) -> None:
        self._sets = sets
        self._used: dict[str, str] = {}

    def figure(self, name: str, number: int, caption: str) -> str:
        """Image above map of a sample, with words below; the prompt is always shown."""
        prompt = self._sets[name].records[number]["prompt"] or "no prompt"
        pictures = [self.picture(name, number, what) for what in ("image", "map")]
        words = f"{escape(prompt)}<br><small>{escape(caption)}</small>"
        return f"<figure>{''.join(pictures)}<figcaption>{words}</figcaption></figure>"

    def picture(self, name: str, number: int, what: str) -> str:
        """The image or the map of a sample."""
        key = f"p-{name}-{number}-{what}"
        if key not in self._used:
            sample = self._sets[name][number]
            self._used[key] = data_uri(sample.image if what == "image" else render(sample.panoptic))
        label = f"{what} of sample {number}, {name.replace('_', ' ')}"
        return f'<div class="pic {key}" role="img" aria-label="{escape(label)}"></div>'

    @property
    def css(self) -> str:
        """The style of all pictures that were asked for."""
        return "\n".join(f".{k}{{background-image:url({v})}}" for k, v in self._used.items())


def data_uri(image: Image.Image) -> str:
    """An image as a PNG inside an address."""
    image = image.copy()
    image.thumbnail((SIDE, SIDE), Image.Resampling.LANCZOS)
    buffer = BytesIO()
    image.save(buffer, "PNG", optimize=True)
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode()


def grid(figures: Iterable[str]) -> str:
    """Figures side by side."""
    return f'<div class="grid">{"".join(figures)}</div>'
