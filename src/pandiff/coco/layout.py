"""Where the files of a COCO panoptic dataset lie."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from pandiff.errors import InputError


@dataclass(frozen=True)
class CocoLayout:
    """Where the parts of a COCO panoptic dataset lie.

    Attributes:
        panoptic_json: the file with `images`, `annotations` and `categories`.
        maps: folder of the panoptic PNGs.
        images: folder of the images; it may not exist where only maps are at hand.
        captions_json: the captions; it may not exist.
    """

    panoptic_json: Path
    maps: Path
    images: Path
    captions_json: Path

    @classmethod
    def from_json(cls, path: Path) -> CocoLayout:
        """The parts around `panoptic.json` (ours) or `annotations/panoptic_SPLIT.json` (COCO)."""
        split = path.stem.removeprefix("panoptic").removeprefix("_")
        images = path.parent.parent / split if split else path.parent / "images"
        captions = f"captions_{split}.json" if split else "captions.json"
        return cls(path, path.with_suffix(""), images, path.parent / captions)

    @classmethod
    def find(cls, path: str | Path, split: str | None = None) -> CocoLayout:
        """Find a dataset: a folder of either layout, or the panoptic .json itself.

        Args:
            path: the folder or file.
            split: which `annotations/panoptic_SPLIT.json`; needed only where there are several.

        Raises:
            InputError: if there is no dataset, no such split, or more than one to choose from.
        """
        path = Path(path)
        if path.suffix == ".json" and path.is_file():
            return cls.from_json(path)
        if split is None and (path / "panoptic.json").is_file():
            return cls.from_json(path / "panoptic.json")
        return cls.from_json(_choose_split(path, split))


def _choose_split(path: Path, split: str | None) -> Path:
    found = {
        f.stem.removeprefix("panoptic_"): f
        for f in sorted((path / "annotations").glob("panoptic_*.json"))
    }
    if not found and split is None:
        what = "a folder without them" if path.is_dir() else "no such folder or .json file"
        raise InputError(
            "a dataset folder with panoptic.json or annotations/panoptic_*.json",
            f"{what}: {path}",
            "check the path",
        )
    if split is None and len(found) == 1:
        return next(iter(found.values()))
    if split not in found:
        known = ", ".join(found) or "none"
        got = "no split" if split is None else repr(split)
        raise InputError(f"a split of {path} ({known})", got, "name one of them")
    return found[split]
