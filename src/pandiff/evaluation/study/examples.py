"""Questions of a study with what people said, for its report."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape
from io import BytesIO

import numpy as np
from PIL import Image
from scipy import stats

from pandiff.evaluation.catalog import SCORES, number
from pandiff.evaluation.report.pictures import data_uri, grid
from pandiff.evaluation.study.answers import CHOICE, Answers, value
from pandiff.evaluation.study.items import SCORE

SHOWN = 4
"""Questions of each kind."""


class Examples:
    """Figures of questions, and the style that holds their pixels.

    Args:
        answers: of the study.
    """

    def __init__(self, answers: Answers) -> None:
        self._answers, self._study = answers, answers.study
        self._used: dict[str, str] = {}

    def html(self) -> str:
        """Best and worst maps, clearest choices, and where a measure errs most."""
        return "".join(f"<h3>{title}</h3>{grid(figures)}" for title, figures in self._groups())

    @property
    def css(self) -> str:
        """The style of all pictures that were asked for."""
        return "\n".join(f".{k}{{background-image:url({v})}}" for k, v in self._used.items())

    def _groups(self) -> Iterator[tuple[str, list[str]]]:
        scored = self._means(SCORE)
        for title, order in (("Best maps", -1), ("Worst maps", 1)):
            some = sorted(scored, key=lambda k: (order * scored[k], k))[:SHOWN]
            if some:
                yield title, [self._figure(k, f"{scored[k]:.1f} of 5") for k in some]
        chosen = self._means(CHOICE)
        clear = sorted(chosen, key=lambda k: (-abs(chosen[k]), k))[:SHOWN]
        if clear:
            yield "Clearest choices", [self._figure(k, self._choice(chosen[k], k)) for k in clear]
        for name in self._answers.measured()[:1]:
            odd = self._odd(name)
            if odd:
                title = f"Where people and {escape(SCORES[name].title)} differ most"
                yield title, [self._figure(k, self._both(k, name, scored[k])) for k in odd]

    def _means(self, kind: str) -> dict[int, float]:
        found = self._answers.of(kind).items()
        return {k: float(np.mean([value(r) for r in some])) for k, some in found}

    def _odd(self, measure: str) -> list[int]:
        """Scored questions whose ranks by people and by a measure are farthest apart."""
        points = self._answers.points(SCORE, measure)
        if not points.items:
            return []
        gap = np.abs(stats.rankdata(points.measure) - stats.rankdata(points.people))
        return [points.items[k] for k in np.argsort(-gap, kind="stable")[:SHOWN] if gap[k] > 0]

    def _choice(self, mean: float, item: int) -> str:
        first, second = (self._study.names[k] for k in self._study.items[item].sets)
        better = "the same" if mean == 0 else second if mean > 0 else first
        share = f"{50 + 50 * abs(mean):.0f} %"
        return f"{first}, then {second}; people: {better}{f' by {share}' if mean else ''}"

    def _both(self, item: int, measure: str, mean: float) -> str:
        key, (one,) = self._study.items[item].key, self._study.items[item].sets
        entry = SCORES[measure]
        known = number(self._study.shown[one, key].measures[measure], entry.percent)
        return f"people {mean:.1f} of 5, {entry.title} {known}"

    def _figure(self, item: int, words: str) -> str:
        """The image, and the map of each set of a question."""
        key, sets = self._study.items[item].key, self._study.items[item].sets
        shown = [self._study.shown[k, key] for k in sets]
        names = [n for s in shown for n in (s.image, s.panoptic)]
        pictures = "".join(map(self._picture, dict.fromkeys(names)))
        of = " and ".join(self._study.names[k] for k in sets)
        title = escape(shown[0].prompt or key)
        small = f"<small>{escape(words)}{_set_words(sets, of)}</small>"
        return f"<figure>{pictures}<figcaption>{title}<br>{small}</figcaption></figure>"

    def _picture(self, name: str) -> str:
        if f"p-{name}" not in self._used:
            with Image.open(BytesIO(self._study.gallery.read(name) or b"")) as picture:
                self._used[f"p-{name}"] = data_uri(picture.convert("RGB"))
        return f'<div class="pic p-{name}" role="img" aria-label="a picture"></div>'


def _set_words(sets: Sequence[int], of: str) -> str:
    return f"; {escape(of)}" if len(sets) == 1 else ""
