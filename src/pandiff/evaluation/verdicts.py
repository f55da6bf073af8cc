"""What the numbers say, in plain sentences, each with the rule that it follows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from pandiff.evaluation.catalog import PERCENT, number

GOOD, FAIR, POOR = "good", "fair", "poor"
ENOUGH, SOME = 1000, 200
"""Samples from which intervals are narrow, and from which they are not useless."""


@dataclass(frozen=True)
class Verdict:
    """One judgement.

    Attributes:
        title: on what.
        grade: good, fair or poor.
        sentence: what was found.
        rule: which numbers are good and which fair.
    """

    title: str
    grade: str
    sentence: str
    rule: str


def verdicts(report: dict[str, Any]) -> list[Verdict]:
    """All that the content of metrics.json allows to say."""
    rules: tuple[Callable[[dict[str, Any]], Verdict | None], ...] = (
        _pair, _prompt, _clip, _images, _maps, _to_image, _to_map, _count,
    )  # fmt: skip
    return [verdict for rule in rules if (verdict := rule(report)) is not None]


def _value(report: dict[str, Any], section: str, name: str) -> float | None:
    """The value of a metric; None where there is none, or nothing that it counted."""
    found = report["metrics"].get(section, {}).get(name)
    return None if found is None or not found["n"] else float(found["value"])


def _grade(value: float, good: float, fair: float) -> str:
    return GOOD if value >= good else FAIR if value >= fair else POOR


def _percent(value: float) -> str:
    return f"{100 * value:.0f}{PERCENT}"


RATIO = "Good from 90 % of what real images reach, fair from 60 %."


def _pair(report: dict[str, Any]) -> Verdict | None:
    made, real, ratio, strangers = (
        _value(report, *key)
        for key in (
            ("pair", "pq_all"),
            ("pair_real", "pq_all"),
            ("pair", "pq_all_ratio"),
            ("pair_shuffled", "pq_all"),
        )
    )
    if made is None or real is None or ratio is None:
        return None
    chance = f" Image and map of strangers reach {number(strangers or 0)}."
    sentence = (
        f"Image and map agree {_percent(ratio)} as well as real images and their maps do: "
        f"PQ {number(made)} against {number(real)}, judged by {report['setup']['segmenter']}."
    )
    return Verdict("Do image and map belong together?", _grade(ratio, 0.9, 0.6),
                   sentence + chance, RATIO)  # fmt: skip


def _prompt(report: dict[str, Any]) -> Verdict | None:
    kinds = ("categories", "counts", "colors", "relations")
    found = {k: _value(report, "truth_image", k) for k in kinds}
    real = {k: _value(report, "truth_image_real", k) for k in kinds}
    parts = [
        f"{_percent(v)} of {_WORDS[k]} ({_percent(real[k] or 0)} in real images)"
        for k, v in found.items()
        if v is not None
    ]
    if found["categories"] is None or not real["categories"]:
        return None
    grade = _grade(found["categories"] / real["categories"], 0.95, 0.8)
    rule = "Good from 95 % of the categories that are seen in real images, fair from 80 %."
    return Verdict("Do images keep to the prompt?", grade, f"In the images are {_joined(parts)}.",
                   rule)  # fmt: skip


_WORDS = {
    "categories": "the categories that prompts mention",
    "counts": "exact counts",
    "colors": "the colors",
    "relations": "the relations",
}


def _joined(parts: list[str]) -> str:
    return " and ".join([", ".join(parts[:-1]), parts[-1]] if len(parts) > 1 else parts)


def _clip(report: dict[str, Any]) -> Verdict | None:
    made, real = _value(report, "text", "clip"), _value(report, "text_real", "clip")
    if made is None or not real:
        return None
    sentence = f"CLIP score {number(made)}; real images with their captions have {number(real)}."
    rule = "Good from 97 % of the score of real images, fair from 90 %."
    return Verdict("Does CLIP see the prompt?", _grade(made / real, 0.97, 0.9), sentence, rule)


def _images(report: dict[str, Any]) -> Verdict | None:
    space = next((n.rpartition(".")[0] for n in report["metrics"].get("image", {})), None)
    names = [f"{space}.precision", f"{space}.recall"]
    made = [_value(report, "image", n) for n in names]
    floor = [_value(report, "image_floor", n) for n in names]
    if made[0] is None or made[1] is None:
        return None
    others = [1.0 if f is None else f for f in floor]
    sentence = (
        f"{_percent(made[0])} of the images lie among the real ones, and they cover "
        f"{_percent(made[1])} of them, in the features of {space}."
    )
    if floor[0] is not None:
        sentence += f" Other real images reach {_percent(others[0])} and {_percent(others[1])}."
    worse = min(m / max(o, 1e-9) for m, o in zip(made, others, strict=True) if m is not None)
    return Verdict("Do images look real, and are they varied?", _grade(worse, 0.9, 0.6), sentence,
                   "The lower of the two counts. " + RATIO)  # fmt: skip


def _maps(report: dict[str, Any]) -> Verdict | None:
    blurry = report["signatures"]["blurry_map"]["rate"]
    mcd, noise, other = (
        _value(report, *key)
        for key in (("map", "mcd"), ("map", "mcd_label_noise"), ("map_floor", "mcd"))
    )
    if blurry is None or mcd is None:
        return None
    sentence = f"{_percent(blurry['value'])} of the maps are blurred."
    sentence += f" They differ from the map of the real image by MCD {number(mcd)}"
    sentence += f"; label noise alone makes {number(noise or 0)}"
    sentence += "." if other is None else f", the map of another image {number(other)}."
    rule = "Good up to 5 % of blurred maps, fair up to 25 %."
    return Verdict("Are the maps sharp and plausible?", _grade(1 - blurry["value"], 0.95, 0.75),
                   sentence, rule)  # fmt: skip


def _to_image(report: dict[str, Any]) -> Verdict | None:
    ratio, made = (_value(report, "map_to_image", n) for n in ("pq_all_ratio", "pq_all"))
    if ratio is None or made is None:
        return None
    sentence = (
        f"Images painted for a given map show it {_percent(ratio)} as well as the real image does "
        f"(PQ {number(made)})."
    )
    return Verdict("Does an image follow a given map?", _grade(ratio, 0.9, 0.6), sentence, RATIO)


def _to_map(report: dict[str, Any]) -> Verdict | None:
    made, judge = _value(report, "image_to_map", "pq_all"), _value(report, "pair_real", "pq_all")
    if made is None:
        return None
    sentence = f"Maps found in real images have PQ {number(made)} against the true ones"
    sentence += "." if not judge else f"; {report['setup']['segmenter']} has {number(judge)}."
    rule = "Good from 90 % of the segmenter's PQ, fair from 60 %; without one, of 1."
    return Verdict("Does it find the map of an image?", _grade(made / (judge or 1), 0.9, 0.6),
                   sentence, rule)  # fmt: skip


def _count(report: dict[str, Any]) -> Verdict:
    count = report["setup"]["count"]
    sentence = (
        f"{count} prompts were sampled. Intervals in this report hold 95 % and tell what chance "
        "does; Fréchet distances compare with runs of the same count only."
    )
    rule = f"Good from {ENOUGH} prompts, fair from {SOME}."
    return Verdict("Are there enough samples?", _grade(count, ENOUGH, SOME), sentence, rule)
