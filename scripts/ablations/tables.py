"""Tables of docs/experiments.md: a mean over seeds with its range, a row for each variant."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Result = Mapping[str, Any]
Results = Mapping[str, Sequence[Result]]
"""The results of each variant, a seed each."""
ABSENT = "-"


@dataclass(frozen=True)
class Column:
    """A number of the results.

    Attributes:
        title: head of the column.
        read: the number of one result; KeyError where it was not measured.
        digits: behind the point.
    """

    title: str
    read: Callable[[Result], float]
    digits: int = 3


def of(section: str, name: str, title: str, digits: int = 3) -> Column:
    """A measured number."""
    return Column(title, lambda r: r["measures"][section][name], digits)


def training(name: str, title: str, digits: int = 0) -> Column:
    """A number of the training."""
    return Column(title, lambda r: r["training"][name], digits)


@dataclass(frozen=True)
class Table:
    """A question.

    Attributes:
        rows: variants by name, with what they are called here.
        columns: of each.
    """

    rows: Mapping[str, str]
    columns: Sequence[Column]

    def text(self, results: Results) -> str:
        """As markdown; a variant without results has dashes."""
        heads = ["variant", "seeds", *(c.title for c in self.columns)]
        lines = [_line(heads), "|---" * len(heads) + "|"]
        for name, title in self.rows.items():
            some = results.get(name, ())
            cells = [_cell(column, some) for column in self.columns]
            lines.append(_line([title, str(len(some)), *cells]))
        return "\n".join(lines)


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _cell(column: Column, results: Sequence[Result]) -> str:
    """Mean, and the lowest and highest of several seeds where they differ."""
    values = []
    for result in results:
        try:
            values.append(column.read(result))
        except KeyError:
            return ABSENT
    if not values:
        return ABSENT
    mean, low, high = (
        f"{v:.{column.digits}f}" for v in (sum(values) / len(values), min(values), max(values))
    )
    return mean if low == high else f"{mean} ({low} to {high})"


FOUND = (
    of("found", "all", "PQ"),
    of("found", "things", "things"),
    of("found", "stuff", "stuff"),
    of("found", "miou", "mIoU"),
)
COST = (training("parameters", "M parameters", 2), training("milliseconds", "ms a step"))

TABLES = {
    "patching": Table(
        {
            "baseline": "multi-scale, 32 x 32",
            "single": "single, 32 x 32",
            "multi-64": "multi-scale, 64 x 64",
            "single-64": "single, 64 x 64",
        },
        (
            *FOUND,
            of("at_once_500", "all", "PQ from level 500"),
            of("at_once_500", "things", "its things"),
            *COST,
        ),
    ),
    "patch-sizes": Table(
        {
            "patch-8px": "8 px, 64 tokens a stream",
            "baseline": "16 px, 16 tokens",
            "patch-32px": "32 px, 4 tokens",
        },
        (*FOUND, of("at_once_500", "things", "things from level 500"), *COST),
    ),
    "instances": Table(
        {
            "baseline": "offsets and colours",
            "offsets": "offsets",
            "colors": "four colours",
            "ids-raster": "ids in raster order",
            "ids-shuffled": "shuffled ids",
            "semantic": "none: parts of a category",
        },
        (
            of("coding", "things", "ceiling, things"),
            of("found", "things", "PQ of things"),
            of("found", "rq_things", "RQ of things"),
            of("found", "stuff", "stuff"),
            of("found", "count_error", "count error", 2),
            *(of(f"at_once_{k}", "things", f"things from level {k}") for k in (300, 500, 800)),
        ),
    ),
    "noise": Table(
        {"baseline": "one schedule (ours)", "mismatched": "2 in training, 1 at the start"},
        (
            *FOUND,
            of("found_matched", "all", "PQ, started from 2"),
            of("found_matched", "things", "its things"),
        ),
    ),
    "decoders": Table(
        {"baseline": "baseline", "single": "single-scale", "semantic": "category bits alone"},
        (
            of("found", "all", "ours: nearest word, neighbours, specks"),
            of("found_nearest", "all", "nearest word"),
            of("found_signs", "all", "signs"),
            of("found_signs", "invalid", "cells without a category"),
        ),
    ),
    "generation": Table(
        {
            "image-only": "image only",
            "together": "image and map together",
            "unified": "unified, all directions",
            "u-vit": "U-ViT, image only: the backbone",
            "two-stream": "two-stream on it",
        },
        (
            of("alone", "frechet", "FD, map hidden", 1),
            of("together", "frechet", "FD, together", 1),
            of("error", "hidden", "image error, map hidden", 4),
            of("error", "alike", "noisy alike", 4),
            of("error", "given", "given", 4),
            training("milliseconds", "ms a step"),
        ),
    ),
    "alignment": Table(
        {"together": "image and map together", "unified": "unified", "two-stream": "two-stream"},
        (
            of("together", "all", "agreement, PQ"),
            of("shuffled", "all", "of shuffled pairs"),
            of("together", "stuff", "agreement, stuff"),
            of("shuffled", "stuff", "of shuffled pairs"),
            of("prompt", "mcd", "MCD", 2),
            of("prompt", "mcd_shuffled", "to another scene", 2),
            of("prompt", "categories", "categories", 2),
            of("prompt", "counts", "counts", 2),
            of("found", "all", "image -> map, PQ"),
        ),
    ),
    "rendered": Table(
        {"rendered": "rendered scenes, through the VAE"},
        (
            of("together", "all", "agreement, PQ"),
            of("shuffled", "all", "of shuffled pairs"),
            of("together", "stuff", "agreement, stuff"),
            of("shuffled", "stuff", "of shuffled pairs"),
            of("mcd", "mcd", "MCD to another scene", 2),
            of("together", "frechet", "FD", 1),
        ),
    ),
}


def fill(page: str, results: Results) -> str:
    """The page with every `<!-- table NAME -->` ... `<!-- end -->` filled anew."""

    def table(match: re.Match[str]) -> str:
        return f"{match[1]}\n{TABLES[match[2]].text(results)}\n\n{match[3]}"

    return re.sub(r"(<!-- table (\S+) -->).*?(<!-- end -->)", table, page, flags=re.DOTALL)
