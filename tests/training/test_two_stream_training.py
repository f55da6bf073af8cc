"""Two streams through the whole training: frozen stays frozen, a resume is exact, it samples."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from pandiff.errors import InputError
from pandiff.models.two_stream import TwoStreamPDM
from pandiff.models.uvit import UViT
from pandiff.pipeline import PanopticDiffusionPipeline
from pandiff.training.config import TrainConfig
from pandiff.training.loop import train

Make = Callable[..., TrainConfig]


@pytest.fixture
def backbone(tmp_path: Path) -> Path:
    """A small U-ViT for the encoders of `tiny_model`."""
    torch.manual_seed(0)
    model = UViT(
        img_size=8, in_chans=4, patch_size=2, embed_dim=32, depth=3, num_heads=2, clip_dim=32,
        num_clip_token=12,
    )  # fmt: skip
    model.save_pretrained(tmp_path / "backbone")
    return tmp_path / "backbone"


@pytest.fixture
def config(tiny_config: Make, backbone: Path) -> TrainConfig:
    return tiny_config("pdm", network="two-stream", backbone=str(backbone), model={})


def test_only_the_map_stream_is_trained_and_stored(
    config: TrainConfig, backbone: Path, toy_data: Path, tmp_path: Path
) -> None:
    train(config, toy_data, tmp_path / "run")
    stored = load_file(tmp_path / "run/checkpoint/network.safetensors")
    assert not [name for name in stored if "frozen" in name]
    pipe = PanopticDiffusionPipeline.from_pretrained(tmp_path / "run/model")
    network = pipe.transformer
    assert isinstance(network, TwoStreamPDM)
    before = UViT.from_pretrained(backbone).state_dict()
    after = network.backbone.model.state_dict()
    assert all(torch.equal(before[name], after[name]) for name in before)
    pipe.set_progress_bar_config(disable=True)
    out = pipe("a red box", num_inference_steps=2, generator=torch.Generator().manual_seed(0))
    assert out.maps[0].size == out.images[0].size == (64, 64)


def test_a_resumed_run_is_the_same_bit_by_bit(
    config: TrainConfig, check_resume: Callable[[TrainConfig], Path]
) -> None:
    check_resume(config)


def test_a_backbone_is_needed_and_must_fit(
    tiny_config: Make, toy_data: Path, tmp_path: Path
) -> None:
    config = tiny_config("pdm", network="two-stream", model={})
    with pytest.raises(InputError, match="a backbone for two streams, got none"):
        train(config, toy_data, tmp_path / "run")
    UViT(img_size=8, embed_dim=32, depth=3, num_heads=2, clip_dim=16).save_pretrained(
        tmp_path / "other"
    )
    config = tiny_config("pdm", network="two-stream", model={}, backbone=str(tmp_path / "other"))
    with pytest.raises(InputError, match="4 latent and 16 text channels"):
        train(config, toy_data, tmp_path / "run")
