"""Which of a prompt's claims hold in a map: categories are there, things in their numbers."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from pandiff.data.scenes import Caption
from pandiff.panoptic import PanopticMap, Segment


@dataclass(frozen=True)
class Claims:
    """How many claims a caption makes, and how many of them hold."""

    held: int
    made: int

    @classmethod
    def of(cls, held: Iterable[bool]) -> Claims:
        """The claims of which it is known one by one whether they hold."""
        each = list(held)
        return cls(sum(each), len(each))

    @property
    def all_hold(self) -> bool:
        return self.held == self.made


def categories_present(caption: Caption, panoptic: PanopticMap) -> Claims:
    """The mentioned categories that the map has."""
    return Claims.of(bool(segments_of(panoptic, name)) for name in caption.categories)


def counts_exact(caption: Caption, panoptic: PanopticMap) -> Claims:
    """The stated numbers of things that are exactly those of the map."""
    return Claims.of(len(segments_of(panoptic, name)) == n for name, n in caption.counts)


def share_held(caption: Caption, panoptic: PanopticMap) -> float | None:
    """Share of a caption's claims on categories and numbers that hold, 0..1; None without claims.

    Raises:
        InputError: if the taxonomy lacks a claimed category.
    """
    claims = [check(caption, panoptic) for check in (categories_present, counts_exact)]
    made = sum(c.made for c in claims)
    return sum(c.held for c in claims) / made if made else None


def segments_of(panoptic: PanopticMap, name: str) -> list[Segment]:
    """The segments of a category.

    Raises:
        InputError: if the taxonomy lacks it.
    """
    category = panoptic.taxonomy.by_name(name).id
    return [s for s in panoptic.segments if s.category_id == category]
