"""The folder of a synthesis: begun, gone on with, finished."""

from __future__ import annotations

import json
import os
import re
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pandiff.coco import read_json
from pandiff.errors import InputError

WORK, SETTINGS = ".synthesis", "settings.json"
"""Folder of what is unfinished: the settings and the journal."""
RESULT = "synthesis.json"
"""Settings and counts of a finished dataset."""
OURS = re.compile(
    r"images|panoptic|(panoptic|captions|synthesis)\.json|(manifest|dropped)\.jsonl|README\.md"
    r"|report\.html|balance\.svg|\.synthesis|\.journal\.jsonl|\..+\.tmp"
)
"""What the folder may hold."""


@dataclass(frozen=True)
class Folder:
    """The folder of a dataset that is made with some settings.

    Attributes:
        path: the folder.
        settings: what the samples depend on, as JSON values.
    """

    path: Path
    settings: Mapping[str, Any]

    @property
    def work(self) -> Path:
        """The folder of what is unfinished."""
        return self.path / WORK

    def claim(self) -> None:
        """Make the folder ours; InputError if it holds anything else, or other settings."""
        check_ours(self.path)
        begun = self._begun()
        if begun is None:
            self._begin()
        else:
            _check_same(self.settings, begun, self.path)

    def result(self) -> dict[str, Any] | None:
        """What is said of the finished dataset; None while it is not."""
        if not (self.path / "panoptic.json").exists() or not (self.path / RESULT).exists():
            return None
        return read_json(self.path / RESULT)

    def finish(self) -> None:
        """Remove what was needed to go on."""
        shutil.rmtree(self.work, ignore_errors=True)

    def _begin(self) -> None:
        """Note the settings; several processes may do so at once."""
        self.work.mkdir(parents=True, exist_ok=True)
        file, name = tempfile.mkstemp(dir=self.work)
        with os.fdopen(file, "w", encoding="utf-8") as text:
            json.dump(self.settings, text)
        os.replace(name, self.work / SETTINGS)

    def _begun(self) -> Any:
        if (self.work / SETTINGS).exists():
            return read_json(self.work / SETTINGS)
        result = self.path / RESULT
        return read_json(result)["settings"] if result.exists() else None


def check_ours(path: Path) -> None:
    """InputError unless a folder is missing, empty, or that of a synthesis."""
    if path.exists() and not path.is_dir():
        raise InputError("a folder", f"the file {path}", "choose another --out")
    names = {p.name for p in path.iterdir()} if path.exists() else set()
    foreign = sorted(name for name in names if not OURS.fullmatch(name))
    if foreign or (names and not names & {WORK, RESULT}):
        odd = foreign[0] if foreign else "another dataset"
        raise InputError("a new or empty folder", f"{odd} in {path}", "choose another")


def _check_same(mine: Mapping[str, Any], theirs: Mapping[str, Any], out: Path) -> None:
    mine = json.loads(json.dumps(mine))
    for name in sorted(mine.keys() | theirs.keys()):
        if mine.get(name) != theirs.get(name):
            raise InputError(
                f"the settings with which {out} was begun",
                f"another {name}: {mine.get(name)!s:.20}, there {theirs.get(name)!s:.20}",
                "repeat that command or choose another --out",
            )
