"""What is measured of a trained variant, on scenes that it has not seen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from ablations.released import by_nearest_word, by_signs, invalid, signs
from ablations.sampling import Sampling, denoiser, draw, start_noise
from ablations.tasks import Ablation
from ablations.variants import SIZE
from pandiff.codec import PanopticCodec
from pandiff.diffusion import NUM_LEVELS
from pandiff.evaluation.adherence import categories_present, counts_exact
from pandiff.evaluation.distances import frechet_distance, kernel_distance
from pandiff.evaluation.features import SegmenterFeatures
from pandiff.evaluation.scenes_report import Subject, subjects
from pandiff.evaluation.score import MapScores
from pandiff.evaluation.segmenter import load_segmenter, segment
from pandiff.models.encoders import decode_latents, encode_pixels, to_images, to_pixels
from pandiff.panoptic import PanopticMap

SEEN = 128
"""Side of the images that the segmenter was trained on; what is judged is enlarged to it."""
STEPS = {"found": 10, "made": 12}
ONE_STEP = (300, 500, 800)
"""Map levels from which the map is estimated at once, the image given."""
SIGNAL = (0.8, 0.35, 0.03)
"""Squared signal of the noisy images whose error is measured."""

Numbers = dict[str, float]


@dataclass(frozen=True)
class Judge:
    """Unseen scenes, and the independent segmenter with the features of other scenes.

    Attributes:
        asked: the scenes that are asked for, given, or compared with.
        vae: of the variants.
        references: number of other scenes.
    """

    asked: list[Subject]
    vae: Any
    references: int

    @cached_property
    def network(self) -> Any:
        return load_segmenter()

    @cached_property
    def latents(self) -> Tensor:
        """(N, C, h, w): of the scenes."""
        return self._latents([s.image for s in self.asked])

    @cached_property
    def reference(self) -> np.ndarray:
        """Features of other scenes, through the VAE."""
        n = len(self.asked)
        others = [s.image for s in subjects(n + self.references, SIZE)[n:]]
        return self.features(self.images(self._latents(others)))

    @torch.inference_mode()
    def _latents(self, images: Sequence[Image.Image]) -> Tensor:
        pixels = torch.stack([to_pixels(image) for image in images])
        return torch.cat([encode_pixels(self.vae, p) for p in pixels.split(32)])

    @torch.inference_mode()
    def images(self, latents: Tensor) -> list[Image.Image]:
        """Latents to images."""
        parts = latents.split(32)
        return [image for p in parts for image in to_images(decode_latents(self.vae, p))]

    def features(self, images: Sequence[Image.Image]) -> np.ndarray:
        """(N, D) features of the segmenter."""
        space, large = SegmenterFeatures(self.network), enlarged(images)
        return np.concatenate([space(large[k : k + 16]) for k in range(0, len(large), 16)])

    def distances(self, images: Sequence[Image.Image]) -> Numbers:
        """Frechet and kernel distance of images to the references."""
        found = self.features(images)
        return {
            "frechet": frechet_distance(self.reference, found),
            "kernel": kernel_distance(self.reference, found),
        }

    def agreement(self, images: Sequence[Image.Image], maps: Sequence[PanopticMap]) -> Numbers:
        """PQ of maps against what the segmenter sees in the images."""
        seen = segment(self.network, enlarged(images))
        return quality(seen, [m.resize((SEEN, SEEN)) for m in maps])


def enlarged(images: Sequence[Image.Image]) -> list[Image.Image]:
    """Images at the size that the segmenter was trained on."""
    return [image.resize((SEEN, SEEN), Image.Resampling.BICUBIC) for image in images]


def quality(references: Sequence[PanopticMap], predicted: Sequence[PanopticMap]) -> Numbers:
    """PQ and RQ, mIoU, MCD and count error of maps."""
    scores = MapScores(references[0].taxonomy)
    for pair in zip(references, predicted, strict=True):
        scores.add(*pair)
    found = scores.metrics()
    pq = found["pq"]
    return {
        **{name: pq[name]["pq"] for name in ("all", "things", "stuff")},
        "rq_things": pq["things"]["rq"],
        **{name: found[name] for name in ("miou", "mcd", "count_error")},
    }


def rendered(judge: Judge) -> dict[str, Numbers]:
    """The ceiling of each number, by the scenes themselves, and its floor, by shuffled pairs."""
    through = judge.images(judge.latents)
    maps = [s.panoptic for s in judge.asked]
    return {
        "together": judge.agreement(through, maps) | judge.distances(through),
        "shuffled": judge.agreement(through, [*maps[1:], *maps[:1]]),
        "mcd": quality(maps, [*maps[1:], *maps[:1]]),
    }


def measure(task: Ablation, judge: Judge) -> dict[str, Any]:
    """All that a variant was trained for; a section for each kind of number."""
    patterns, sections = task.config.patterns, {}
    if task.config.map_weight:
        sections["coding"] = ceiling(task.codec, _cells(task), judge)
    if patterns.image_given:
        sections |= found_sections(task, judge)
    if patterns.joint:
        sections |= together_sections(task, judge)
    if patterns.image_alone:
        sections["alone"] = judge.distances(alone(task, judge))
    if patterns.joint or patterns.image_alone:
        sections["error"] = image_errors(task, judge)
    return sections


def ceiling(codec: PanopticCodec, cells: int, judge: Judge) -> Numbers:
    """What is left of the true maps when they are written and read, with no network between."""
    maps = [s.panoptic for s in judge.asked]
    kept = [codec.decode(codec.encode(m, (cells, cells)), m.size) for m in maps]
    return quality(maps, kept)


def found_sections(task: Ablation, judge: Judge) -> dict[str, Any]:
    """Image -> map: sampled, at once from noisy maps, and read by other decoders."""
    maps, empty = [s.panoptic for s in judge.asked], [""] * len(judge.asked)
    how = Sampling(STEPS["found"])
    values = _maps(task, draw(task, empty, how, image=judge.latents))
    read = task.codec.decode_batch(values, (SIZE, SIZE))
    sections: dict[str, Any] = {"found": quality(maps, read)}
    if task.map_noise != 1:
        loud = draw(task, empty, replace(how, map_noise=task.map_noise), image=judge.latents)
        again = task.codec.decode_batch(_maps(task, loud), (SIZE, SIZE))
        sections["found_matched"] = quality(maps, again)
    for level in ONE_STEP:
        sections[f"at_once_{level}"] = at_once(task, judge, level)
    for name, decode in (("signs", by_signs), ("nearest", by_nearest_word)):
        plain = [decode(task.codec, v).resize((SIZE, SIZE)) for v in values]
        sections[f"found_{name}"] = quality(maps, plain)
    wrong = [invalid(task.codec, signs(task.codec, v)).mean() for v in values]
    sections["found_signs"]["invalid"] = float(np.mean(wrong))
    return sections


def at_once(task: Ablation, judge: Judge, level: int) -> Numbers:
    """Image -> map by one step, from the true map under the noise of a level."""
    clean = task.layout.join(judge.latents, _true_maps(task, judge))
    t = torch.full((len(clean), 2), level)
    estimate = _estimate(task, clean, t, image=judge.latents)
    maps = task.codec.decode_batch(_maps(task, estimate), (SIZE, SIZE))
    return quality([s.panoptic for s in judge.asked], maps)


def together_sections(task: Ablation, judge: Judge) -> dict[str, Any]:
    """Image and map from prompts: whether they agree, keep to the prompt, look like scenes."""
    z = draw(task, [s.caption.text for s in judge.asked], Sampling(STEPS["made"]))
    images = judge.images(task.layout.unpack(z)[0])
    maps = task.codec.decode_batch(_maps(task, z), (SIZE, SIZE))
    kept = [categories_present(s.caption, m) for s, m in zip(judge.asked, maps, strict=True)]
    counts = [counts_exact(s.caption, m) for s, m in zip(judge.asked, maps, strict=True)]
    stated = [c.all_hold for c in counts if c.made]
    truth = [s.panoptic for s in judge.asked]
    return {
        "together": judge.agreement(images, maps) | judge.distances(images),
        "shuffled": judge.agreement(images, [*maps[1:], *maps[:1]]),
        "prompt": {
            "mcd": quality(truth, maps)["mcd"],
            "mcd_shuffled": quality([*truth[1:], *truth[:1]], maps)["mcd"],
            "categories": sum(c.held for c in kept) / sum(c.made for c in kept),
            "counts": sum(stated) / max(1, len(stated)),
        },
    }


def image_errors(task: Ablation, judge: Judge) -> Numbers:
    """Mean squared error of the image's estimate: the map hidden, noisy alike, or given.

    The same images under the same noise, of equal signal in every variant.
    """
    values = _true_maps(task, judge)
    clean = task.layout.join(judge.latents, values)
    prompts = [s.caption.text for s in judge.asked]
    levels = [int((task.schedules.image.alpha_bars - s).abs().argmin()) for s in SIGNAL]

    def error(other: int | None, **given: Tensor) -> float:
        parts = []
        for level in levels:
            t = torch.tensor([[level, level if other is None else other]]).expand(len(clean), 2)
            z = _estimate(task, clean, t, prompts=prompts, **given)
            parts.append((task.layout.split(z)[0] - judge.latents).square().mean().item())
        return float(np.mean(parts))

    patterns, errors = task.config.patterns, {}
    if patterns.image_alone:
        errors["hidden"] = error(NUM_LEVELS)
    if patterns.joint:
        errors["alike"] = error(None)
    if patterns.map_given:
        errors["given"] = error(0, panoptic=values)
    return errors


@torch.inference_mode()
def _estimate(
    task: Ablation,
    clean: Tensor,
    t: Tensor,
    *,
    prompts: Sequence[str] | None = None,
    **given: Tensor,
) -> Tensor:
    """The denoiser's answer to noisy states, in one step."""
    noise = start_noise(task, range(len(clean)), task.map_noise)
    alpha, sigma = (task.layout.per_stream(c) for c in task.schedules.coefficients(t))
    x = alpha * clean + sigma * noise
    context = task.text.encode(task.text.tokenize(list(prompts or [""] * len(clean))))
    made = []
    for k in range(0, len(clean), 32):
        part = slice(k, k + 32)
        held = {name: value[part] for name, value in given.items()}
        ask = denoiser(task, x[part], **held)
        made.append(ask(x[part], t[part], context[part]))
    return torch.cat(made)


def alone(task: Ablation, judge: Judge) -> list[Image.Image]:
    """Images from prompts, the map hidden."""
    prompts = [s.caption.text for s in judge.asked]
    z = draw(task, prompts, Sampling(STEPS["made"]), map_hidden=True)
    return judge.images(task.layout.unpack(z)[0])


def _true_maps(task: Ablation, judge: Judge) -> Tensor:
    """(N, C_m, r h, r w): the true maps, written."""
    size = (_cells(task), _cells(task))
    return torch.stack([task.codec.encode(s.panoptic, size) for s in judge.asked])


def _cells(task: Ablation) -> int:
    """Side of the map."""
    return task.network.config.sample_size * task.config.ratio


def _maps(task: Ablation, z: Tensor) -> Tensor:
    return task.layout.unpack(z)[1]
