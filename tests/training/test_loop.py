"""Training: each task learns, resumes bit by bit, and exports what can be loaded."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from diffusers import AutoencoderKL
from safetensors.torch import load_file
from transformers import CLIPTextModel, PreTrainedTokenizerFast, Swinv2Model

from pandiff.coco import FolderWriter
from pandiff.errors import InputError
from pandiff.models.unified import UnifiedPDM
from pandiff.pipeline import PanopticDiffusionPipeline
from pandiff.taxonomy import Category, Taxonomy
from pandiff.training.config import TrainConfig
from pandiff.training.loop import make_task, train
from pandiff.training.task import Task
from pandiff.training.tracker import Tracker

Make = Callable[..., TrainConfig]
TASKS = ("vae", "clip", "text", "swin", "pdm")
INERT = {".safetensors", ".json", ".jsonl", ".png", ".txt"}


def losses(run: Path) -> list[float]:
    return [json.loads(line)["loss"] for line in (run / "log.jsonl").read_text().splitlines()]


def assert_same(one: Path, other: Path) -> None:
    """Two checkpoints hold the same tensors, bit by bit."""
    for name in ("network", "ema", "optimizer"):
        mine, theirs = (load_file(p / f"checkpoint/{name}.safetensors") for p in (one, other))
        torch.testing.assert_close(mine, theirs, rtol=0, atol=0)


def assert_same_gradients(one: Path, other: Path) -> None:
    """After one step Adam's moments are the gradient, of norm up to 1, and its square."""
    mine, theirs = (load_file(p / "checkpoint/optimizer.safetensors") for p in (one, other))
    torch.testing.assert_close(mine, theirs, rtol=1e-3, atol=1e-6)


@pytest.mark.parametrize("task", TASKS)
def test_it_learns(
    task: str, tiny_config: Make, toy_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)  # no TensorBoard
    steps = {"vae": 40, "clip": 40, "text": 40, "swin": 40, "pdm": 80}[task]
    config = tiny_config(task, steps=steps, save_every=1000, preview_every=steps)
    assert train(config, toy_data, tmp_path) == tmp_path / "model"
    curve = losses(tmp_path)
    assert len(curve) == steps
    assert sum(curve[-10:]) < 0.9 * sum(curve[:10])
    assert (tmp_path / f"previews/{steps:07d}.png").is_file()
    assert {p.suffix for p in tmp_path.rglob("*") if p.is_file()} <= INERT


@pytest.mark.parametrize(
    ("task", "optimizer"), [*((t, "adamw") for t in TASKS), ("pdm", "muon"), ("clip", "muon")]
)
def test_a_resumed_run_is_the_same_bit_by_bit(
    task: str,
    optimizer: str,
    tiny_config: Make,
    toy_data: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    config, whole, cut = tiny_config(task), tmp_path / "whole", tmp_path / "cut"
    config = replace(config, optim=replace(config.optim, name=optimizer))
    train(config, toy_data, whole)

    def interrupt(self: Tracker, step: int, *others: object) -> None:
        if step == 5:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(Tracker, "log", interrupt)
        train(config, toy_data, cut)
    assert json.loads((cut / "checkpoint/state.json").read_text()) == {"step": 3}
    assert not (cut / "model").exists()
    train(config, toy_data, cut)
    assert_same(whole, cut)


def test_runs_of_one_process_may_differ_in_precision(
    tiny_config: Make, toy_data: Path, tmp_path: Path
) -> None:
    for precision in ("no", "bf16"):
        train(tiny_config("pdm", steps=1, precision=precision), toy_data, tmp_path / precision)
    one, other = losses(tmp_path / "no"), losses(tmp_path / "bf16")
    assert one != other
    assert one == pytest.approx(other, rel=0.05)


def test_a_finished_run_stays_as_it_is(tiny_config: Make, toy_data: Path, tmp_path: Path) -> None:
    config = tiny_config("vae", steps=2)
    train(config, toy_data, tmp_path)
    before = (tmp_path / "checkpoint/network.safetensors").read_bytes()
    train(config, toy_data, tmp_path)
    assert (tmp_path / "checkpoint/network.safetensors").read_bytes() == before


@pytest.mark.parametrize("accumulate", [2, 4])
def test_micro_batches_add_up(
    accumulate: int, tiny_config: Make, toy_data: Path, tmp_path: Path
) -> None:
    """Exactly for the means over whole images of the VAE."""
    config = tiny_config("vae", steps=1)
    train(config, toy_data, tmp_path / "one")
    train(replace(config, accumulate=accumulate), toy_data, tmp_path / "several")
    assert losses(tmp_path / "several") == pytest.approx(losses(tmp_path / "one"), rel=1e-5)
    assert_same_gradients(tmp_path / "one", tmp_path / "several")


def test_a_task_of_an_experiment(tiny_config: Make, toy_data: Path, tmp_path: Path) -> None:
    """`make` takes the place of `make_task`, and gets what it gets."""
    tasks: list[Task] = []

    def make(config: TrainConfig, data: str | Path, out: Path, device: torch.device) -> Task:
        tasks.append(make_task(config, data, out, device))
        return tasks[-1]

    train(tiny_config("clip", steps=1), toy_data, tmp_path / "run", make)
    assert len(tasks) == 1


def test_runs_differ_by_their_seed(tiny_config: Make, toy_data: Path, tmp_path: Path) -> None:
    for seed in (0, 1):
        train(tiny_config("vae", steps=1, seed=seed), toy_data, tmp_path / str(seed))
    with pytest.raises(AssertionError):
        assert_same(tmp_path / "0", tmp_path / "1")


def test_exports_can_be_loaded(tiny_config: Make, toy_data: Path, tmp_path: Path) -> None:
    for task in TASKS:
        train(tiny_config(task, steps=1), toy_data, tmp_path / task)
    vae = AutoencoderKL.from_pretrained(tmp_path / "vae/model/vae")
    assert len(vae.config.latents_mean) == 4
    assert min(vae.config.latents_std) > 0
    CLIPTextModel.from_pretrained(tmp_path / "clip/model/text_encoder")
    tokenizer = PreTrainedTokenizerFast.from_pretrained(tmp_path / "clip/model/tokenizer")
    assert tokenizer("a red box").input_ids[0] == tokenizer.bos_token_id
    swin = Swinv2Model.from_pretrained(tmp_path / "swin/model", subfolder="image_encoder")
    assert swin.config.image_size == 64
    pipe = PanopticDiffusionPipeline.from_pretrained(tmp_path / "pdm/model")
    ema = load_file(tmp_path / "pdm/checkpoint/ema.safetensors")
    torch.testing.assert_close(dict(pipe.transformer.state_dict()), ema, rtol=0, atol=0)


def test_a_run_can_start_from_a_model(
    tiny_config: Make, tiny_model: Path, toy_data: Path, tmp_path: Path
) -> None:
    optim = replace(tiny_config("pdm").optim, lr=0.0)
    for task in ("vae", "pdm"):
        config = tiny_config(task, init=str(tiny_model), steps=1, optim=optim)
        train(config, toy_data, tmp_path / task)
        part = "transformer" if task == "pdm" else "vae"
        (weights,) = (tiny_model / part).glob("*.safetensors")
        network = load_file(tmp_path / task / "checkpoint/network.safetensors")
        torch.testing.assert_close(network, load_file(weights), rtol=0, atol=0)


def test_a_model_grows_modulation(
    tiny_config: Make, tiny_model: Path, toy_data: Path, tmp_path: Path
) -> None:
    config = tiny_config("pdm", init=str(tiny_model), steps=1)
    config = replace(config, model={"modulation": True}, optim=replace(config.optim, lr=0.0))
    train(config, toy_data, tmp_path)
    grown = PanopticDiffusionPipeline.from_pretrained(tmp_path / "model").transformer
    before = UnifiedPDM.from_pretrained(tiny_model, subfolder="transformer").state_dict()
    after = grown.state_dict()
    assert grown.config.modulation and after.keys() > before.keys()
    torch.testing.assert_close({n: after[n] for n in before}, dict(before), rtol=0, atol=0)


def test_image_prompts_grow_longer(
    tiny_config: Make, tiny_model: Path, with_swin: Path, toy_data: Path, tmp_path: Path
) -> None:
    """Four tokens of a quarter of the image each become sixteen, which start from theirs."""
    config = tiny_config("pdm", init=str(tiny_model), encoders=str(with_swin), steps=2)
    train(replace(config, image_prompt_dropout=0.0), toy_data, tmp_path / "four")
    config = replace(
        config,
        init=str(tmp_path / "four/model"),
        encoders=None,
        model={"image_prompt_length": 16},
        optim=replace(config.optim, lr=0.0),
    )
    train(config, toy_data, tmp_path / "sixteen")
    four, sixteen = (
        PanopticDiffusionPipeline.from_pretrained(tmp_path / f"{name}/model").transformer
        for name in ("four", "sixteen")
    )
    assert sixteen.config.image_prompt_length == 16
    short, long = (n.image_prompt_positions.detach()[0] for n in (four, sixteen))
    corners = long.view(4, 4, -1)[::3, ::3].flatten(0, 1)
    torch.testing.assert_close(corners, short)
    assert long.mean(0) == pytest.approx(short.mean(0), abs=1e-5)


def test_a_model_learns_to_take_image_prompts(
    tiny_config: Make, tiny_model: Path, with_swin: Path, toy_data: Path, tmp_path: Path
) -> None:
    """With an image encoder among the encoders, a network without image prompts grows them."""
    config = tiny_config("pdm", init=str(tiny_model), encoders=str(with_swin), steps=2)
    config = replace(config, image_prompt_dropout=0.0)
    train(config, toy_data, tmp_path / "pdm")
    pipe = PanopticDiffusionPipeline.from_pretrained(tmp_path / "pdm/model")
    assert pipe.transformer.config.image_prompt_dim == pipe.image_encoder.config.hidden_size
    before = UnifiedPDM.from_pretrained(tiny_model, subfolder="transformer").state_dict()
    after = pipe.transformer.state_dict()
    new = {"image_prompt_embed.weight", "image_prompt_embed.bias", "image_prompt_positions"}
    assert after.keys() - before.keys() == new
    adam = load_file(tmp_path / "pdm/checkpoint/optimizer.safetensors")
    assert all(v.abs().sum() > 0 for k, v in adam.items() if k.endswith("exp_avg"))


@pytest.mark.parametrize(
    ("task", "changes", "message"),
    [
        ("sing", {}, "a task of vae, clip, text, swin, pdm"),
        ("vae", {"batch_size": 5, "accumulate": 2}, "a batch_size that 2 parts divide, got 5"),
        ("vae", {"size": 32}, "a size of 64 px or more, got 32"),
        ("vae", {"model": {"wide": 3}}, "got wide; mend --model"),
        ("pdm", {"model": {"wide": 3}}, "got wide; mend --model"),
        ("pdm", {"model": {"width": "x"}}, "model settings that fit one another, got"),
        ("vae", {"model": {"block_out_channels": [9]}}, "model settings that fit one another, got"),
        ("vae", {"init": "no-such"}, "got 'no-such'; check the name"),
        ("pdm", {"size": 63}, "a size that 8 divides, got 63"),
        ("pdm", {"encoders": "no-such"}, "got 'no-such'; check the name"),
        ("pdm", {"instances": "nope"}, "nope"),
    ],
)
def test_wrong_settings_leave_nothing(
    task: str, changes: dict[str, object], message: str, tiny_config: Make, toy_data: Path,
    tmp_path: Path,
) -> None:  # fmt: skip
    config = replace(tiny_config("pdm" if task == "sing" else task), task=task, **changes)
    with pytest.raises(InputError, match=message):
        train(config, toy_data, tmp_path / "run")
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("task", "what"),
    [
        ("vae", "a VAE to start from"),
        ("clip", "a CLIP to start from"),
        ("pdm", "vae, text_encoder and tokenizer"),
        ("segmenter", "a segmenter to start from"),
    ],
)
def test_a_start_that_is_none(
    task: str, what: str, tiny_config: Make, toy_data: Path, tmp_path: Path
) -> None:
    config = replace(tiny_config("vae"), task=task, init=str(tmp_path))
    with pytest.raises(InputError, match=f"expected {what} at '{tmp_path}', got"):
        train(config, toy_data, tmp_path / "run")
    assert not list(tmp_path.iterdir())


def test_encoders_that_are_not_whole(tiny_config: Make, toy_data: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="vae, text_encoder and tokenizer at"):
        train(tiny_config("pdm", encoders=str(tmp_path)), toy_data, tmp_path / "run")


def test_other_settings_in_one_folder(tiny_config: Make, toy_data: Path, tmp_path: Path) -> None:
    config = tiny_config("vae", steps=1)
    train(config, toy_data, tmp_path)
    with pytest.raises(InputError, match="another seed: 7, there 0; use another --out"):
        train(replace(config, seed=7), toy_data, tmp_path)
    train(replace(config, steps=2, log_every=5), toy_data, tmp_path)
    assert json.loads((tmp_path / "checkpoint/state.json").read_text()) == {"step": 2}


def test_a_setting_that_a_run_does_not_know_is_the_default(
    tiny_config: Make, toy_data: Path, tmp_path: Path
) -> None:
    config = tiny_config("vae", steps=1)
    train(config, toy_data, tmp_path)
    old = json.loads((tmp_path / "config.json").read_text())
    del old["map_weight"]
    (tmp_path / "config.json").write_text(json.dumps(old))
    train(config, toy_data, tmp_path)
    (tmp_path / "config.json").write_text(json.dumps(old))
    with pytest.raises(InputError, match=r"another map_weight: 2\.0, there 1\.0"):
        train(replace(config, map_weight=2.0), toy_data, tmp_path)


@pytest.mark.parametrize("task", TASKS)
def test_data_without_an_image(task: str, tiny_config: Make, tmp_path: Path) -> None:
    FolderWriter(tmp_path / "data", Taxonomy((Category(1, "sky", False),))).close()
    with pytest.raises(InputError, match="a dataset with images, got none in"):
        train(tiny_config(task), tmp_path / "data", tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_data_without_a_panoptic_json(tiny_config: Make, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"a dataset folder with panoptic\.json"):
        train(tiny_config("vae"), tmp_path, tmp_path / "run")
    assert not (tmp_path / "run").exists()
