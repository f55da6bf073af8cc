"""How far do partial layouts, variations and negative prompts reach? The tables for docs/log.md.

    python scripts/measure_controls.py --model scenes --count 64 --out out/controls

On the first unseen scenes that have a thing, with 95 % bootstrap intervals. Parts of their maps
are given with a caption: whether these pixels come back, which must be all; and panoptic quality
(PQ) of what the independent segmenter sees in the images against the maps made, beside the same
without a layout, and of the scenes themselves. Things given as boxes are boxes in the map made:
part of their disagreement is asked for. Variations and negative prompts have no words beside; what
negative prompts for other kinds do to a kind tells how much is the guidance's own. Writes
controls.json and controls.png.
"""

from __future__ import annotations

import argparse
import json
import shlex
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass, is_dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from pandiff.draw import grid
from pandiff.evaluation.bootstrap import Estimate, estimate, ratio_of
from pandiff.evaluation.sampling import Sample, draw_samples
from pandiff.evaluation.scenes_report import Estimates, agreement, shuffled, subjects
from pandiff.evaluation.segmenter import load_segmenter, segment
from pandiff.models.segmenter import PanopticSegmenter
from pandiff.panoptic import PanopticMap
from pandiff.pipeline import PanopticDiffusionPipeline
from pandiff.synthesis.generate import sample_seed

STRENGTHS = (0.3, 0.5, 0.7, 0.9)
GUIDANCES = (2.0, 4.0)
NEGATIVES = {
    "a tree": "tree", "trees": "tree", "a house": "house", "houses": "house",
    "a person": "person", "people": "person", "mountains": "mountain",
}  # fmt: skip
"""Negative prompts, and the category that each names."""
ROWS, COLUMNS = 3, 5
"""Of the picture of each part."""


@dataclass(frozen=True, eq=False)
class Part:
    """A table, {row: {column: estimate}}, and the columns of its picture by their words."""

    table: dict[str, Estimates]
    shown: dict[str, list[Sample]]


@dataclass(frozen=True, eq=False)
class Bench:
    """What is measured and with what: a model, a segmenter, scenes with a caption each."""

    pipe: PanopticDiffusionPipeline
    judge: PanopticSegmenter
    scenes: list[Sample]
    captions: list[str]
    steps: int
    seed: int

    def make(self, words: Sequence[str], guidance: float = 2.0, **given: Any) -> list[Sample]:
        """A sample of each prompt and what is given with it; sample k from (seed, k)."""
        seeds = [sample_seed(self.seed, k) for k in range(len(words))]
        settings = {"steps": self.steps, "guidance_scale": guidance, "batch_size": len(words)}
        wholes = {f"{name}s": given.pop(name) for name in ("map", "image") if name in given}
        return draw_samples(self.pipe, words, seeds, options=given, **wholes, **settings)

    def agreement(self, made: Sequence[Sample]) -> Estimates:
        """PQ of the maps that the segmenter sees against those that stand with the images."""
        seen = segment(self.judge, [m.image for m in made])
        report = agreement([m.panoptic for m in made], seen).report()
        return {"PQ": report["all"], "PQ of things": report["things"]}


def mean(parts: Sequence[float], wholes: float | Sequence[float] = 1.0) -> Estimate:
    """Sum of the parts, one for each sample, over that of the wholes."""
    return estimate(ratio_of(np.array(parts), np.full(len(parts), wholes)), len(parts))


def kinds(panoptic: PanopticMap) -> set[int]:
    """The categories of the things of a map."""
    isthing = {c.id for c in panoptic.taxonomy.categories if c.isthing}
    return isthing & {s.category_id for s in panoptic.segments}


def half(panoptic: PanopticMap, rng: np.random.Generator) -> PanopticMap:
    """A half of a map, the rest void: left or right, or as often a wider box at that side."""
    across = rng.choice([0.5, rng.uniform(0.5, 1)])
    wide, high = round(across * panoptic.width), round(0.5 / across * panoptic.height)
    x, y = rng.choice([0, panoptic.width - wide]), rng.integers(panoptic.height - high + 1)
    known = np.zeros(panoptic.ids.shape, bool)
    known[y : y + high, x : x + wide] = True
    return panoptic.with_ids(np.where(known, panoptic.ids, 0))


def silhouettes(panoptic: PanopticMap, rng: np.random.Generator) -> PanopticMap:
    """The things of a map, the rest void."""
    mine = [s.id for s in panoptic.segments if s.category_id in kinds(panoptic)]
    return panoptic.with_ids(np.where(np.isin(panoptic.ids, mine), panoptic.ids, 0))


def boxes(panoptic: PanopticMap, rng: np.random.Generator) -> PanopticMap:
    """The boxes of the things, small ones on top."""
    mine = [s for s in panoptic.segments if s.category_id in kinds(panoptic)]
    mine.sort(key=lambda s: s.bbox[2] * s.bbox[3], reverse=True)
    named = [s.category_id for s in mine]
    return PanopticMap.from_boxes([s.bbox for s in mine], named, panoptic.size, panoptic.taxonomy)


def kept(given: PanopticMap, made: PanopticMap) -> int:
    """How many of the known pixels have their segment and category in a map."""
    same = (given.ids == made.ids) & (given.category_index == made.category_index)
    return int((same & given.labelled).sum())


def layouts(bench: Bench) -> Part:
    """Parts of the scenes' maps given: are they kept, do images and maps agree?"""
    table, shown = {}, {"a scene": bench.scenes}
    for name, of in {"a half": half, "things": silhouettes, "boxes of things": boxes}.items():
        rngs = [np.random.default_rng((bench.seed, k)) for k in range(len(bench.scenes))]
        given = [of(s.panoptic, rng) for s, rng in zip(bench.scenes, rngs, strict=True)]
        made = bench.make(bench.captions, map=given, known=[one.labelled for one in given])
        same = [kept(one, m.panoptic) for one, m in zip(given, made, strict=True)]
        exact = mean(same, [one.labelled.sum() for one in given])
        table[name] = {"kept": exact} | bench.agreement(made)
        shown[f"given: {name}"] = made
    shown["its caption alone"] = bench.make(bench.captions)
    table["no layout"] = bench.agreement(shown["its caption alone"])
    table["the scenes"] = bench.agreement(bench.scenes)
    return Part(table, shown)


def variations(bench: Bench) -> Part:
    """The scenes varied: what stays of them, do images and maps agree?"""
    nothing, images = [""] * len(bench.scenes), [s.image for s in bench.scenes]
    made = {f"strength {s}": bench.make(nothing, image=images, strength=s) for s in STRENGTHS}
    table = {k: likeness(bench.scenes, one) | bench.agreement(one) for k, one in made.items()}
    table["of another scene"] = likeness(bench.scenes, shuffled(list(made.values())[-1]))
    return Part(table, {"a scene": bench.scenes, **made})


def likeness(sources: Sequence[Sample], made: Sequence[Sample]) -> Estimates:
    """Mean absolute difference of pixels, 0..255; share of the kinds of things that come back."""
    pairs = list(zip(sources, made, strict=True))
    apart = [np.abs(np.asarray(a.image, float) - np.asarray(b.image)).mean() for a, b in pairs]
    found = [(kinds(a.panoptic), kinds(b.panoptic)) for a, b in pairs]
    back = mean([len(a & b) for a, b in found], [len(a) for a, _ in found])
    return {"pixels apart": mean(apart), "kinds of things": back}


def negatives(bench: Bench) -> Part:
    """Negative prompts alone: how many maps have what they name, with and without them?"""
    nothing = [""] * len(bench.scenes)
    free = bench.make(nothing)
    table, shown = {"none": bench.agreement(free)}, {"no prompt": free}
    for guidance in GUIDANCES:
        made = {w: bench.make(nothing, guidance, negative_prompt=w) for w in NEGATIVES}
        for words, some in made.items():
            found = bench.agreement(some) | lessened(free, made, words)
            table[f"not: {words}, {guidance:g}"] = found
        shown |= {f"not: {words}, {guidance:g}": some for words, some in made.items()}
    return Part(table, shown)


def lessened(free: Sequence[Sample], made: dict[str, list[Sample]], words: str) -> Estimates:
    """Share of maps that have what words name: without, with words for others, with these.

    And how much these lower it, seed by seed.
    """
    name = NEGATIVES[words]
    before, after = has(free, name), has(made[words], name)
    others = [has(some, name) for other, some in made.items() if NEGATIVES[other] != name]
    shares = {"without": before, "with others": np.mean(others, axis=0), "with": after}
    return {k: mean(v) for k, v in shares.items()} | {"difference": mean(after - before)}


def has(made: Sequence[Sample], name: str) -> np.ndarray:
    """(N,) 1 for each map that has a category, 0 for others."""
    category = made[0].panoptic.taxonomy.by_name(name).id
    return np.array([float(s.panoptic.count(category) > 0) for s in made])


PARTS = {"layouts": layouts, "variations": variations, "negatives": negatives}


def markdown(table: dict[str, Estimates]) -> str:
    """A table of estimates with their intervals."""
    columns = list(dict.fromkeys(column for row in table.values() for column in row))
    lines = ["| | " + " | ".join(columns) + " |", "|---" * (1 + len(columns)) + "|"]
    for name, row in table.items():
        found = [row.get(column) for column in columns]
        cells = [f"{e.value:.2f} ({e.low:.2f} to {e.high:.2f})" if e else "" for e in found]
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def picture(parts: Sequence[Part]) -> Image.Image:
    """The first samples of each part: images above their maps, the words below."""
    columns = [list(part.shown.items())[:COLUMNS] for part in parts]
    cells = [(words, some[k]) for one in columns for k in range(ROWS) for words, some in one]
    images, maps = [s.image for _, s in cells], [s.panoptic for _, s in cells]
    return grid(images, maps, [words for words, _ in cells], columns=COLUMNS, side=images[0].width)


def main() -> None:
    """Measure, print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", default="scenes")
    parser.add_argument("--count", type=int, default=64, help="scenes, 3 or more")
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", nargs="+", choices=PARTS, default=list(PARTS), metavar="PART")
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    pipe = PanopticDiffusionPipeline.from_pretrained(args.model)
    asked = [s for s in subjects(2 * args.count, pipe.image_size) if kinds(s.panoptic)]
    samples = [Sample(s.image, s.panoptic) for s in asked[: args.count]]
    captions = [s.caption.text for s in asked[: args.count]]
    bench = Bench(pipe, load_segmenter(), samples, captions, args.steps, args.seed)
    parts = {name: PARTS[name](bench) for name in args.only}
    command = shlex.join(["python", "scripts/measure_controls.py", *sys.argv[1:]])
    found = {"command": command, "settings": vars(args), **{k: p.table for k, p in parts.items()}}
    text = json.dumps(found, default=lambda o: asdict(o) if is_dataclass(o) else str(o), indent=1)
    (args.out / "controls.json").write_text(text)
    picture(list(parts.values())).save(args.out / "controls.png")
    print("\n\n".join(f"{name}\n\n{markdown(part.table)}" for name, part in parts.items()))


if __name__ == "__main__":
    main()
