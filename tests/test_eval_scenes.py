"""The evaluation script on an untrained pipeline: all sections, reproducible, its picture."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch
from diffusers import DPMSolverMultistepScheduler
from PIL import Image

from pandiff.codec import PanopticCodec
from pandiff.data.scenes import TAXONOMY, make_scene
from pandiff.evaluation.sampling import draw_samples
from pandiff.models.segmenter import PanopticSegmenter
from pandiff.models.small import small_clip, small_vae, train_tokenizer
from pandiff.models.unified import UnifiedPDM
from pandiff.pipeline import PanopticDiffusionPipeline

LENGTH = 12


@pytest.fixture(scope="module")
def pipe() -> PanopticDiffusionPipeline:
    """An untrained pipeline for 32 px."""
    torch.manual_seed(0)
    words = [c.text for k in range(9) for c in make_scene(0, k, 32).captions]
    tokenizer = train_tokenizer(words, 120, LENGTH)
    ends = tokenizer.bos_token_id, tokenizer.eos_token_id
    clip = small_clip(len(tokenizer), *ends, image_size=32, length=LENGTH, width=32, layers=1)
    codec = PanopticCodec(TAXONOMY)
    vae = small_vae(latent_channels=4, block_out_channels=(16,))
    network = UnifiedPDM(
        sample_size=8, image_channels=4, map_channels=codec.channels, ratio=4, width=32, depth=1,
        heads=2, context_dim=32, context_length=LENGTH,
    )  # fmt: skip
    return PanopticDiffusionPipeline(
        vae=vae,
        text_encoder=clip.text_model,
        tokenizer=tokenizer,
        transformer=network,
        scheduler=DPMSolverMultistepScheduler(),
        codec=codec.to_config(),
    )


@pytest.fixture(scope="module")
def folder(pipe: PanopticDiffusionPipeline, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The stored pipeline, and a segmenter beside it."""
    folder = tmp_path_factory.mktemp("models")
    pipe.save_pretrained(folder / "pipe")
    network = PanopticSegmenter(taxonomy=TAXONOMY.to_coco(), widths=(8, 8))
    network.save_pretrained(folder / "segmenter")
    return folder


@pytest.fixture(scope="module")
def script(load_script: Callable[[str], ModuleType]) -> ModuleType:
    return load_script("eval_scenes")


def options(folder: Path, out: Path, batch: int) -> list[str]:
    text = f"--model {folder}/pipe --segmenter {folder}/segmenter --prompts 3 --directions 2"
    rest = f"--steps 2 --batch {batch} --seed 4 --out {out}/metrics.json --grid {out}/grid.png"
    return [*text.split(), *rest.split()]


def test_all_sections(folder: Path, script: ModuleType, tmp_path: Path) -> None:
    report = script.run(options(folder, tmp_path, batch=8))
    assert json.loads((tmp_path / "metrics.json").read_text()) == report
    assert report["setup"]["seed"] == 4 and report["setup"]["steps"] == 2
    assert report["setup"]["command"].startswith("python scripts/eval_scenes.py --model")
    assert report["text_real"]["categories"]["value"] == 1
    assert report["agreement"]["all"]["n"] == 3
    for name in ("image_to_map", "map_to_image"):
        assert set(report[name]) == {"all", "things", "stuff"}
        assert report[name]["all"]["n"] == 2
    values = [e for name in report if name != "setup" for e in report[name].values()]
    assert all(e["low"] <= e["high"] and e["value"] >= 0 for e in values)
    with Image.open(tmp_path / "grid.png") as picture:
        assert min(picture.size) > 100


def test_directions_and_votes_alone(
    folder: Path,
    script: ModuleType,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Without prompts; the maps that were found first vote too, and are not drawn again."""
    drawn, draw = [], script.draw_samples

    def counted(pipe: Any, prompts: list[str], seeds: list[int], **others: object) -> object:
        drawn.append(tuple(seeds))
        assert pipe.scheduler.config["algorithm_type"] == "sde-dpmsolver++"
        return draw(pipe, prompts, seeds, **others)

    monkeypatch.setattr(script, "draw_samples", counted)
    arguments = options(folder, tmp_path, batch=8)
    report = script.run([*arguments, "--prompts", "0", "--votes", "3", "--sde"])
    assert set(report) == {"setup", "image_to_map", "map_to_image", "map_to_image_ratio",
                           "image_to_map_votes_3"}  # fmt: skip
    assert report["image_to_map_votes_3"]["all"]["n"] == 2
    assert len(drawn) == 4 and len(set(drawn)) == 3, "map -> image has the seeds of the first"
    lines = capsys.readouterr().err.splitlines()
    assert [line.split(":")[0] for line in lines if "2 samples, " in line] == [
        "image to map", "map to image", "vote 2", "vote 3",
    ]  # fmt: skip
    assert not (tmp_path / "grid.png").exists()


def test_a_sample_depends_on_its_seed_alone(pipe: PanopticDiffusionPipeline) -> None:
    prompts, seeds = ["a dog", "a car", "a boat"], [1, 2, 3]
    settings = {"steps": 2, "guidance_scale": 2.0}
    together = draw_samples(pipe, prompts, seeds, **settings)
    alone = draw_samples(pipe, prompts[2:], seeds[2:], **settings)
    difference = [
        abs(a - b)
        for a, b in zip(together[2].image.tobytes(), alone[0].image.tobytes(), strict=True)
    ]
    assert sum(difference) / len(difference) < 1


def test_what_is_given_stays(pipe: PanopticDiffusionPipeline) -> None:
    scenes = [make_scene(2, k, 32) for k in range(3)]
    maps = [s.panoptic for s in scenes]
    made = draw_samples(
        pipe, [""] * 3, [0, 1, 2], steps=1, guidance_scale=1.0, batch_size=2, maps=maps
    )
    assert [m.panoptic for m in made] == maps
