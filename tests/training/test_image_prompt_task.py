"""Image prompts that are trained while the diffusion network stays."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from PIL import Image
from safetensors.torch import load_file

from pandiff.coco import PanopticFolder
from pandiff.errors import InputError
from pandiff.models.encoders import to_pixels
from pandiff.models.image_prompt import encode_image_prompts
from pandiff.pipeline import PanopticDiffusionPipeline
from pandiff.training.config import TrainConfig
from pandiff.training.image_prompt_task import ImagePromptTask
from pandiff.training.loop import train

READS = "image_prompt_embed.weight"

Make = Callable[..., TrainConfig]


@pytest.fixture
def config(tiny_config: Make, with_prompts: Path) -> TrainConfig:
    base = tiny_config("image-prompt", init=str(with_prompts), seed=5)
    return replace(base, image_prompt_dropout=0.0)


def test_what_is_made_without_an_image_prompt_stays_bit_by_bit(
    config: TrainConfig, with_prompts: Path, toy_data: Path, tmp_path: Path
) -> None:
    train(config, toy_data, tmp_path / "run")
    start, run = map(
        PanopticDiffusionPipeline.from_pretrained, (with_prompts, tmp_path / "run/model")
    )
    before, after = start.transformer.state_dict(), run.transformer.state_dict()
    assert [k for k in before if not torch.equal(before[k], after[k])] == [READS]
    before, after = start.image_encoder.state_dict(), run.image_encoder.state_dict()
    assert any(not torch.equal(before[k], after[k]) for k in before)
    seen = Image.new("RGB", (64, 64), "red")
    for prompt, same in ((None, True), (seen, False)):
        made = [
            pipe("a house", image_prompt=prompt, num_inference_steps=2, output_type="pt",
                 generator=torch.Generator().manual_seed(0)).images
            for pipe in (start, run)
        ]  # fmt: skip
        assert torch.equal(*made) is same


def test_the_network_is_told_what_the_pipeline_tells_it(
    config: TrainConfig, with_prompts: Path, toy_data: Path, tmp_path: Path
) -> None:
    """Of the sample's own image, and nothing where the image prompt is dropped."""
    task = ImagePromptTask(config, toy_data, torch.device("cpu"), tmp_path / "cache.safetensors")
    batch = task.dataset.__getitems__([3, 0])
    draws = task.draw(2, torch.Generator().manual_seed(0))
    draws["prompted"] = torch.tensor([True, False])
    losses = task.losses(task.network, batch, draws)
    told = task._context(batch, draws).image
    pixels = to_pixels(PanopticFolder.open(toy_data).image(3))[None]
    encoder = PanopticDiffusionPipeline.from_pretrained(with_prompts).image_encoder
    torch.testing.assert_close(told[:1], encode_image_prompts(encoder, pixels, told.shape[1]))
    assert not told[1].any()
    losses["loss"].backward()
    assert task.network.image_encoder.embeddings.patch_embeddings.projection.weight.grad.any()


def test_a_resumed_run_is_the_same_bit_by_bit(
    config: TrainConfig, check_resume: Callable[[TrainConfig], Path]
) -> None:
    stored = load_file(check_resume(config) / "checkpoint/network.safetensors")
    others = [name for name in stored if not name.startswith("image_encoder.")]
    assert others == [f"transformer.{READS}"], "nothing frozen is stored"


def test_it_makes_a_picture_of_what_is_made_like_what(
    config: TrainConfig, toy_data: Path, tmp_path: Path
) -> None:
    task = ImagePromptTask(config, toy_data, torch.device("cpu"), tmp_path / "cache.safetensors")
    picture = task.preview(task.network.eval())
    assert picture.width > 8 * 64


@pytest.mark.parametrize(
    ("init", "message"),
    [
        (None, "an init, the model that stays, got none"),
        ("tiny", "a unified network and a Swin-V2"),
    ],
)
def test_models_without_image_prompts(
    init: str | None, message: str, config: TrainConfig, tiny_model: Path, toy_data: Path,
    tmp_path: Path,
) -> None:  # fmt: skip
    config = replace(config, init=init and str(tiny_model))
    with pytest.raises(InputError, match=message):
        train(config, toy_data, tmp_path / "run")
    assert not list(tmp_path.glob("run/*")), "nothing is encoded for nothing"
