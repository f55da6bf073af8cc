"""Plots as inline SVG: histograms, bars, intervals. They scale to the width that they are given."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

import numpy as np

WIDTH = 360
"""Of all plots, in units of their view box; text is 11 of them high."""
BINS = 16
BASE, TALLEST = 100, 80
"""Of histograms: where bars stand, and the height of the highest."""


def histogram(
    made: np.ndarray,
    real: np.ndarray | None,
    threshold: float | None,
    label: str,
) -> str:
    """Made (filled) and real (outlined) samples by their score, with a threshold.

    No bar lies on both sides of the threshold, and those of made samples below it are red.

    Args:
        made, real: scores; NaN is left out.
        threshold: where a line is drawn, if anywhere.
        label: of the axis, and of the picture for those who do not see it.
    """
    sets = [a[~np.isnan(a)] for a in (made, real) if a is not None]
    low, high = _range(np.concatenate([*sets, [] if threshold is None else [threshold]]))
    edges = bin_edges(low, high, threshold)
    counts = [np.histogram(s, edges)[0] for s in sets]
    shares = [c / max(len(s), 1) for c, s in zip(counts, sets, strict=True)]
    top = max(float(s.max()) for s in shares) or 1.0
    parts = [
        _column(
            "made below" if kind == "made" and _is_below(edges[k + 1], threshold) else kind,
            _at(edges[k], edges),
            _at(edges[k + 1], edges),
            share / top,
            f"{counts[n][k]} of {len(sets[n])}, {edges[k]:.3g} to {edges[k + 1]:.3g}",
        )
        for n, kind in enumerate(("made", "real")[: len(sets)])
        for k, share in enumerate(shares[n])
        if share
    ]
    if threshold is not None:
        parts += _mark(threshold, _at(threshold, edges))
    parts.append(f'<path class="axis" d="M10 {BASE}H{WIDTH - 10}"/>')
    for x, anchor, value in ((10, "start", low), (WIDTH - 10, "end", high)):
        parts.append(_text(x, BASE + 14, f"{value:.3g}", anchor))
    parts.append(_text(WIDTH / 2, BASE + 14, label, "middle"))
    return _svg(parts, BASE + 20, f"Distribution of {label}")


def bin_edges(low: float, high: float, threshold: float | None) -> np.ndarray:
    """Edges of bins of one width that cover low..high, the threshold one of them, if there is one.

    There are BINS bins, and one more where neither end falls on an edge.
    """
    width = (high - low) / BINS
    if threshold is None:
        return np.linspace(low, high, BINS + 1)
    below = math.ceil((threshold - low) / width - 1e-9)
    above = math.ceil((high - threshold) / width - 1e-9)
    edges = threshold + width * np.arange(-below, above + 1)
    edges[0], edges[-1] = min(edges[0], low), max(edges[-1], high)
    return edges


def _is_below(edge: float, threshold: float | None) -> bool:
    return threshold is not None and edge <= threshold


def _at(value: float, edges: np.ndarray) -> float:
    """Where a score lies between the ends of the axis."""
    return 10 + float((value - edges[0]) / (edges[-1] - edges[0])) * (WIDTH - 20)


def _column(kind: str, left: float, right: float, share: float, text: str) -> str:
    """A bar of a histogram; `share` of the highest."""
    return (
        f'<rect class="{kind}" x="{left:.1f}" y="{BASE - share * TALLEST:.1f}" '
        f'width="{right - left - 1:.1f}" height="{share * TALLEST:.1f}">'
        f"<title>{text}</title></rect>"
    )


def _mark(threshold: float, x: float) -> list[str]:
    """The line of a threshold, and its value beside it, where there is room."""
    side, anchor = (4, "start") if x < WIDTH / 2 else (-4, "end")
    line = f'<path class="threshold" d="M{x:.1f} 4V{BASE}"/>'
    return [line, _text(x + side, 12, f"{threshold:.3g}", anchor)]


def _range(values: np.ndarray) -> tuple[float, float]:
    if not len(values):
        return 0.0, 1.0
    low, high = float(values.min()), float(values.max())
    return (low, high) if high > low else (low - 0.5, high + 0.5)


@dataclass(frozen=True)
class Bar:
    """One row of `intervals`.

    Attributes:
        title: its name.
        value, low, high: the number with its interval; low and high None for none.
        marks: other numbers on the same line, with names.
        text: written at the end.
    """

    title: str
    value: float
    low: float | None
    high: float | None
    text: str
    marks: tuple[tuple[str, float], ...] = ()


def intervals(rows: Sequence[Bar], label: str, zero: bool = True) -> str:
    """Numbers as dots on lines, with whiskers; hollow marks for what they are compared with.

    Args:
        rows: the numbers, all on one scale.
        label: of the picture, for those who do not see it.
        zero: whether 0 is on the scale in any case.
    """
    values = [v for r in rows for v in (r.value, r.low, r.high, *(m for _, m in r.marks))]
    known = [v for v in values if v is not None and math.isfinite(v)] + ([0.0] if zero else [])
    low, high = _range(np.array(known))
    parts: list[str] = []
    for k, row in enumerate(rows):
        y = 30 * k + 14
        parts += [_text(0, y, row.title, "start"), _text(WIDTH, y, row.text, "end")]
        parts += _line(row, y + 8, low, high)
    if low < 0 < high:
        x = _place(0, low, high)
        parts.append(f'<path class="axis" d="M{x:.1f} 0V{30 * len(rows)}"/>')
    return _svg(parts, 30 * len(rows) + 4, label)


def _line(row: Bar, y: int, low: float, high: float) -> list[str]:
    parts = [f'<path class="track" d="M6 {y}H{WIDTH - 6}"/>']
    if row.low is not None and row.high is not None:
        ends = (_place(v, low, high) for v in (row.low, row.high))
        parts.append(f'<path class="whisker" d="M{next(ends):.1f} {y}H{next(ends):.1f}"/>')
    for name, value in row.marks:
        parts.append(
            f'<circle class="real" cx="{_place(value, low, high):.1f}" cy="{y}" r="4">'
            f"<title>{escape(name)}</title></circle>"
        )
    parts.append(f'<circle class="made" cx="{_place(row.value, low, high):.1f}" cy="{y}" r="4"/>')
    return parts


def _place(value: float, low: float, high: float) -> float:
    return 6 + min(max((value - low) / (high - low), 0), 1) * (WIDTH - 12)


def share_bar(made: float, real: float, top: float, label: str) -> str:
    """Two thin bars, made over real, out of `top`."""
    width = 100
    parts = [
        f'<rect class="{kind}" x="0" y="{y}" width="{value / (top or 1) * width:.1f}" height="5"/>'
        for kind, y, value in (("made", 1, made), ("real", 8, real))
    ]
    return (
        f'<svg class="mini" viewBox="0 0 {width} 14" role="img" aria-label="{escape(label)}">'
        f"{''.join(parts)}</svg>"
    )


def _text(x: float, y: float, text: str, anchor: str) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(text)}</text>'


def _svg(parts: Sequence[str], height: float, label: str) -> str:
    return (
        f'<svg class="plot" viewBox="0 0 {WIDTH} {height:.0f}" role="img" '
        f'aria-label="{escape(label)}">{"".join(parts)}</svg>'
    )
