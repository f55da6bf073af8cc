"""Are edits seen for what they are, and do they show at their border? The table for docs/log.md.

    python scripts/measure_edits.py --model scenes --count 24 --tries 4 --out out/edits

Four verbs on unseen scenes, what is added or put in place being what the place could hold. Whether
the independent segmenter sees the new thing where the map has it, and none of its kind where one
was removed. How steep the image is across the border of the region, over how steep it was
(`evaluation.seams`); and the share of the region that the edit changed. Writes edits.json and
before-and-after.png of the first six scenes.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from pandiff.data.scenes import SPLITS, Scene, make_scene
from pandiff.draw import grid
from pandiff.evaluation.seams import seam_ratio
from pandiff.evaluation.segmenter import load_segmenter, segment
from pandiff.models.segmenter import PanopticSegmenter
from pandiff.panoptic import PanopticMap
from pandiff.pipeline import PanopticDiffusionPipeline
from pandiff.synthesis import edit, editing
from pandiff.synthesis.choice import overlap
from pandiff.synthesis.generate import Settings

VERBS = ("remove", "add", "replace", "redo")
INSTEAD = {
    "house": "tree", "tree": "house", "car": "person", "person": "dog", "dog": "sheep",
    "sheep": "dog", "boat": "bird", "bird": "balloon", "balloon": "bird",
}  # fmt: skip
"""What replaces a thing, and may be where it is; others become a dog."""
SHOWN = 1.25
"""A ratio from which a border counts as one that shows."""
SAME = 0.5
"""Intersection over union from which two segments are of one thing, as in panoptic quality."""


@dataclass(frozen=True, eq=False)
class Edited:
    """One edit: the image before and after; changed: share of its region that did.

    is_there: whether the segmenter sees what was asked for; None if nothing was.
    """

    verb: str
    words: str
    known: np.ndarray
    before: Image.Image
    after: Image.Image
    changed: float
    is_there: bool | None

    @property
    def ratio(self) -> float:
        return seam_ratio(self.before, self.after, self.known)

    def record(self) -> dict[str, Any]:
        """A line of edits.json."""
        numbers = {"ratio": self.ratio, "changed": self.changed, "seen": self.is_there}
        return {"verb": self.verb, "words": self.words, **numbers}


def plans(scene: Scene, index: int) -> dict[str, tuple[str, edit.Edit]]:
    """An edit for each verb, with words for the picture; none if no thing is of a usual size."""
    panoptic, side = scene.panoptic, scene.panoptic.size[0]
    names = {c.id: c.name for c in panoptic.taxonomy.categories if c.isthing}
    things = [s for s in panoptic.segments if s.category_id in names]
    usual = [s for s in things if 0.01 < s.area / side**2 < 0.2]
    if not usual:
        return {}
    thing = max(usual, key=lambda s: s.area)
    name = names[thing.category_id]
    other, x = INSTEAD.get(name, "dog"), (index * 37 % 60) / 100 * side
    region = np.zeros((side, side), bool)
    region[round(0.3 * side) : round(0.7 * side), round(x) : round(x + 0.4 * side)] = True
    box = (x, 0.5 * side, 0.2 * side, 0.4 * side)
    foot = panoptic.ids[round(0.88 * side), min(side - 1, round(x + 0.1 * side))]
    ground = {s.id: s.category_id for s in panoptic.segments}[foot]
    new = "boat" if panoptic.taxonomy.by_id(ground).name == "water" else "person"
    return {
        "remove": (f"the {name} removed", edit.remove(panoptic, thing.id)),
        "add": (f"a {new} added", edit.add(panoptic, new, box)),
        "replace": (f"{name} to {other}", edit.replace(panoptic, thing.id, other)),
        "redo": ("a box redone", edit.redo(panoptic, region)),
    }


def edited(
    pipe: PanopticDiffusionPipeline,
    judge: PanopticSegmenter,
    scene: Scene,
    index: int,
    settings: Settings,
    tries: int,
    verbs: Sequence[str],
) -> list[Edited]:
    """The edits of a scene by some verbs."""
    before, found = Image.fromarray(scene.image), []
    some = {verb: plan for verb, plan in plans(scene, index).items() if verb in verbs}
    for verb, (words, one) in some.items():
        (made,) = editing.run(pipe, before, one, settings, tries=tries)
        known = made.edit.kept
        share = made.edit.changed(made.panoptic).sum() / (~known).sum()
        (seen,) = segment(judge, [made.image])
        there = is_there(made.edit, made.panoptic, seen)
        found.append(Edited(verb, words, known, before, made.image, float(share), there))
    return found


def is_there(one: edit.Edit, after: PanopticMap, seen: PanopticMap) -> bool | None:
    """Whether the map seen in an edited image has the new thing of the edit, or the old no more."""
    if one.before is None or one.gone is None:
        return None
    if one.wanted is not None:
        return overlap(after, seen, one.wanted) > SAME
    removed = [s for s in one.before.segments if one.gone[one.before.mask(s.id)].all()]
    gone = max(removed, key=lambda s: s.area)
    return not has(seen, gone.category_id, one.before.mask(gone.id))


def has(panoptic: PanopticMap, category: int, mask: np.ndarray) -> bool:
    """Whether a map has a segment of a category on about these pixels."""
    masks = [panoptic.mask(s.id) for s in panoptic.segments if s.category_id == category]
    return any((one & mask).sum() > SAME * (one | mask).sum() for one in masks)


def table(found: list[Edited]) -> str:
    """Share of edits that are seen; median ratio and share of borders that show."""
    lines = ["| verb | seen | border | changed |", "|---|---|---|---|"]
    for verb in dict.fromkeys(one.verb for one in found):
        mine = [one for one in found if one.verb == verb]
        ratios = np.array([one.ratio for one in mine])
        there = [one.is_there for one in mine if one.is_there is not None]
        seen = f"{np.mean(there):.0%}" if there else ""
        border = f"{np.median(ratios):.2f} ({np.mean(ratios > SHOWN):.0%})"
        share = np.median([one.changed for one in mine])
        lines.append(f"| {verb} | {seen} | {border} | {share:.0%} |")
    return "\n".join(lines)


def picture(found: list[Edited], verbs: int) -> Image.Image:
    """A row for each scene: before, then after each edit, of which there are as many as verbs."""
    images, words = [], []
    for k in range(0, len(found), verbs):
        some = found[k : k + verbs]
        images += [some[0].before, *(one.after for one in some)]
        words += ["before", *(one.words for one in some)]
    return grid(images, prompts=words, columns=1 + verbs, side=images[0].width)


def main() -> None:
    """Make the edits, print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", default="scenes")
    parser.add_argument("--count", type=int, default=24, help="scenes")
    parser.add_argument("--steps", type=int, default=12)
    parser.add_argument("--tries", type=int, default=1, help="draws for each edit")
    parser.add_argument("--verbs", nargs="+", choices=VERBS, default=VERBS, metavar="V")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    pipe = PanopticDiffusionPipeline.from_pretrained(args.model)
    pipe.set_progress_bar_config(disable=True)
    judge, settings = load_segmenter(), Settings(args.steps, seed=args.seed)
    found: list[Edited] = []
    index = 0
    while len(found) < args.count * len(args.verbs):
        scene = make_scene(SPLITS["test"], index, pipe.image_size)
        found += edited(pipe, judge, scene, index, settings, args.tries, args.verbs)
        index += 1
    args.out.mkdir(parents=True, exist_ok=True)
    rows = [one.record() for one in found]
    (args.out / "edits.json").write_text(json.dumps(rows, indent=1))
    verbs = len(args.verbs)
    picture(found[: 6 * verbs], verbs).save(args.out / "before-and-after.png")
    print(table(found))


if __name__ == "__main__":
    main()
