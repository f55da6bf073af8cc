"""What the entries of COCO panoptic files must have, and the report of what is wrong."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from pandiff.coco import MAX_ID


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong, printed as one line.

    Attributes:
        where: the file, relative to the dataset, and the entry in it.
        expected: what should be there.
        got: what is there.
    """

    where: str
    expected: str
    got: str

    def __str__(self) -> str:
        return " ".join(f"{self.where}: expected {self.expected}, got {self.got}".split())


@dataclass
class Report:
    """The problems found so far."""

    problems: list[Problem] = field(default_factory=list)

    def add(self, where: str, expected: str, got: str) -> None:
        """Note one problem."""
        self.problems.append(Problem(where, expected, got))


@dataclass(frozen=True)
class Rule:
    """What the value of one key must be.

    Attributes:
        expected: in words.
        holds: whether a value is so.
        required: whether the key must be there.
    """

    expected: str
    holds: Callable[[Any], bool]
    required: bool = True


def _whole(low: int, high: int | None = None) -> Rule:
    def holds(value: Any) -> bool:
        return isinstance(value, int) and value >= low and (high is None or value <= high)

    return Rule(f"an integer of {low} or more" if high is None else f"{low}..{high}", holds)


def _numbers(count: int) -> Callable[[Any], bool]:
    def holds(value: Any) -> bool:
        numbers = isinstance(value, list) and all(isinstance(v, int | float) for v in value)
        return numbers and len(value) == count

    return holds


def _is_score(value: Any) -> bool:
    return isinstance(value, int | float) and 0 <= value <= 1


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and bool(value.strip())


def _is_list(value: Any) -> bool:
    return isinstance(value, list)


TEXT = Rule("text", _is_text)
BIT = _whole(0, 1)

Schema = Mapping[str, Rule]
IMAGE: Schema = {"id": _whole(0), "file_name": TEXT, "width": _whole(1), "height": _whole(1)}
ANNOTATION: Schema = {
    "image_id": _whole(0),
    "file_name": TEXT,
    "segments_info": Rule("a list", _is_list),
}
CATEGORY: Schema = {
    "id": _whole(1),
    "name": TEXT,
    "isthing": BIT,
    "color": Rule("[R, G, B]", _numbers(3), required=False),
}
SEGMENT: Schema = {
    "id": _whole(1, MAX_ID),
    "category_id": _whole(1),
    "area": _whole(0),
    "bbox": Rule("[x, y, width, height]", _numbers(4)),
    "iscrowd": BIT,
    "score": Rule("a number in 0..1", _is_score, required=False),
}
CAPTION: Schema = {"id": _whole(0), "image_id": _whole(0), "caption": TEXT}


def well_formed(
    parent: Any, key: str, schema: Schema, where: str, report: Report
) -> list[dict[str, Any]] | None:
    """The entries of the list `parent[key]` that obey a schema, the others are reported.

    None, and one report, if there is no such list.
    """
    if parent is None:
        return None
    entries = parent.get(key) if isinstance(parent, dict) else None
    if not isinstance(entries, list):
        report.add(where, f"a list {key!r}", "none")
        return None
    return [e for k, e in enumerate(entries) if _obeys(e, schema, f"{where} {key}[{k}]", report)]


def _obeys(entry: Any, schema: Schema, where: str, report: Report) -> bool:
    if not isinstance(entry, dict):
        report.add(where, "an object", repr(entry))
        return False
    before = len(report.problems)
    for key, rule in schema.items():
        if key not in entry and rule.required:
            report.add(where, f"a key {key!r}", "none")
        elif key in entry and not rule.holds(entry[key]):
            report.add(where, f"{key} to be {rule.expected}", repr(entry[key]))
    return len(report.problems) == before
