"""How often each category is in a dataset, and the picture of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from html import escape
from typing import Any

from pandiff.taxonomy import Category, Taxonomy

ROW, LABEL, BAR, NUMBERS = 18, 150, 360, 150
"""The plot, in pixels: height of a row; widths of names, of bars and of numbers."""


@dataclass(frozen=True)
class Share:
    """How often a category occurs.

    Attributes:
        category: the category.
        images: number of images that show it.
        segments: number of its segments.
        area: its share of all pixels, 0..1.
    """

    category: Category
    images: int
    segments: int
    area: float


class Tally:
    """Counts categories, image by image."""

    def __init__(self, taxonomy: Taxonomy) -> None:
        self._taxonomy = taxonomy
        self.images = self.pixels = 0
        self._images, self._segments, self._areas = Counter[int](), Counter[int](), Counter[int]()

    def add(self, entry: Mapping[str, Any]) -> None:
        """Count an image, of which `save_sample` made the entry."""
        segments = entry["annotation"]["segments_info"]
        self.images += 1
        self.pixels += entry["image"]["width"] * entry["image"]["height"]
        self._images.update({s["category_id"] for s in segments})
        self._segments.update(s["category_id"] for s in segments)
        for s in segments:
            self._areas[s["category_id"]] += s["area"]

    @property
    def segments(self) -> int:
        """Number of segments of all categories."""
        return self._segments.total()

    @property
    def void(self) -> float:
        """Share of the pixels that belong to no segment, 0..1."""
        return 1 - self._areas.total() / max(1, self.pixels)

    def shares(self) -> list[Share]:
        """All categories, those in most images first."""
        found = [
            Share(c, self._images[c.id], self._segments[c.id], self._areas[c.id] / self.pixels)
            for c in self._taxonomy.categories
        ]
        return sorted(found, key=lambda s: (-s.images, -s.segments, s.category.id))


def balance_svg(tally: Tally) -> str:
    """The class balance as an SVG: for each category a bar, in how many images it is."""
    shares = tally.shares()
    most = max(1, *(s.images for s in shares))
    width, height = LABEL + BAR + NUMBERS, ROW * (len(shares) + 2)
    rows = [_row(k, s, most) for k, s in enumerate(shares, start=1)]
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
        f'viewBox="0 0 {width} {height}" font-family="sans-serif" font-size="12">\n'
        f'<rect width="{width}" height="{height}" fill="white"/>\n'
        f'<text x="{LABEL}" y="13" fill="#555">images that show it (segments, share of pixels)'
        "</text>\n"
    )
    return head + "\n".join(rows) + "\n</svg>\n"


def _row(k: int, share: Share, most: int) -> str:
    y, bar = k * ROW + 4, max(1 if share.images else 0, round(BAR * share.images / most))
    name, (r, g, b) = escape(share.category.name[:22]), share.category.color
    numbers = f"{share.images} ({share.segments}, {share.area:.1%})"
    return (
        f'<text x="{LABEL - 6}" y="{y + 11}" text-anchor="end">{name}</text>'
        f'<rect x="{LABEL}" y="{y}" width="{bar}" height="{ROW - 4}" fill="rgb({r},{g},{b})" '
        'stroke="#888" stroke-width="0.5"/>'
        f'<text x="{LABEL + bar + 6}" y="{y + 11}" fill="#555">{numbers}</text>'
    )
