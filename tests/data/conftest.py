"""Twelve samples in shards of 5, 5 and 2."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from pandiff.coco import PanopticFolder
from pandiff.codec import PanopticCodec
from pandiff.data.shards import ShardEncoding, ShardWriter
from pandiff.pipeline import load_encoders


@pytest.fixture(scope="session")
def encoding(tiny_model: Path) -> ShardEncoding:
    """Small encoders with latents that are not white."""
    e = load_encoders(str(tiny_model))
    e.vae.register_to_config(latents_mean=[0.1, 0.2, 0.3, 0.4], latents_std=[1.0, 2.0, 0.5, 1.0])
    return ShardEncoding(e.vae, e.text, 64, precision="no")


@pytest.fixture(scope="session")
def folder(toy_data: Path) -> PanopticFolder:
    """The dataset that the shards hold."""
    return PanopticFolder.open(toy_data)


@pytest.fixture(scope="session")
def shards(
    encoding: ShardEncoding, folder: PanopticFolder, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """The shards, not to be changed."""
    out = tmp_path_factory.mktemp("shards") / "s"
    assert ShardWriter(folder, encoding, out, 5).write() is not None
    return out


@pytest.fixture
def copied(shards: Path, tmp_path: Path) -> Path:
    """A copy to be changed."""
    return Path(shutil.copytree(shards, tmp_path / "copied"))


@pytest.fixture
def codec(folder: PanopticFolder) -> PanopticCodec:
    """Of the shards' taxonomy."""
    return PanopticCodec(folder.taxonomy)
