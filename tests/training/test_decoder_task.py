"""Training of a VAE's decoder: the encoder stays, and each side of the game has its own loss."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch
from diffusers import AutoencoderKL
from PIL import Image
from safetensors.torch import load_file, save_file

from pandiff.coco import FolderWriter
from pandiff.errors import InputError
from pandiff.models.discriminator import PatchDiscriminator
from pandiff.models.encoders import to_pixels
from pandiff.panoptic import PanopticMap
from pandiff.pipeline import PanopticDiffusionPipeline
from pandiff.training.config import TrainConfig
from pandiff.training.decoder_task import DecoderTask
from pandiff.training.loop import train

Make = Callable[..., TrainConfig]
CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def script(root: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location("make_latents", root / "scripts/make_latents.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["make_latents"] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def task(tiny_config: Make, toy_data: Path) -> DecoderTask:
    return DecoderTask(tiny_config("decoder"), toy_data, CPU)


def losses(task: DecoderTask) -> dict[str, torch.Tensor]:
    batch = task.dataset.__getitems__([0, 3, 5])
    return task.losses(task.network, batch, task.draw(3, torch.Generator().manual_seed(0)))


def test_only_the_decoder_changes(
    tiny_config: Make, toy_data: Path, tiny_model: Path, tmp_path: Path
) -> None:
    model = train(tiny_config("decoder", steps=3), toy_data, tmp_path)
    before, after = (AutoencoderKL.from_pretrained(p, subfolder="vae") for p in (tiny_model, model))
    assert before.config.block_out_channels == after.config.block_out_channels
    new = after.state_dict()
    changed = {n.split(".")[0] for n, p in before.state_dict().items() if (new[n] != p).any()}
    assert changed == {"decoder", "post_quant_conv"}


def test_each_side_has_its_own_loss(task: DecoderTask) -> None:
    """The discriminator learns from its verdicts alone, the decoder from everything else."""
    network = task.network
    judge = list(network.discriminator.parameters())
    decoder = [p for p in network.vae.decoder.parameters()]
    found = losses(task)
    rest = found["loss"] - found["judged"]
    options = {"retain_graph": True, "allow_unused": True}
    assert all(g is None for g in torch.autograd.grad(found["judged"], decoder, **options))
    assert all(g is not None for g in torch.autograd.grad(found["judged"], judge, **options))
    assert all(g is not None for g in torch.autograd.grad(rest, decoder, **options))
    grads = torch.autograd.grad(rest, judge, **options)
    assert all(g is None or not g.any() for g in grads)


def test_images_and_their_latents_lie_side_by_side(task: DecoderTask, made_latents: Path) -> None:
    batch = task.dataset.__getitems__([1, 6])
    assert torch.equal(batch["pixels"][0], task.dataset.images[3])
    assert torch.equal(batch["made"][1], load_file(made_latents)["latents"][6].float())
    assert len(task.dataset) == 8


def test_crops_of_image_and_latent_show_the_same_place(
    tiny_config: Make, toy_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    latents = torch.arange(16.0).repeat_interleave(16).reshape(1, 1, 16, 16).expand(1, 4, -1, -1)
    save_file(
        {"index": torch.tensor([0]), "latents": latents.contiguous()}, tmp_path / "z.safetensors"
    )
    config = tiny_config("decoder", size=128, latents=str(tmp_path / "z.safetensors"))
    task = DecoderTask(config, toy_data, CPU)
    pixels = (latents[:, :1] / 100).repeat_interleave(8, 2).repeat_interleave(8, 3)
    batch = {"pixels": pixels.expand(-1, 3, -1, -1), "encoded": latents, "made": latents}
    draws = task.draw(1, torch.Generator().manual_seed(1)) | {"scale": torch.zeros(1, 1, 1, 1)}
    seen: list[tuple[torch.Tensor, torch.Tensor]] = []
    forward = PatchDiscriminator.forward

    def watched(self: PatchDiscriminator, pixels: torch.Tensor, z: torch.Tensor) -> object:
        seen.append((pixels, z))
        return forward(self, pixels, z)

    monkeypatch.setattr(PatchDiscriminator, "forward", watched)
    task.losses(task.network, batch, draws)
    shown, z = seen[0]
    assert shown.shape == (1, 3, 64, 64) and z.shape == (1, 4, 8, 8)
    assert torch.allclose(shown[:, :, ::8, ::8] * 100, z[:, :3])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"init": None}, "a model with the VAE to start from, got none; pass --init"),
        ({"latents": None}, "latents that a model made, got none; pass --latents"),
        ({"parallel": "fsdp"}, "parallel ddp for a decoder, got fsdp"),
        ({"size": 32}, "a size of 64 px or more, got 32"),
        ({"size": 128}, r"latents of shape \(4, 16, 16\) of 12 images, got \(4, 8, 8\)"),
        ({"latents": "no-such"}, "latents at 'no-such'"),
    ],
)
def test_wrong_settings(
    changes: dict[str, object], message: str, tiny_config: Make, toy_data: Path
) -> None:
    with pytest.raises(InputError, match=message):
        DecoderTask(tiny_config("decoder", **changes), toy_data, CPU)


@pytest.mark.parametrize(
    ("index", "shape", "message"),
    [
        ([0, 99], (2, 4, 8, 8), "of 12 images, got .* 100 images or more"),
        ([0], (2, 4, 8, 8), r"an index \(N,\) and latents \(N, C, h, w\)"),
        ([], (0, 4, 8, 8), "an index"),
    ],
)
def test_latents_of_other_images(
    index: list[int], shape: tuple[int, ...], message: str, tiny_config: Make, toy_data: Path,
    tmp_path: Path,
) -> None:  # fmt: skip
    path = tmp_path / "z.safetensors"
    save_file(
        {"index": torch.tensor(index, dtype=torch.int64), "latents": torch.zeros(shape)}, path
    )
    with pytest.raises(InputError, match=message):
        DecoderTask(tiny_config("decoder", latents=str(path)), toy_data, CPU)


def test_the_script_goes_on_and_makes_the_same(
    script: ModuleType, toy_data: Path, tiny_model: Path, tmp_path: Path
) -> None:
    def run(out: Path, count: int) -> dict[str, torch.Tensor]:
        script.main(
            ["--model", f"{tiny_model}", "--data", f"{toy_data}", "--count", f"{count}",
             "--batch", "4", "--steps", "4", "--out", f"{out}"]
        )  # fmt: skip
        return load_file(out)

    first = run(tmp_path / "cut.safetensors", 6)
    assert first["index"].tolist() == [0, 1, 2, 3, 4, 5]
    again, whole = run(tmp_path / "cut.safetensors", 10), run(tmp_path / "whole.safetensors", 10)
    assert again["index"].tolist() == list(range(10))
    assert again["latents"].shape == (10, 4, 8, 8) and again["latents"].dtype == torch.float16
    torch.testing.assert_close(again["latents"], whole["latents"], rtol=0, atol=2e-3)
    assert {p.name for p in tmp_path.iterdir()} == {"cut.safetensors", "whole.safetensors"}


def test_image_and_latent_of_a_photo_that_is_not_square_show_the_same(
    script: ModuleType, tiny_config: Make, tiny_model: Path, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    taxonomy = PanopticDiffusionPipeline.from_pretrained(tiny_model).taxonomy
    ids = np.repeat([1, 2], 48)[None].repeat(64, 0)
    photo = Image.fromarray(
        (ids[..., None] * 40 + np.arange(96)[:, None]).repeat(3, 2).astype("u1")
    )
    with FolderWriter(tmp_path / "data", taxonomy) as writer:
        writer.add(photo, PanopticMap.from_ids(ids, {1: 1, 2: 2}, taxonomy), ["a box"])
    given: list[tuple[Image.Image, PanopticMap]] = []
    call = PanopticDiffusionPipeline.__call__

    def noted(self: PanopticDiffusionPipeline, *prompts: object, **options: Any) -> Any:
        given.extend(zip(options["image"], options["map"], strict=True))
        return call(self, *prompts, **options)

    monkeypatch.setattr(PanopticDiffusionPipeline, "__call__", noted)
    out = tmp_path / "z.safetensors"
    script.main(["--model", f"{tiny_model}", "--data", f"{tmp_path / 'data'}", "--steps", "2",
                 "--out", f"{out}"])  # fmt: skip
    task = DecoderTask(tiny_config("decoder", latents=str(out)), tmp_path / "data", CPU)
    (image, panoptic), (seen,) = given[0], task.dataset.__getitems__([0])["pixels"]
    assert torch.equal(to_pixels(image), seen)
    assert panoptic.size == (64, 64) and (panoptic.ids[:, 31:33] == [1, 2]).all()


def test_latents_of_other_settings_are_not_mixed(
    script: ModuleType, toy_data: Path, tiny_model: Path, tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    base = ["--model", f"{tiny_model}", "--data", f"{toy_data}", "--count", "2", "--out",
            f"{tmp_path / 'z.safetensors'}"]  # fmt: skip
    script.main([*base, "--steps", "2"])
    for more, message in (
        (["--steps", "3"], "expected the steps '2' with which"),
        (["--data", f"{tmp_path}"], "expected a dataset folder"),
    ):
        with pytest.raises(SystemExit) as error:
            script.main([*base, *more])
        assert error.value.code == 2
        assert message in capsys.readouterr().err
