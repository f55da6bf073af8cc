"""Captions of images that are imported, by the images' names."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pandiff.coco import read_json
from pandiff.coco.files import malformed


def read_captions(path: Path) -> dict[str, list[str]]:
    """The captions of each image's file name.

    Args:
        path: a .json, either as COCO has it (`images`, and `annotations` with `image_id` and
            `caption`) or an object of a caption or a list of them for each file name.

    Raises:
        InputError: if the file is missing or malformed.
    """
    content = read_json(path)
    try:
        if isinstance(content.get("annotations"), list):
            return _from_coco(content)
        return {
            name: [_text(c) for c in (given if isinstance(given, list) else [given])]
            for name, given in content.items()
        }
    except (KeyError, TypeError, AttributeError) as error:
        raise malformed(path, error) from None


def _from_coco(content: dict[str, Any]) -> dict[str, list[str]]:
    names = {i["id"]: Path(i["file_name"]).name for i in content["images"]}
    captions: dict[str, list[str]] = {}
    for entry in content["annotations"]:
        captions.setdefault(names[entry["image_id"]], []).append(_text(entry["caption"]))
    return captions


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"a caption that is {value!r}")
    return value
