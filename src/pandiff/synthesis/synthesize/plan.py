"""Which prompts each slot of a dataset has: a function of the seed and the slot's number."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Protocol

import numpy as np

from pandiff.coco import read_json
from pandiff.data.scenes import Caption
from pandiff.errors import InputError
from pandiff.prompts.vocabulary import Vocabulary
from pandiff.synthesis.synthesize.grammar import Grammar, Weights, grammar_of
from pandiff.taxonomy import Taxonomy

COMPOSE = "compose"
"""In the place of a file: compose the prompts."""
POOL, ROUNDS, STEP = 400, 12, 0.7
"""Fitting of weights: prompts that are composed, how often, and how far weights move."""
PLANNING, FITTING = 1, 2
"""What a generator is for: part of its seed."""


class Plan(Protocol):
    """The prompts of a dataset.

    Attributes:
        settings: what they depend on, as JSON values.
    """

    @property
    def settings(self) -> Mapping[str, str]: ...

    def __call__(self, slot: int, turn: int = 0) -> Caption:
        """The prompt of a slot 0, 1, ..., with its claims; a later turn is another prompt."""


class Listed:
    """Given prompts: in turn, or drawn so that the categories they name are as wished.

    A prompt then weighs as much as its categories do in the mean: wished over present share. One
    that names none weighs 1.

    Args:
        prompts: at least one.
        vocabulary: finds the categories.
        seed: decides the draws.
        wish: how often each category should be named, relatively; None takes prompts in turn.
    """

    def __init__(
        self, prompts: Sequence[str], vocabulary: Vocabulary, seed: int, wish: Weights | None = None
    ) -> None:
        self._prompts, self._vocabulary, self._seed = prompts, vocabulary, seed
        self._ends = None if wish is None else np.cumsum(self._weights(wish))

    @cached_property
    def settings(self) -> Mapping[str, str]:
        """The digest of the prompts."""
        text = hashlib.sha256("\n".join(self._prompts).encode()).hexdigest()
        ends = b"" if self._ends is None else self._ends.tobytes()
        return {"prompts": text, "draws": hashlib.sha256(ends).hexdigest()[:16]}

    def __call__(self, slot: int, turn: int = 0) -> Caption:
        number = (slot + turn) % len(self._prompts)
        if self._ends is not None:
            place = _generator(self._seed, PLANNING, slot, turn).random() * self._ends[-1]
            number = int(np.searchsorted(self._ends, place, side="right"))
        return self._vocabulary.read(self._prompts[number])

    def _weights(self, wish: Weights) -> np.ndarray:
        named = [self._vocabulary.read(p).categories for p in self._prompts]
        ratio = _ratios(named, wish)
        each = [np.mean([ratio[c] for c in some]) if some else 1.0 for some in named]
        if not any(each):
            raise InputError("prompts that name a wished category", "none", "change --balance")
        return np.array(each)


class Composed:
    """Prompts of a grammar.

    Args:
        grammar: of the taxonomy.
        seed: decides them.
        wish: how often each category should be named, relatively; None leaves it to the grammar.
    """

    def __init__(self, grammar: Grammar, seed: int, wish: Weights | None = None) -> None:
        self._grammar, self._seed = grammar, seed
        self._weights = grammar.natural if wish is None else fitted(grammar, wish)

    @property
    def settings(self) -> Mapping[str, str]:
        """The weights, as a digest."""
        text = repr([(c, round(w, 9)) for c, w in self._weights.items()])
        return {"prompts": COMPOSE, "draws": hashlib.sha256(text.encode()).hexdigest()[:16]}

    def __call__(self, slot: int, turn: int = 0) -> Caption:
        return self._grammar.compose(_generator(self._seed, PLANNING, slot, turn), self._weights)


def fitted(grammar: Grammar, wish: Weights) -> dict[str, float]:
    """The weights by which a grammar names categories as often as wished, or nearly so.

    It cannot be quite so, for some go together: whoever asks for boats gets water. Weights are
    moved several times by the ratio of the wished to the present share.
    """
    weights = {c: w * wish.get(c, 0.0) for c, w in grammar.natural.items()}
    if not any(weights.values()):
        raise InputError("a wish for categories that prompts can name", "none", "change --balance")
    for k in range(ROUNDS):
        rng = _generator(0, FITTING, k)
        named = [grammar.compose(rng, weights).categories for _ in range(POOL)]
        ratio = _ratios(named, wish, smooth=1.0)
        weights = {c: w * ratio.get(c, 1.0) ** STEP for c, w in weights.items()}
        total = sum(weights.values())
        weights = {c: w / total for c, w in weights.items()}
    return weights


def _ratios(named: Sequence[Sequence[str]], wish: Weights, smooth: float = 0.0) -> dict[str, float]:
    """For each category that is named or wished, its wished over its present share of mentions."""
    present = Counter(c for some in named for c in some)
    known = {c for c in (*present, *wish) if present[c] + smooth > 0}
    wished = sum(wish.get(c, 0.0) for c in known) or 1.0
    found = sum(present.values()) + smooth * len(known)
    return {c: wish.get(c, 0.0) / wished * found / (present[c] + smooth) for c in sorted(known)}


def _generator(*numbers: int) -> np.random.Generator:
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence(numbers)))


def read_plan(source: str, taxonomy: Taxonomy, seed: int, balance: str = "natural") -> Plan:
    """The plan that a user asks for.

    Args:
        source: "compose", a captions.json, or a text file with a prompt on each line.
        taxonomy: the model's.
        seed: decides draws.
        balance: "natural", "lift" (all categories alike), or a JSON file that says how often each
            should be named: {"car": 2, "dog": 1}.

    Raises:
        InputError: if a file cannot be read, or says nothing.
    """
    wish = read_wish(balance, taxonomy)
    if source == COMPOSE:
        return Composed(grammar_of(taxonomy), seed, wish)
    return Listed(read_prompts(Path(source)), Vocabulary(taxonomy), seed, wish)


def read_prompts(path: Path) -> list[str]:
    """The prompts of a captions.json, in its order, or of a text file, one a line."""
    if path.suffix == ".json":
        content = read_json(path)
        try:
            prompts = [str(entry["caption"]) for entry in content["annotations"]]
        except (KeyError, TypeError):
            raise InputError(f"captions as COCO has them in {path}", "others", "mend it") from None
    else:
        try:
            prompts = path.read_text(encoding="utf-8-sig").splitlines()
        except (OSError, UnicodeDecodeError) as error:
            raise InputError(f"prompts in UTF-8, {path}", f"{error}", "check the path") from None
    found = [" ".join(p.split()) for p in prompts if p.strip()]
    if not found:
        raise InputError(f"prompts in {path}", "none", "write one on each line")
    return found


def read_wish(balance: str, taxonomy: Taxonomy) -> Weights | None:
    """How often each category should be named, relatively; None for "natural"."""
    if balance == "natural":
        return None
    if balance == "lift":
        return {c.name: 1.0 for c in taxonomy.categories}
    content = read_json(Path(balance))
    wrong = f"an object of weights of 0 or more in {balance}"
    if not isinstance(content, dict) or not content:
        raise InputError(wrong, type(content).__name__, 'write {"car": 2, "dog": 1}')
    for name, weight in content.items():
        taxonomy.by_name(name)
        if isinstance(weight, bool) or not isinstance(weight, int | float) or not 0 <= weight < 1e9:
            raise InputError(wrong, f"{name}: {weight!r}", "mend it")
    return {name: float(weight) for name, weight in content.items()}


def candidate_seed(seed: int, slot: int, attempt: int) -> int:
    """Seed of candidate `attempt` of a slot of the run `seed`: 63 bits that look random."""
    digest = hashlib.sha256(f"{seed}/{slot}/{attempt}".encode()).digest()
    return int.from_bytes(digest[:8], "big") >> 1
