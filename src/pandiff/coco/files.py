"""Reading and writing of single files, with errors that name them."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol, TextIO, TypeVar

from PIL import Image

from pandiff.errors import InputError

T = TypeVar("T")


class Progress(Protocol):
    """Passes items on one by one and shows how far it is; `iter` shows nothing."""

    def __call__(self, items: Sequence[T], /) -> Iterable[T]: ...


def malformed(path: Path, error: Exception) -> InputError:
    """The error of a JSON file that is not as COCO has it."""
    return InputError(
        f"a correct COCO file {path}", f"{type(error).__name__} {error}", "run pandiff validate"
    )


def read_json(path: Path, object_hook: Callable[[dict[str, Any]], Any] | None = None) -> Any:
    """The content of a .json file; InputError if it is missing or malformed."""
    try:
        with path.open(encoding="utf-8") as file:
            return json.load(file, object_hook=object_hook)
    except OSError as error:
        raise InputError(f"a readable file {path}", f"{error.strerror}", "check the path") from None
    except (KeyError, TypeError, ValueError) as error:
        raise malformed(path, error) from None


def open_image(path: Path) -> Image.Image:
    """A fully decoded image; InputError if it is missing, truncated or no image."""
    try:
        with Image.open(path) as image:
            image.load()
            return image
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise InputError(f"a readable image {path}", str(error), "replace the file") from None


@contextmanager
def atomic_text(path: Path) -> Iterator[TextIO]:
    """A text file that takes its place when it is complete, or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.tmp")
    try:
        with temporary.open("w", encoding="utf-8") as file:
            yield file
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def write_json(path: Path, content: Any) -> None:
    """Write one .json file, complete or not at all; its folder is made where missing."""
    with atomic_text(path) as file:
        json.dump(content, file, indent=2)
        file.write("\n")
