"""The arguments of a call: brought to one for each sample, and checked before any work."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from numbers import Integral, Real
from typing import Any

import torch

from pandiff.diffusion import NUM_LEVELS
from pandiff.errors import InputError
from pandiff.panoptic import PanopticMap
from pandiff.taxonomy import Taxonomy


def prompts_for(prompt: str | Sequence[str], each: int) -> list[str]:
    """The prompt of each sample."""
    one = isinstance(prompt, str) or not isinstance(prompt, Iterable)
    prompts = [prompt] if one else list(prompt)
    odd = [p for p in prompts if not isinstance(p, str)]
    if odd or not prompts:
        got = type(odd[0]).__name__ if odd else "none"
        raise InputError("at least one prompt, a string", got, 'pass a prompt, "" for a free one')
    if not isinstance(each, Integral) or each < 1:
        raise InputError("a whole num_images_per_prompt of 1 or more", str(each), "1 is usual")
    return [p for p in prompts for _ in range(each)]


def spread(value: Any, n: int, each: int, what: str, kind: type | tuple[type, ...]) -> list[Any]:
    """A value for each of n samples, of one for all or one for each prompt; None is no value."""
    one = isinstance(value, str) or not isinstance(value, Sequence)
    values = [value] * (n // each) if one else list(value)
    odd = [type(v).__name__ for v in values if v is not None and not isinstance(v, kind)]
    if odd:
        first = kind[0] if isinstance(kind, tuple) else kind
        raise InputError(f"a {first.__name__} as {what}", odd[0], "convert it")
    if len(values) * each != n:
        raise InputError(f"a {what} for each of {n // each} prompts", str(len(values)), "pass one")
    return [v for v in values for _ in range(each)]


def check(
    steps: int,
    tries: int,
    output_type: str,
    strengths: Sequence[float | None],
    images: Sequence[Any],
) -> None:
    """InputError if one of these makes no sense."""
    if not isinstance(steps, Integral) or not 1 <= steps <= NUM_LEVELS:
        raise InputError(
            f"whole num_inference_steps in 1..{NUM_LEVELS}", repr(steps), "20 is usual"
        )
    if not isinstance(tries, Integral) or tries < 1:
        raise InputError("a whole number of tries, 1 or more", str(tries), "16 are many")
    if output_type not in ("pil", "pt", "latent"):
        raise InputError("output_type pil, pt or latent", repr(output_type), "choose one")
    for strength, image in zip(strengths, images, strict=True):
        if strength is not None and not 0 < strength <= 1:
            raise InputError("a strength above 0 and up to 1", str(strength), "0.6 is usual")
        if strength not in (None, 1) and image is None:
            remedy = "pass image=, or a list of strengths with None for what is not varied"
            raise InputError("an image to vary with strength", "none", remedy)


def guidance_pair(scale: float | Sequence[float]) -> tuple[float, float]:
    """The weights of the prompt for image and map, of one for both or a pair."""
    pair = tuple(scale) if isinstance(scale, (list, tuple)) else (scale, scale)
    if len(pair) != 2 or not all(isinstance(one, Real) for one in pair):
        raise InputError(
            "a number as guidance_scale, or two, for image and map", repr(scale), "2 is usual"
        )
    return float(pair[0]), float(pair[1])


def in_model_taxonomy(panoptic: PanopticMap | None, ours: Taxonomy) -> PanopticMap | None:
    """The map in the model's taxonomy, from which its own may differ in what is for drawing.

    Raises:
        InputError: if it differs in more; names a category.
    """
    if panoptic is None or panoptic.taxonomy == ours:
        return panoptic
    theirs = panoptic.taxonomy.categories
    known = {(c.id, c.name, c.isthing) for c in ours.categories}
    odd = [c for c in theirs if (c.id, c.name, c.isthing) not in known]
    if odd or len(theirs) < len(known):
        got = f"category {odd[0].id} {odd[0].name!r} of another" if odd else "a part of it"
        raise InputError(
            f"a map in the model's taxonomy ({', '.join(c.name for c in ours.categories)})",
            got,
            "build the map with pipe.taxonomy",
        )
    return replace(panoptic, taxonomy=ours)


def generators_for(
    generator: torch.Generator | Sequence[torch.Generator] | None, n: int
) -> list[torch.Generator]:
    """A generator for each sample."""
    some = generator if isinstance(generator, Sequence) else [generator]
    odd = [type(g).__name__ for g in some if not isinstance(g, (torch.Generator, type(None)))]
    if odd:
        raise InputError("a torch.Generator", odd[0], "torch.Generator().manual_seed(0)")
    if isinstance(generator, Sequence):
        if len(generator) != n:
            raise InputError(f"{n} generators", str(len(generator)), "pass one for each sample")
        return list(generator)
    device = generator.device if generator is not None else "cpu"
    seeds = torch.randint(2**62, (n,), generator=generator, device=device)
    return [torch.Generator(device).manual_seed(int(s)) for s in seeds]
