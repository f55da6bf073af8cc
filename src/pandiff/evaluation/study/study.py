"""A study on disk: its questions and pictures, made once, and the ratings that come in."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from pandiff.coco import Progress, write_json
from pandiff.coco.files import read_json
from pandiff.errors import InputError
from pandiff.evaluation.run_names import short_names
from pandiff.evaluation.study.items import Item, choose_items
from pandiff.evaluation.study.pictures import Gallery
from pandiff.evaluation.study.ratings import Ratings
from pandiff.evaluation.study.sources import Source
from pandiff.evaluation.study.turns import Turn, turns_of

STUDY, PICTURES, RATINGS = "study.json", "pictures", "ratings.sqlite"
"""Settings, questions and what is known of each sample; what raters see; what they answer."""


@dataclass(frozen=True)
class Settings:
    """How a study is made.

    Attributes:
        sets: paths of the sets.
        pairs: questions which of two fits better.
        scores: questions how good a map is.
        questions: how many different ones each rater gets.
        seed: chooses samples, orders and sides.
    """

    sets: tuple[str, ...]
    pairs: int = 60
    scores: int = 60
    questions: int = 40
    seed: int = 0

    def __post_init__(self) -> None:
        if self.questions < 1:
            raise InputError("one question or more for each rater", str(self.questions), "raise it")


@dataclass(frozen=True)
class Shown:
    """A sample that is shown.

    Attributes:
        image, panoptic: names of its pictures.
        prompt: what it was made of, or nothing.
        categories: of its map, name and color.
        measures: what is known of it, by name.
    """

    image: str
    panoptic: str
    prompt: str
    categories: Mapping[str, str]
    measures: Mapping[str, float]


@dataclass(frozen=True)
class Study:
    """A finished design.

    Attributes:
        path: its folder.
        settings: how it was made.
        names: of the sets.
        items: the questions.
        shown: the samples, by number of the set and key.
    """

    path: Path
    settings: Settings
    names: tuple[str, ...]
    items: tuple[Item, ...]
    shown: Mapping[tuple[int, str], Shown]

    @property
    def ratings(self) -> Ratings:
        """What was answered so far."""
        return Ratings(self.path / RATINGS)

    @property
    def mark(self) -> str:
        """Letters and figures that this study alone has."""
        return hashlib.sha256((self.path / STUDY).read_bytes()).hexdigest()[:12]

    @property
    def gallery(self) -> Gallery:
        """Its pictures."""
        return Gallery(self.path / PICTURES)

    def turns(self, rater: int) -> list[Turn]:
        """What a rater is asked."""
        return turns_of(self.items, rater, self.settings.questions, self.settings.seed)

    @classmethod
    def open(cls, path: Path) -> Study:
        """Read a study; InputError if there is none."""
        if not (path / STUDY).is_file():
            raise InputError(f"a study in {path}", f"no {STUDY}", "make one with --sets")
        content = read_json(path / STUDY)
        try:
            content["settings"]["sets"] = tuple(content["settings"]["sets"])
            items = (Item(i["kind"], i["key"], tuple(i["sets"])) for i in content["items"])
            shown = {(s.pop("set"), s.pop("key")): Shown(**s) for s in content["shown"]}
            settings = Settings(**content["settings"])
            return cls(path, settings, tuple(content["names"]), tuple(items), shown)
        except (KeyError, TypeError) as error:
            raise InputError(f"a study in {path / STUDY}", repr(error), "make it anew") from None


def make_study(path: Path, settings: Settings, progress: Progress = iter) -> Study:
    """Choose the questions and draw the pictures; the same study before is opened as it is.

    Args:
        path: a new folder, or that of the same study.
        settings: how it is made.
        progress: wraps the list of pictures.

    Raises:
        InputError: if the folder holds anything else, or the sets cannot be compared.
    """
    if (path / STUDY).is_file():
        return _same(Study.open(path), settings)
    if path.exists() and (not path.is_dir() or {p.name for p in path.iterdir()} - {PICTURES}):
        raise InputError("a new folder or a study", f"another: {path}", "choose another --out")
    names = short_names([Path(s) for s in settings.sets])
    sources = [Source.open(Path(s), n) for s, n in zip(settings.sets, names, strict=True)]
    items = choose_items(sources, settings.pairs, settings.scores, settings.seed)
    shown = list(_shown(items, sources, Gallery(path / PICTURES), progress))
    content = {"settings": asdict(settings), "names": names, "items": [asdict(i) for i in items]}
    write_json(path / STUDY, content | {"shown": shown})
    return Study.open(path)


def _same(study: Study, settings: Settings) -> Study:
    begun, wanted = asdict(study.settings), asdict(settings)
    odd = [k for k in wanted if begun[k] != wanted[k]]
    if odd:
        expected = f"the {odd[0]} {begun[odd[0]]!r} with which {study.path} was begun"
        raise InputError(expected, repr(wanted[odd[0]]), "repeat that or choose another --out")
    return study


def _shown(
    items: Sequence[Item], sources: Sequence[Source], gallery: Gallery, progress: Progress
) -> Iterator[dict[str, Any]]:
    """An entry for each sample that some question shows."""
    needed = sorted({(number, item.key) for item in items for number in item.sets})
    for number, key in progress(needed):
        source = sources[number]
        panoptic = source.panoptic(key)
        found = {s.category_id: panoptic.taxonomy.by_id(s.category_id) for s in panoptic.segments}
        sample = Shown(
            gallery.add_image(source.image(key)),
            gallery.add_map(panoptic),
            source.prompt(key),
            {c.name: "#%02x%02x%02x" % c.color for _, c in sorted(found.items())},  # noqa: UP031
            source.measures(key),
        )
        yield {"set": number, "key": key} | asdict(sample)
