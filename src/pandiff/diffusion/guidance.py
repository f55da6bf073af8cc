"""Guidance: a closure around a denoiser that asks it with and without a condition, in one batch."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from numbers import Real

import torch
from torch import Tensor

from pandiff.context import Context
from pandiff.diffusion.denoise import Denoise
from pandiff.diffusion.schedule import NUM_LEVELS
from pandiff.errors import InputError
from pandiff.state import StateLayout

Pair = tuple[float, float]


@dataclass(frozen=True)
class Guidance:
    """How strongly each condition is followed: 1 as the network was trained, 0 not at all.

    z_0 = c + sum_k (w_k - 1) (c - c_k), where c is the estimate with all conditions and c_k the one
    without condition k (Ho & Salimans 2022, arXiv 2207.12598; several conditions as in Brooks et
    al. 2023, arXiv 2211.09800).

    Attributes:
        text: weights of the text for image and map.
        image_prompt: weight of the image prompt, on both streams.
        map: weight of the map in the image: c_k sees pure noise in the place of the map.
        image: weight of the image in the map, likewise.
        interval: share of the noise levels, 0 clean to 1, at which all this acts; elsewhere the
            estimate is c (Kynkaanniemi et al. 2024, arXiv 2404.07724).
    """

    text: Pair = (3.0, 3.0)
    image_prompt: float = 1.0
    map: float = 1.0
    image: float = 1.0
    interval: Pair = (0.0, 1.0)

    def __post_init__(self) -> None:
        weights = (*self.text, self.image_prompt, self.map, self.image)
        odd = [w for w in weights if not isinstance(w, Real) or not math.isfinite(w)]
        if odd:
            raise InputError("a finite number as weight of guidance", repr(odd[0]), "1 is none")
        bounds = tuple(self.interval)
        if len(bounds) != 2 or not 0 <= bounds[0] <= bounds[1] <= 1:
            raise InputError(
                "a guidance interval of low <= high in 0..1", str(self.interval), "(0, 1) is all"
            )

    @classmethod
    def of_paper(cls, scale: float) -> Guidance:
        """Map guidance of the paper: c + s (c - 1/2 c[no text] - 1/2 c[no map]), on the image."""
        weight = 1 + scale / 2
        return cls(text=(weight, 1.0), map=weight)

    def beside(self, *, image: bool, panoptic: bool) -> Guidance:
        """The same where all samples are given a stream whole: what acts on it alone is left out.

        It would be asked of the network, and change nothing.
        """
        return replace(
            self,
            text=(1.0 if image else self.text[0], 1.0 if panoptic else self.text[1]),
            map=1.0 if image else self.map,
            image=1.0 if panoptic else self.image,
        )

    def acts_at(self, t: Tensor) -> Tensor:
        """(B,) bool, whether it acts at levels (B, 2); a stream that is given counts no level."""
        low, high = (bound * NUM_LEVELS for bound in self.interval)
        level = t.amax(1)
        return (level >= low) & (level <= high)


Branch = tuple[Tensor, Tensor, Context, "Tensor | None"]


def guided(
    denoise: Denoise,
    layout: StateLayout,
    null: Context,
    guidance: Guidance,
    noise: Tensor | None = None,
) -> Denoise:
    """The denoiser with guidance; the map is kept in [-1, 1].

    One call with a multiple of the batch, not several calls.

    Args:
        denoise: the denoiser to guide.
        layout: where the streams lie.
        null: context of the empty prompt, or of negative prompts; 1 row or B.
        guidance: the weights. With none but 1, `denoise` itself is returned.
        noise: (B, C, h, w) standard normal noise, what "no map" and "no image" see.
    """
    weights = _weights(guidance)
    if not weights:
        return denoise

    def call(x: Tensor, t: Tensor, context: Context, known: Tensor | None = None) -> Tensor:
        acts = guidance.acts_at(t)
        if not acts.any():
            return denoise(x, t, context, known)
        full: Branch = (x, t, context, known)
        without = [_without(name, full, layout, null, noise) for name in weights]
        estimate, *others = _ask(denoise, [full, *without])
        out = estimate
        for pair, other in zip(weights.values(), others, strict=True):
            factor = torch.tensor([pair], dtype=x.dtype, device=x.device) - 1
            out = out + layout.per_stream(factor * acts[:, None]) * (estimate - other)
        image, panoptic = layout.split(out)
        return torch.cat([image, panoptic.clamp(-1, 1)], dim=1)

    return call


def _weights(guidance: Guidance) -> dict[str, Pair]:
    """Weights on (image, map) of each condition that is not left as it is."""
    weights = {
        "text": guidance.text,
        "image_prompt": (guidance.image_prompt, guidance.image_prompt),
        "map": (guidance.map, 1.0),
        "image": (1.0, guidance.image),
    }
    return {name: pair for name, pair in weights.items() if pair != (1.0, 1.0)}


def _without(
    name: str, full: Branch, layout: StateLayout, null: Context, noise: Tensor | None
) -> Branch:
    """What the denoiser is asked without a condition."""
    x, t, context, known = full
    if name == "text":
        rows = null if len(null) == len(x) else null.expand(len(x))
        return x, t, Context(rows.text, rows.mask, rows.pooled, context.image), known
    if name == "image_prompt":
        return x, t, context.without_image(), known
    if noise is None:
        raise InputError(f"noise for guidance by the {name}", "none", "pass noise=")
    stream = int(name == "map")
    gone = torch.arange(2, device=x.device) == stream
    hidden = layout.per_stream(gone[None].to(x.dtype)).bool()
    if known is not None:
        part = torch.ones_like(known)
        (part[:, :1] if stream == 0 else part[:, 1:]).zero_()
        known = known * part
    return torch.where(hidden, noise, x), torch.where(gone, NUM_LEVELS, t), context, known


def _ask(denoise: Denoise, branches: list[Branch]) -> tuple[Tensor, ...]:
    """The denoiser's answer to each branch, by one call."""
    x, t, context, known = zip(*branches, strict=True)
    masks = None if known[0] is None else torch.cat(known)
    out = denoise(torch.cat(x), torch.cat(t), Context.cat(context), masks)
    return out.chunk(len(branches))
