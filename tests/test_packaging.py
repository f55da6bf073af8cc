"""What a user installs: the wheel's contents, the versions, the packages beside it."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from importlib.metadata import distributions
from itertools import chain
from pathlib import Path

import pytest

import pandiff

MEGABYTE = 10**6
ASSET_SUFFIXES = {".safetensors", ".json", ".txt", ".md"}
BREAKING = ("torchvision", "torch-fidelity", "timm")  # diffusers, torchmetrics, accelerate fail
CUDA = "nvidia-"  # gigabytes that CI cannot use


@pytest.fixture(scope="module")
def assets(root: Path) -> Path:
    return root / "src/pandiff/assets"


@pytest.fixture(scope="module")
def wheel_names(root: Path, tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    """The names of the files in a wheel, built from a copy so that the checkout stays clean."""
    copy, out = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("wheel")
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(root / name, copy)
    ignored = shutil.ignore_patterns("*.egg-info", "__pycache__")
    shutil.copytree(root / "src", copy / "src", ignore=ignored)
    options = ["--no-deps", "--no-build-isolation", "--no-index", "-q"]
    command = [sys.executable, "-m", "pip", "wheel", str(copy), *options, "-w", str(out)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    (wheel,) = out.glob("*.whl")
    return set(zipfile.ZipFile(wheel).namelist())


def test_wheel_holds_every_source_file(root: Path, wheel_names: set[str]) -> None:
    sources = {p.relative_to(root / "src").as_posix() for p in root.glob("src/pandiff/**/*.py")}
    assert sources <= wheel_names
    assert "pandiff/py.typed" in wheel_names
    assert any(name.endswith("licenses/LICENSE") for name in wheel_names)


def test_wheel_holds_every_asset(root: Path, assets: Path, wheel_names: set[str]) -> None:
    files = {p.relative_to(root / "src").as_posix() for p in assets.rglob("*") if p.is_file()}
    assert files
    assert files <= wheel_names


def test_assets_are_small_and_inert(assets: Path) -> None:
    files = [p for p in assets.rglob("*") if p.is_file()]
    sizes = {p: p.stat().st_size for p in files}
    assert {p.suffix for p in files} <= ASSET_SUFFIXES, "weights are safetensors, never pickles"
    assert max(sizes.values()) <= 16 * MEGABYTE
    assert sum(sizes.values()) <= 60 * MEGABYTE


def test_our_own_set_up_pins_what_is_declared(root: Path) -> None:
    declared = tomllib.loads((root / "pyproject.toml").read_text())["project"]
    extras = declared["optional-dependencies"].values()
    named = [re.match(r"[\w-]+", d) for d in chain(declared["dependencies"], *extras)]
    pinned = re.findall(r"^([\w-]+)==", (root / "constraints.txt").read_text(), re.MULTILINE)
    assert {name[0] for name in named if name} == set(pinned)


def test_one_version_everywhere(root: Path) -> None:
    cited = re.search(r"^version: (.+)$", (root / "CITATION.cff").read_text(), re.MULTILINE)
    assert cited
    assert cited[1] == pandiff.__version__
    assert re.search(
        r"^## \[(Unreleased|" + re.escape(pandiff.__version__) + r")\]",
        (root / "CHANGELOG.md").read_text(),
        re.MULTILINE,
    )


def unwanted(names: set[str], cuda: bool) -> set[str]:
    """The installed packages that must not be there; CUDA's count where `cuda` is not allowed."""
    return {n for n in names if n in BREAKING or (not cuda and n.startswith(CUDA))}


def test_no_package_that_breaks_ours() -> None:
    installed = {(d.name or "").lower().replace("_", "-") for d in distributions()}
    assert not unwanted(installed, cuda="CI" not in os.environ), "make clean, and install again"


def test_unwanted_packages_are_found() -> None:
    names = {"torch", "timm", "nvidia-cublas-cu12"}
    assert unwanted(names, cuda=True) == {"timm"}
    assert unwanted(names, cuda=False) == {"timm", "nvidia-cublas-cu12"}
