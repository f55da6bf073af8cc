"""Images brought into another folder as they are: no pixel is ever encoded anew."""

from __future__ import annotations

import os
import shutil
from pathlib import Path, PurePosixPath

from PIL import Image

from pandiff.errors import InputError


def place(source: Path, target: Path, *, copy: bool) -> None:
    """Bring a file to `target`, whose folders are made where missing.

    Args:
        source: the file.
        target: where it shall lie.
        copy: write its bytes a second time. Otherwise it is hard-linked, which takes no space, and
            copied only where the file system cannot link.

    Raises:
        InputError: if there is no such file, or one at `target`.
    """
    if not source.is_file():
        raise InputError(f"the image {source}", "no such file", "check the dataset")
    if target.exists():
        raise InputError("images of different names", f"{target.name} again", "rename one image")
    target.parent.mkdir(parents=True, exist_ok=True)
    if copy or not _linked(source, target):
        shutil.copyfile(source, target)


def new_file(path: Path, name: object) -> Path:
    """A file that tells of an image by its stem, its folders made.

    Raises:
        InputError: if there is one already, for two images then have one stem.
    """
    if path.exists():
        raise InputError("images of different stems", f"{name} again", "rename one image")
    path.parent.mkdir(parents=True, exist_ok=True)
    return path


def _linked(source: Path, target: Path) -> bool:
    try:
        os.link(source.resolve(), target)
    except OSError:
        return False
    return True


def check_size(path: Path, size: tuple[int, int]) -> None:
    """InputError unless the file is an image of (width, height) pixels; reads its header alone."""
    try:
        with Image.open(path) as image:
            found = image.size
    except FileNotFoundError:
        raise InputError(f"the image {path}", "no such file", "check the dataset") from None
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise InputError(f"a readable image {path}", str(error), "replace the file") from None
    if found != size:
        got = f"{found[0]} x {found[1]}"
        raise InputError(f"{path} of {size[0]} x {size[1]} px, as its map", got, "resize one")


def inside(name: str) -> PurePosixPath:
    """A file name of a dataset as a relative path; InputError if it leads out of its folder."""
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or not path.name:
        raise InputError("file names inside of the images' folder", repr(name), "rename the image")
    return path
