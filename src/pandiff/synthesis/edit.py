"""Edits of an image and its map together: remove, add, replace, redo."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
from scipy.ndimage import binary_dilation, binary_erosion

from pandiff.building import Box, category_of, from_boxes
from pandiff.errors import InputError
from pandiff.panoptic import PanopticMap, Segment
from pandiff.pipeline import Known
from pandiff.taxonomy import Category

MARGIN = 1 / 24
"""How far around a segment an edit reaches, in longer sides of the image."""
OUTLINE = 1 / 64
"""Width of the outline of a thing, of which the image shows more than the map, likewise."""

CORE, ROOM = 0.6, 1.45
"""The ellipses in a thing's box that it surely fills, and that it may fill, in sides of the box."""


@dataclass(frozen=True, eq=False)
class Edit:
    """What an edit keeps, and what it wants.

    Attributes:
        map: the layout, changed where the edit says so.
        known: what of layout and image is kept.
        prompt: what the region should show, if nothing else is said.
        negative_prompt: what it should not show.
        before: the map that was edited, if what is the same after the edit keeps its pixels; None
            if all of the region is made anew.
        gone: (H, W) bool, what keeps none, whatever is there after the edit.
        wanted: id of the segment that the edit brings or makes anew, if it does.
        others: the same edit in other shapes, for further tries.
        shaped: makes the same edit with a silhouette of the new thing given, (h, w) bool, scaled
            to its box and put on its foot; None if it brings no new thing.
    """

    map: PanopticMap
    known: Known
    prompt: str = ""
    negative_prompt: str = ""
    before: PanopticMap | None = None
    gone: np.ndarray | None = None
    wanted: int | None = None
    others: tuple[Edit, ...] = ()
    shaped: Callable[[np.ndarray], Edit] | None = None

    @property
    def kind(self) -> Category | None:
        """The category of the segment that the edit brings or makes anew."""
        if self.wanted is None:
            return None
        return self.map.taxonomy.by_id(self.map[self.wanted].category_id)

    @property
    def kept(self) -> np.ndarray:
        """(H, W) bool: the pixels of the image that are known."""
        assert self.known.image is not None  # every edit of this module says it
        return self.known.image

    def changed(self, after: PanopticMap) -> np.ndarray:
        """(H, W) bool: where the image is another after the edit, given the map that was made.

        All of the region, or what the two maps tell: other categories, other things, and what
        is gone; with outlines, and with the shadows of new things.
        """
        if self.before is None or self.gone is None:
            return ~self.kept
        other = self.gone | ~_alike(self.before, after)
        new = [s for s in _things(after) if (other & after.mask(s.id)).sum() > s.area / 2]
        for thing in new:
            other = other | _shadow(after, thing)
        return np.asarray(binary_dilation(other, iterations=_outline(self.kept)) & ~self.kept)


def remove(panoptic: PanopticMap, segment_id: int) -> Edit:
    """Take a segment away; what lies behind it, and the ground in its shadow, is invented."""
    segment = _segment(panoptic, segment_id)
    category = panoptic.taxonomy.by_id(segment.category_id)
    mask = panoptic.mask(segment_id)
    free, gone = _around(mask), mask | _shadow(panoptic, segment)
    return Edit(
        panoptic,
        Known(~free, ~(free | gone)),
        negative_prompt=f"a {category.name}",
        before=panoptic,
        gone=gone,
    )


def redo(panoptic: PanopticMap, region: np.ndarray) -> Edit:
    """Invent a region anew; region: (H, W) bool."""
    return Edit(panoptic, Known(~region, ~region))


def redo_segment(panoptic: PanopticMap, segment_id: int) -> Edit:
    """Invent a segment anew, of its own category: its core is given."""
    segment = _segment(panoptic, segment_id)
    mask = panoptic.mask(segment_id)
    free, core = _around(mask), _core(mask)
    name = panoptic.taxonomy.by_id(segment.category_id).name
    known = Known(~free | core, ~free)
    prompt = f"a {name}"
    return Edit(panoptic, known, prompt, before=panoptic, gone=mask, wanted=segment_id)


def add(panoptic: PanopticMap, category: str, box: Box) -> Edit:
    """Put a thing into a box (x, y, width, height): its core is given, its outline invented."""
    kind = category_of(category, panoptic.taxonomy)
    region = from_boxes([box], [kind.id], panoptic.size, panoptic.taxonomy).labelled
    made = partial(_added, panoptic, kind, region)
    core = _ellipse(panoptic.size, box, CORE)
    if not kind.isthing:
        return made(core)

    def shaped(silhouette: np.ndarray) -> Edit:
        shape = _placed(silhouette, box, panoptic.size)
        return made(shape, _outlined(shape))

    return dataclasses.replace(made(core), shaped=shaped)


def _added(
    panoptic: PanopticMap,
    kind: Category,
    region: np.ndarray,
    core: np.ndarray,
    reach: np.ndarray | None = None,
) -> Edit:
    """A segment in a region, of which a core is given; reach: where it may be, if not all of it.

    Where the frame leaves nothing of the core, what it leaves of the region is given.
    """
    core = core if core.any() else region
    fresh = 1 + max([s.id for s in panoptic.segments], default=0)
    changed, new = _with(panoptic, np.where(core, fresh, panoptic.ids), fresh, kind)
    known = Known(~(region if reach is None else reach) | core, ~_around(region))
    prompt = f"a {kind.name}"
    return Edit(changed, known, prompt, before=panoptic, gone=core, wanted=new)


def replace(panoptic: PanopticMap, segment_id: int, category: str) -> Edit:
    """Make a segment another category; its core is given, its outline invented.

    A thing that replaces a thing need not have its shape: it is given the middle of a box on the
    same foot, as large as that of the old thing, and for further tries taller or wider.
    """
    segment = _segment(panoptic, segment_id)
    old = panoptic.taxonomy.by_id(segment.category_id)
    kind = category_of(category, panoptic.taxonomy)
    if kind.id == old.id:
        raise InputError("another category", repr(category), "redo invents it anew")
    if kind.isthing and old.isthing:
        x, y, w, h = segment.bbox
        side = max(w, h)
        sizes = [(w, h), (0.5 * side, side), (side, 0.6 * side)]
        boxes = [(x + (w - wide) / 2, y + h - high, wide, high) for wide, high in sizes]
        square, size = (x + (w - side) / 2, y + h - side, side, side), panoptic.size
        made = partial(_in_place_of, panoptic, segment, kind)
        first, *others = (
            made(_ellipse(size, box, CORE), _ellipse(size, box, ROOM)) for box in boxes
        )

        def shaped(silhouette: np.ndarray) -> Edit:
            shape = _placed(silhouette, square, size)
            return made(shape, _around(shape), _outlined(shape))

        return dataclasses.replace(first, others=tuple(others), shaped=shaped)
    mask = panoptic.mask(segment_id)
    free, core = _around(mask), _core(mask)
    changed, new = _with(panoptic, panoptic.ids, segment_id, kind)
    known, prompt = Known(~free | core, ~free), f"a {kind.name}"
    return Edit(changed, known, prompt, before=panoptic, gone=mask, wanted=new)


def _in_place_of(
    panoptic: PanopticMap,
    segment: Segment,
    kind: Category,
    core: np.ndarray,
    room: np.ndarray,
    reach: np.ndarray | None = None,
) -> Edit:
    """A thing instead of another: a core is given, other things are left.

    The image is made anew in the room, too; reach: where the map is, all of that if None.
    """
    mask = panoptic.mask(segment.id)
    others = np.isin(panoptic.ids, [s.id for s in _things(panoptic) if s.id != segment.id])
    free = _around(mask) | (room & ~_outlined(others))
    core = core & free & ~others
    core = core if core.any() else mask
    changed, new = _with(panoptic, np.where(core, segment.id, panoptic.ids), segment.id, kind)
    gone = mask | (_shadow(panoptic, segment) & free)
    open_map = free if reach is None else free & (mask | reach)
    known, prompt = Known(~open_map | core, ~free), f"a {kind.name}"
    return Edit(changed, known, prompt, before=panoptic, gone=gone, wanted=new)


def _segment(panoptic: PanopticMap, segment_id: int) -> Segment:
    found = {s.id: s for s in panoptic.segments}
    if segment_id not in found:
        names = {s.id: panoptic.taxonomy.by_id(s.category_id).name for s in panoptic.segments}
        known = ", ".join(f"{i} {n}" for i, n in sorted(names.items()))
        raise InputError(f"a segment of the map ({known})", str(segment_id), "choose one")
    return found[segment_id]


def _margin(mask: np.ndarray) -> int:
    """How many pixels an edit of a map of this shape reaches."""
    return max(1, round(MARGIN * max(mask.shape)))


def _around(mask: np.ndarray) -> np.ndarray:
    """The mask and a margin around it."""
    return np.asarray(binary_dilation(mask, iterations=_margin(mask)))


def _core(mask: np.ndarray) -> np.ndarray:
    """The inner part of a mask, which settles what it is and not where it ends."""
    return np.asarray(binary_erosion(mask, iterations=max(1, _margin(mask) // 2)))


def _outline(mask: np.ndarray) -> int:
    """How many pixels of a map of this shape the outline of a thing is wide."""
    return max(1, round(OUTLINE * max(mask.shape)))


def _outlined(mask: np.ndarray) -> np.ndarray:
    """The mask and an outline around it."""
    return np.asarray(binary_dilation(mask, iterations=_outline(mask)))


def _things(panoptic: PanopticMap) -> list[Segment]:
    return [s for s in panoptic.segments if panoptic.taxonomy.by_id(s.category_id).isthing]


def _alike(one: PanopticMap, other: PanopticMap) -> np.ndarray:
    """(H, W) bool: where two maps hold the same stuff, or a thing of the same id and category."""
    stuff = ~one.taxonomy.isthing[one.category_index]
    return np.asarray(
        (one.category_index == other.category_index) & (stuff | (one.ids == other.ids))
    )


def _shadow(panoptic: PanopticMap, segment: Segment) -> np.ndarray:
    """(H, W) bool: where a thing casts its shadow, on the ground around the bottom of its box.

    The shadow is the ground's in the map, and would stay behind in the image. Other things, and
    what is close to them, are left alone. Stuff casts none.
    """
    if not panoptic.taxonomy.by_id(segment.category_id).isthing:
        return np.zeros(panoptic.ids.shape, bool)
    x, y, w, h = segment.bbox
    margin = MARGIN * max(panoptic.size)
    wide, high = 1.5 * w + 2 * margin, 0.2 * w + 2 * margin
    foot = _ellipse(panoptic.size, (x + w / 2 - wide / 2, y + h - high / 2, wide, high), 1.0)
    others = [s.id for s in _things(panoptic) if s.id != segment.id]
    return foot & ~_around(np.isin(panoptic.ids, others))


def _ellipse(size: tuple[int, int], box: Box, share: float) -> np.ndarray:
    """(H, W) bool: the ellipse in the middle of a box, of a share of its sides."""
    x, y, w, h = box
    rows, cols = np.ogrid[: size[1], : size[0]]
    across = (cols + 0.5 - x - w / 2) / (share * w / 2)
    down = (rows + 0.5 - y - h / 2) / (share * h / 2)
    return np.asarray(across**2 + down**2 <= 1)


def _placed(silhouette: np.ndarray, box: Box, size: tuple[int, int]) -> np.ndarray:
    """(H, W) bool: a silhouette as large as fits a box, in the middle of its foot."""
    x, y, w, h = box
    rows, cols = silhouette.shape
    scale = min(w / cols, h / rows)
    wide, high = (max(1, round(scale * side)) for side in (cols, rows))
    down, row = _stretched(size[1], float(round(y + h - high)), high, rows)
    across, col = _stretched(size[0], float(round(x + (w - wide) / 2)), wide, cols)
    shape = np.zeros((size[1], size[0]), bool)
    shape[np.ix_(down, across)] = silhouette[np.ix_(row, col)]
    return shape


def _stretched(side: int, start: float, length: int, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Where n things, stretched to a length, lie on a side: (side,) bool, and which is there."""
    at = (np.arange(side) + 0.5 - start) * (n / length)
    inside = (at > 0) & (at < n)
    return inside, at[inside].astype(int)


def _with(
    panoptic: PanopticMap, ids: np.ndarray, segment_id: int, kind: Category
) -> tuple[PanopticMap, int]:
    """The map on other pixels, one of its segments of another category; and that segment's id.

    Stuff becomes a part of the stuff of its category that is there.
    """
    categories = {s.id: s.category_id for s in panoptic.segments} | {segment_id: kind.id}
    crowds = [s.id for s in panoptic.segments if s.is_crowd and s.id != segment_id]
    alike = [i for i, c in categories.items() if c == kind.id and i not in (segment_id, *crowds)]
    new = alike[0] if alike and not kind.isthing else segment_id
    ids = np.where(ids == segment_id, new, ids)
    return PanopticMap.from_ids(ids, categories, panoptic.taxonomy, crowds=crowds), new
