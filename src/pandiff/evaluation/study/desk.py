"""What raters ask for and answer, without the network."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from pandiff.errors import InputError
from pandiff.evaluation.study.items import SCORE
from pandiff.evaluation.study.ratings import Ratings
from pandiff.evaluation.study.study import Study

LONGEST_NAME = 60
DAY = 86400.0


class NotJoined(InputError):
    """Nobody has this secret."""


@dataclass(frozen=True)
class Desk:
    """Serves the raters of a study.

    Attributes:
        study: the questions.
        ratings: the answers.
    """

    study: Study
    ratings: Ratings

    def join(self, name: object) -> dict[str, Any]:
        """A new rater; returns his secret.

        Raises:
            InputError: if the name is empty or too long.
            NameTaken: if another has it.
        """
        text = " ".join(name.split()) if isinstance(name, str) else ""
        if not 0 < len(text) <= LONGEST_NAME:
            raise InputError(f"a name of 1 to {LONGEST_NAME} letters", repr(name)[:80], "change it")
        return {"rater": self.ratings.join(text)}

    def question(self, token: object) -> dict[str, Any]:
        """The first question that a rater has not answered; `"question": None` at the end.

        Raises:
            NotJoined: if there is no such rater.
        """
        rater = self._rater(token)
        turns, done = self.study.turns(rater), self.ratings.answered(rater)
        whole = {"done": done, "total": len(turns), "question": None}
        return whole | ({"question": self._shown(rater, done)} if done < len(turns) else {})

    def answer(self, token: object, slot: object, answer: object, seconds: object) -> Any:
        """Note an answer, once; returns what `question` does.

        Raises:
            NotJoined: if there is no such rater.
            InputError: if it is no answer to a question that he was asked.
        """
        rater = self._rater(token)
        turns, done = self.study.turns(rater), self.ratings.answered(rater)
        if not isinstance(slot, int) or isinstance(slot, bool) or not 0 <= slot < len(turns):
            raise InputError(f"a question of 0 to {len(turns) - 1}", repr(slot)[:80], "reload")
        if slot > done:
            raise InputError(f"an answer to question {done}", f"one to {slot}", "reload")
        known = self.study.items[turns[slot].item].answers
        if answer not in known:
            raise InputError(f"one of {', '.join(known)}", repr(answer)[:80], "choose one")
        self.ratings.add(rater, slot, turns[slot], str(answer), _seconds(seconds))
        return self.question(token)

    def _rater(self, token: object) -> int:
        rater = self.ratings.rater(token) if isinstance(token, str) else None
        if rater is None:
            raise NotJoined("a rater of this study", "somebody else", "join first")
        return rater

    def _shown(self, rater: int, slot: int) -> dict[str, Any]:
        """A question as the page shows it: nothing tells which set is which."""
        turn = self.study.turns(rater)[slot]
        item = self.study.items[turn.item]
        sets = item.sets[::-1] if turn.flipped else item.sets
        shown = [self.study.shown[number, item.key] for number in sets]
        legend = {n: c for s in shown for n, c in s.categories.items()}
        return {
            "slot": slot,
            "kind": item.kind,
            "shown": [{"image": s.image, "map": s.panoptic} for s in shown],
            "legend": dict(sorted(legend.items())),
            "answers": list(item.answers),
            "scored": item.kind == SCORE,
        }


def _seconds(value: object) -> float:
    """How long an answer took; InputError unless it is a time."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise InputError("seconds", repr(value)[:80], "reload")
    return round(min(max(float(value), 0.0), DAY), 3)
