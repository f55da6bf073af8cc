"""Sheets: the legend of categories, and the grid of images, maps and prompts."""

from __future__ import annotations

import math
from collections.abc import Sequence

from PIL import Image, ImageDraw

from pandiff.draw.names import font
from pandiff.draw.paint import render
from pandiff.errors import InputError
from pandiff.panoptic import PanopticMap
from pandiff.rgb import to_rgb
from pandiff.taxonomy import Taxonomy

INK, PAPER = (40, 40, 40), (255, 255, 255)
ROWS = 20
"""Most rows of a legend; more categories make more columns."""


def legend(of: Taxonomy | PanopticMap, *, size: int = 16) -> Image.Image:
    """A swatch and a name for each category, of a map with the number of things.

    Args:
        of: a taxonomy, for all of its categories, or a map, for those that occur.
        size: of the letters in pixels.
    """
    entries = _entries(of)
    probe = ImageDraw.Draw(Image.new("RGB", (1, 1)))
    longest = max((probe.textlength(name, font(size)) for name, _ in entries), default=0)
    line, column = round(size * 1.6), round(longest + size * 3)
    columns = math.ceil(len(entries) / ROWS)
    rows = math.ceil(len(entries) / max(columns, 1))
    picture = Image.new("RGB", (columns * column + size, rows * line + size), PAPER)
    draw = ImageDraw.Draw(picture)
    for k, (name, color) in enumerate(entries):
        x, y = size // 2 + k // rows * column, size // 2 + k % rows * line
        middle = y + line // 2
        swatch = (x, middle - size // 2, x + size, middle + size // 2)
        draw.rounded_rectangle(swatch, size // 4, fill=color, outline=INK)
        draw.text((x + 1.5 * size, middle), name, INK, font(size), anchor="lm")
    return picture


def _entries(of: Taxonomy | PanopticMap) -> list[tuple[str, tuple[int, int, int]]]:
    if isinstance(of, Taxonomy):
        return [(c.name, c.color) for c in of.categories]
    occurring = {s.category_id for s in of.segments}
    found = [c for c in of.taxonomy.categories if c.id in occurring]
    return [(f"{c.name} ({of.count(c.id)})" if c.isthing else c.name, c.color) for c in found]


def grid(
    images: Sequence[Image.Image],
    maps: Sequence[PanopticMap] | None = None,
    prompts: Sequence[str] | None = None,
    *,
    columns: int | None = None,
    side: int = 256,
) -> Image.Image:
    """Images in a grid, their maps below them, the prompts below those.

    Args:
        images: at least one, of any sizes; each is brought to the width of its cell.
        maps: one for each image.
        prompts: one for each image; wrapped.
        columns: cells in a row; by default at most four.
        side: width of a cell in pixels.

    Raises:
        InputError: if there is no image, or not one map and prompt for each.
    """
    _check_counts(images, maps, prompts)
    columns = columns or min(4, len(images))
    gap = max(4, side // 20)
    pictures = [_cell(image, maps[k] if maps else None, side) for k, image in enumerate(images)]
    texts = [_wrap(prompt, side) for prompt in prompts] if prompts else [""] * len(images)
    cells = [_captioned(p, t) for p, t in zip(pictures, texts, strict=True)]
    rows = [cells[k : k + columns] for k in range(0, len(cells), columns)]
    heights = [max(cell.height for cell in row) for row in rows]
    size = columns * (side + gap) + gap, sum(heights) + (len(rows) + 1) * gap
    sheet = Image.new("RGB", size, PAPER)
    for r, row in enumerate(rows):
        for c, cell in enumerate(row):
            sheet.paste(cell, (gap + c * (side + gap), gap + sum(heights[:r]) + r * gap))
    return sheet


def _check_counts(
    images: Sequence[Image.Image],
    maps: Sequence[PanopticMap] | None,
    prompts: Sequence[str] | None,
) -> None:
    if not images:
        raise InputError("at least one image", "none", "give some")
    for name, items in (("map", maps), ("prompt", prompts)):
        if items is not None and len(items) != len(images):
            got = f"{len(items)} for {len(images)}"
            raise InputError(f"one {name} for each image", got, "give as many")


def _cell(image: Image.Image, panoptic: PanopticMap | None, side: int) -> Image.Image:
    """An image above its map, both `side` wide."""
    size = side, max(1, round(side * image.height / image.width))
    parts = [to_rgb(image).resize(size, Image.Resampling.LANCZOS)]
    if panoptic is not None:
        parts.append(render(panoptic.resize(size)))
    return _stack(parts, gap=max(2, side // 64))


def _captioned(picture: Image.Image, text: str) -> Image.Image:
    """A picture with text below."""
    if not text:
        return picture
    letters = font(_letter_size(picture.width))
    draw = ImageDraw.Draw(picture)
    spacing = _letter_size(picture.width) // 3
    bottom = draw.multiline_textbbox((0, 0), text, letters, spacing=spacing)[3]
    label = Image.new("RGB", (picture.width, math.ceil(bottom) + spacing), PAPER)
    center = (picture.width / 2, 0)
    ImageDraw.Draw(label).multiline_text(
        center, text, INK, letters, anchor="ma", align="center", spacing=spacing
    )
    return _stack([picture, label], gap=spacing)


def _stack(parts: Sequence[Image.Image], gap: int) -> Image.Image:
    """Pictures of one width below each other."""
    height = sum(part.height for part in parts) + gap * (len(parts) - 1)
    picture = Image.new("RGB", (parts[0].width, height), PAPER)
    y = 0
    for part in parts:
        picture.paste(part, (0, y))
        y += part.height + gap
    return picture


def _letter_size(side: int) -> int:
    return max(10, side // 16)


def _wrap(text: str, side: int) -> str:
    """The text with line breaks, so that it fits a width; a word that is too long is broken."""
    letters = font(_letter_size(side))
    lines = [""]
    for word in text.split():
        longer = f"{lines[-1]} {word}".strip()
        if letters.getlength(longer) <= side:
            lines[-1] = longer
            continue
        lines.append("")
        for letter in word:
            if letters.getlength(lines[-1] + letter) > side:
                lines.append("")
            lines[-1] += letter
    return "\n".join(line for line in lines if line)
