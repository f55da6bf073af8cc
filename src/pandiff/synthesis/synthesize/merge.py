"""The end of a run: which candidates are the dataset, and the files that say so."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from pandiff.coco import FolderWriter, atomic_text, write_json
from pandiff.coco.writer import JOURNAL
from pandiff.errors import InputError
from pandiff.synthesis.synthesize.card import card
from pandiff.synthesis.synthesize.folder import RESULT
from pandiff.synthesis.synthesize.journal import Journal, Line, Place
from pandiff.synthesis.synthesize.judge import DUPLICATE, REASONS
from pandiff.synthesis.synthesize.ledger import Ledger, Try
from pandiff.synthesis.synthesize.options import Options
from pandiff.synthesis.synthesize.report import Examples, report
from pandiff.synthesis.synthesize.summary import Facts, Summary
from pandiff.synthesis.synthesize.tally import Tally, balance_svg
from pandiff.taxonomy import Taxonomy

KEPT = ("slot", "attempt", "seed", "prompt", "reason", "why", "scores")
"""What dropped.jsonl says of a candidate."""


@dataclass(frozen=True, order=True)
class _Dropped:
    """A dropped candidate; of near duplicates the other slot and the difference."""

    slot: int
    attempt: int
    place: Place
    twin: tuple[int, float] | None = None


def merge(
    out: Path,
    journal: Journal,
    ledger: Ledger,
    taxonomy: Taxonomy,
    options: Options,
    facts: Facts,
) -> None:
    """Write all files of a dataset but those of its samples; panoptic.json last.

    Raises:
        InputError: if there is no sample.
    """
    chosen = _chosen(ledger, options)
    dropped = _dropped(ledger, chosen)
    reasons = Counter(line["reason"] for line in _lines(journal, dropped))
    if not chosen:
        got = f"none of {len(dropped)} candidates; dropped for {_listed(reasons)}"
        raise InputError("samples that pass the filters", got, "ask for less, with another --out")
    _clear_interrupted(out)
    examples, tally, writer = Examples(), Tally(taxonomy), FolderWriter(out, taxonomy)
    for slot in sorted(chosen):
        line = journal.at(chosen[slot].place)
        writer.append(line["entry"])
        tally.add(line["entry"])
        examples.add(line)
    with atomic_text(out / "dropped.jsonl") as file:
        for line in _lines(journal, dropped):
            examples.add(line)
            file.write(json.dumps(_public(line)) + "\n")
    counts = {name: reasons[name] for name in REASONS if reasons[name]}
    others = sum(one.attempt >= options.tries for one in chosen.values())
    summary = Summary(options.count, len(chosen), ledger.tried, counts, others)
    _remove_others(out, {f"{slot + 1:012d}" for slot in chosen})
    for name, text in _pages(summary, tally, examples, facts).items():
        with atomic_text(out / name) as file:
            file.write(text)
    write_json(out / RESULT, {"settings": dict(facts.settings), "counts": asdict(summary)})
    writer.close()


def _pages(summary: Summary, tally: Tally, examples: Examples, facts: Facts) -> Mapping[str, str]:
    plot = balance_svg(tally)
    return {
        "balance.svg": plot,
        "report.html": report(summary, tally, examples, facts, plot),
        "README.md": card(summary, tally, facts),
    }


def _chosen(ledger: Ledger, options: Options) -> dict[int, Try]:
    """The candidate of each slot that has one."""
    if not options.keep_best:
        return ledger.accepted
    best = {k: s.best for k, s in enumerate(ledger.slots)}
    return {k: one for k, b in best.items() if (one := ledger.accepted.get(k) or b) is not None}


def _dropped(ledger: Ledger, chosen: Mapping[int, Try]) -> list[_Dropped]:
    """All other candidates, in the order of slots and attempts."""
    found = [
        _Dropped(k, one.attempt, one.place)
        for k, slot in enumerate(ledger.slots)
        for one in slot.dropped
        if one != chosen.get(k)
    ]
    found += [
        _Dropped(k, one.attempt, one.place, (twin, difference))
        for k, twins in ledger.twins.items()
        for one, twin, difference in twins
        if one != chosen.get(k)
    ]
    return sorted(found)


def _lines(journal: Journal, dropped: list[_Dropped]) -> Iterator[Line]:
    for one in dropped:
        line = journal.at(one.place)
        if one.twin is not None:
            slot, difference = one.twin
            line["reason"] = DUPLICATE
            line["why"] = f"differs by {difference:.3f} from sample {slot + 1}"
        yield line


def _public(line: Line) -> dict[str, Any]:
    """A line for people: samples by their image id."""
    return {"image_id": line["slot"] + 1} | {k: line[k] for k in KEPT[1:]}


def _listed(reasons: Counter[str]) -> str:
    return ", ".join(f"{name} {n}" for name, n in reasons.most_common()) or "nothing"


def _clear_interrupted(out: Path) -> None:
    """Remove what is left of an end that was interrupted."""
    for path in (out / JOURNAL, *out.glob(".*.tmp")):
        path.unlink(missing_ok=True)


def _remove_others(out: Path, stems: set[str]) -> None:
    """Remove files of samples that are not in the dataset."""
    for folder in ("images", "panoptic"):
        for path in (out / folder).iterdir():
            if path.stem not in stems:
                path.unlink()
