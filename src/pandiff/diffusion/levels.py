"""Which noise levels training draws: one network for every direction."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from pandiff.diffusion.schedule import NUM_LEVELS
from pandiff.state import StateLayout

PATTERNS = (
    "joint",  # (s, s): text -> image and map
    "map_given",  # (s, 0): map -> image
    "image_given",  # (0, s): image -> map
    "part_given",  # (s, s), some cells of either stream clean
    "image_alone",  # (s, T): the image without its map
    "independent",  # (s, u): any two levels
)


@dataclass(frozen=True)
class PatternWeights:
    """Share of each level pattern in training; they are normalised to one."""

    joint: float = 0.46
    map_given: float = 0.14
    image_given: float = 0.16
    part_given: float = 0.12
    image_alone: float = 0.04
    independent: float = 0.08

    def tensor(self) -> Tensor:
        return torch.tensor([float(getattr(self, name)) for name in PATTERNS])


@dataclass(frozen=True)
class Levels:
    """What one training batch draws.

    Attributes:
        pattern: (B,) index into PATTERNS.
        t: (B, 2) integer levels of image and map.
        known: (B, known_channels, h, w) float mask of the clean cells.
    """

    pattern: Tensor
    t: Tensor
    known: Tensor


def draw_levels(
    layout: StateLayout,
    shape: tuple[int, int, int],
    weights: PatternWeights,
    generator: torch.Generator,
    joint_shift: float = 1.0,
) -> Levels:
    """Draw patterns, levels and known masks for a batch of shape (B, h, w).

    Levels are stratified over the batch (Kingma et al. 2021, arXiv 2107.00630), 1..NUM_LEVELS.
    Above 1, `joint_shift` moves those of the pattern "joint" up: what a prompt decides, which
    things there are and where, is decided at high levels. At 15, 62 % are above 0.9.
    """
    batch, h, w = shape
    pattern = torch.multinomial(weights.tensor(), batch, replacement=True, generator=generator)
    s, u = _stratified(batch, generator), _stratified(batch, generator)
    is_ = {name: pattern == k for k, name in enumerate(PATTERNS)}
    s = torch.where(is_["joint"], _shifted(s, joint_shift), s)
    image, panoptic = s.clone(), s.clone()
    image[is_["image_given"]] = 0
    panoptic[is_["map_given"]] = 0
    panoptic[is_["image_alone"]] = NUM_LEVELS
    panoptic[is_["independent"]] = u[is_["independent"]]
    known = _known(layout, (batch, h, w), is_, generator)
    return Levels(pattern, torch.stack([image, panoptic], dim=1), known)


def _stratified(batch: int, generator: torch.Generator) -> Tensor:
    """(batch,) levels 1..NUM_LEVELS, spread evenly, in random order."""
    order = torch.randperm(batch, generator=generator)
    u = (order + torch.rand(batch, generator=generator)) / batch
    return (u * NUM_LEVELS).long().clamp(max=NUM_LEVELS - 1) + 1


def _shifted(levels: Tensor, shift: float) -> Tensor:
    """Levels 1..NUM_LEVELS moved up for a shift above 1 (Esser et al. 2024, arXiv 2403.03206)."""
    share = levels / NUM_LEVELS
    moved = shift * share / (1 + (shift - 1) * share)
    return (moved * NUM_LEVELS).round().long().clamp(1, NUM_LEVELS)


def _known(
    layout: StateLayout, shape: tuple[int, int, int], is_: dict[str, Tensor], g: torch.Generator
) -> Tensor:
    """The masks: whole streams, or for `part_given` a part of one stream or of both.

    As edits do, half of the masks that free a region of both give the map's core of it, and some
    give a part of the image and all of the map.
    """
    batch, h, w = shape
    image = is_["image_given"].float()[:, None, None, None].expand(batch, 1, h, w).clone()
    panoptic = is_["map_given"].float()[:, None, None, None]
    panoptic = panoptic.expand(batch, 1, h * layout.ratio, w * layout.ratio).clone()
    part, core = _parts(batch, h, w, g)
    which = torch.randint(4, (batch,), generator=g)  # a part of the map, the image, both; 3 below
    cored = (which == 2) & (torch.rand(batch, generator=g) < 0.5)
    on_map = torch.maximum(part, core * cored[:, None, None, None])
    on_map[which == 3] = 1  # all of it, and a part of the image
    fine = on_map.repeat_interleave(layout.ratio, 2).repeat_interleave(layout.ratio, 3)
    some = is_["part_given"]
    in_image, in_map = some & (which > 0), some & (which != 1)
    image[in_image], panoptic[in_map] = part[in_image], fine[in_map]
    return layout.join_known(image, panoptic)


def _parts(batch: int, h: int, w: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Masks (batch, 1, h, w): 1 on a part, and on the middle of it.

    A part is a box or an ellipse of 1/4 to 3/4 of each side, or what is outside of it.
    """
    u = torch.rand(6, batch, 1, 1, generator=generator)

    def from_middle(n: int, position: Tensor, share: Tensor) -> Tensor:
        length = (0.25 + 0.5 * share) * n
        middle = position * (n - length) + length / 2
        return (torch.arange(n) + 0.5 - middle) / (length / 2)

    down = from_middle(h, u[0], u[1]).transpose(1, 2).abs()
    across = from_middle(w, u[2], u[3]).abs()
    box, ellipse = torch.maximum(down, across), torch.hypot(down, across)
    some = (ellipse <= 1).flatten(1).any(dim=1)[:, None, None]  # not where cells are wide
    distance = torch.where((u[5] < 0.5) & some, ellipse, box)
    part = torch.where(u[4] < 0.3, distance <= 1, distance > 1)
    ring = ((distance > 0.5) & (distance <= 1)).flatten(1).any(dim=1)[:, None, None]
    return part.float()[:, None], ((distance <= 0.5) & ring).float()[:, None]
