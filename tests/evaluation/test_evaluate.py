"""An evaluation from end to end on small untrained models: all sections, resume, refusals."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from diffusers import DPMSolverMultistepScheduler

from pandiff.cli import main
from pandiff.coco import PanopticFolder
from pandiff.codec import PanopticCodec
from pandiff.data.scenes import SPLITS, TAXONOMY, make_scene
from pandiff.errors import InputError
from pandiff.evaluation.evaluate import Settings
from pandiff.evaluation.questions import FolderQuestions, SceneQuestions, questions_of
from pandiff.evaluation.rows import Rows
from pandiff.evaluation.sample_sets import Sample, fill, real
from pandiff.models.small import small_clip, small_vae, train_tokenizer
from pandiff.models.unified import UnifiedPDM
from pandiff.pipeline import PanopticDiffusionPipeline

Numbers = dict[str, dict[str, float]]
KINDS = ("categories", "counts", "colors", "relations")
"""Of claims: they are counted, not images."""


@pytest.fixture(scope="module")
def scenes_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of an untrained pipeline for scenes of 32 px."""
    torch.manual_seed(0)
    words = [c.text for k in range(9) for c in make_scene(0, k, 32).captions]
    tokenizer = train_tokenizer(words, 120, 12)
    ends = tokenizer.bos_token_id, tokenizer.eos_token_id
    clip = small_clip(len(tokenizer), *ends, image_size=32, length=12, width=32, layers=1)
    codec = PanopticCodec(TAXONOMY)
    network = UnifiedPDM(
        sample_size=8, image_channels=4, map_channels=codec.channels, ratio=4, width=32, depth=1,
        heads=2, context_dim=32, context_length=12,
    )  # fmt: skip
    pipe = PanopticDiffusionPipeline(
        vae=small_vae(latent_channels=4, block_out_channels=(16,)),
        text_encoder=clip.text_model,
        tokenizer=tokenizer,
        transformer=network,
        scheduler=DPMSolverMultistepScheduler(),
        codec=codec.to_config(),
    )
    path = tmp_path_factory.mktemp("models") / "scenes"
    pipe.save_pretrained(path)
    return path


@pytest.fixture(scope="module")
def run(scenes_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished evaluation on scenes."""
    out = tmp_path_factory.mktemp("runs") / "one"
    assert evaluate(scenes_model, out) == 0
    return out


def evaluate(model: Path, out: Path, *more: object, count: int = 8, steps: int = 2) -> int:
    options = ["--count", count, "--steps", steps, "--batch", 4, *more]
    return main([str(a) for a in ["evaluate", "--model", model, "--out", out, *options]])


def metrics_of(out: Path) -> dict[str, Numbers]:
    return json.loads((out / "metrics.json").read_text())["metrics"]


def test_all_sections(run: Path) -> None:
    report = json.loads((run / "metrics.json").read_text())
    assert set(report["metrics"]) == {
        "image", "image_floor", "map", "map_floor", "pair", "pair_real", "pair_shuffled",
        "truth_map", "truth_map_real", "truth_image", "truth_image_real", "map_to_image",
        "image_to_map",
    }  # fmt: skip
    for name, e in [(n, e) for section in report["metrics"].values() for n, e in section.items()]:
        assert e["low"] <= e["value"] <= e["high"], name
        assert e["n"] == 8 or name in KINDS or name == "pq_things_ratio", name


def test_a_page_is_written(run: Path) -> None:
    page = (run / "report.html").read_text()
    assert page.startswith("<!doctype html>") and "Evaluation of scenes" in page


def test_what_the_numbers_depend_on(run: Path, scenes_model: Path) -> None:
    setup = json.loads((run / "metrics.json").read_text())["setup"]
    assert setup["count"] == 8 and setup["seeds"] == [0, 7] and setup["steps"] == 2
    assert setup["model"] == str(scenes_model) and setup["segmenter"] == "scenes-segmenter"
    assert setup["machine"] and {"pandiff", "torch", "numpy"} <= set(setup["versions"])


def test_the_real_images_score_as_they_must(run: Path) -> None:
    metrics = metrics_of(run)
    assert metrics["truth_map_real"]["categories"]["value"] == 1
    assert metrics["map_floor"]["confidence"]["value"] == 1
    assert metrics["pair_real"]["pq_all"]["value"] > metrics["pair_shuffled"]["pq_all"]["value"]
    assert 0 < metrics["map"]["mcd_label_noise"]["value"] < metrics["map"]["mcd"]["value"]


def test_samples_are_datasets(run: Path) -> None:
    names = sorted(p.name for p in (run / "samples").iterdir())
    assert names == ["image_to_map", "map_to_image", "others", "reference", "text"]
    for name in names:
        assert main(["validate", str(run / "samples" / name)]) == 0
    reference, given = (
        PanopticFolder.open(run / f"samples/{n}") for n in ("reference", "map_to_image")
    )
    assert all(
        reference.panoptic(k).ids.tobytes() == given.panoptic(k).ids.tobytes() for k in range(8)
    )


def test_signatures_have_measure_threshold_and_samples(run: Path) -> None:
    found = json.loads((run / "metrics.json").read_text())["signatures"]
    assert list(found) == ["disagreement", "blurry_map", "off_prompt", "poor_image"]
    for one in found.values():
        assert one["threshold"] is not None and one["rule"] and one["title"]
        assert one["rate"]["value"] == len(one["samples"]) / 8
        assert one["real_rate"] <= 0.05
    assert found["disagreement"]["rate"]["value"] > 0.5


def test_the_same_again(run: Path, scenes_model: Path, tmp_path: Path) -> None:
    before = metrics_of(run)
    shutil.copytree(run, tmp_path / "copy")
    assert evaluate(scenes_model, tmp_path / "copy") == 0
    assert metrics_of(tmp_path / "copy") == before


def test_tries_and_map_guidance(
    scenes_model: Path, tmp_path: Path, run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[object, object]] = []
    call = PanopticDiffusionPipeline.__call__

    def noted(self: PanopticDiffusionPipeline, *prompts: Any, **options: Any) -> Any:
        asked.append((options["tries"], options["map_guidance_scale"]))
        return call(self, *prompts, **options)

    monkeypatch.setattr(PanopticDiffusionPipeline, "__call__", noted)
    more = ("--tries", 3, "--map-guidance", 2, "--directions", "text")
    assert evaluate(scenes_model, tmp_path / "tried", *more) == 0
    report = json.loads((tmp_path / "tried/metrics.json").read_text())
    assert (report["setup"]["tries"], report["setup"]["map_guidance_scale"]) == (3, 2)
    heads = [
        (p / "report.html").read_text().split("</header>")[0] for p in (tmp_path / "tried", run)
    ]
    assert "2 steps, guidance 2, map guidance 2, up to 3 tries, " in heads[0]
    assert "2 steps, guidance 2, map guidance 2, 20" in heads[1]
    assert set(asked) == {(3, 2.0)}


@pytest.mark.filterwarnings("ignore:expected at most 63 instances")  # of an untrained model
def test_redrawn(
    scenes_model: Path, tmp_path: Path, run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[object, ...]] = []
    call = PanopticDiffusionPipeline.__call__

    def noted(self: PanopticDiffusionPipeline, *prompts: Any, **options: Any) -> Any:
        asked.append((options["tries"], options["map_guidance_scale"], "map" in options))
        return call(self, *prompts, **options)

    monkeypatch.setattr(PanopticDiffusionPipeline, "__call__", noted)
    more = ("--redraw", "--tries", 3, "--map-guidance", 2, "--directions", "text")
    assert evaluate(scenes_model, tmp_path / "redrawn", *more) == 0
    assert set(asked) == {(3, 1.0, False), (1, 2.0, True)}
    report = json.loads((tmp_path / "redrawn/metrics.json").read_text())
    assert report["setup"]["redraw"] is True
    page = (tmp_path / "redrawn/report.html").read_text().split("</header>")[0]
    assert "up to 3 tries, redrawn, " in page


def test_a_folder_from_before_there_were_tries(
    run: Path, scenes_model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(run, tmp_path / "old")
    settings = json.loads((tmp_path / "old/settings.json").read_text())
    later = {"map_guidance_scale": 2.0, "tries": 1, "redraw": False}
    assert {k: settings.pop(k) for k in later} == later
    (tmp_path / "old/settings.json").write_text(json.dumps(settings))
    assert evaluate(scenes_model, tmp_path / "old", "--map-guidance", 1) == 0
    assert evaluate(scenes_model, tmp_path / "old", "--map-guidance", 1, "--tries", 2) == 2
    assert "expected the tries 1 with which" in capsys.readouterr().err


def test_another_seed_is_another_evaluation(
    run: Path, scenes_model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert evaluate(scenes_model, run, "--seed", 1) == 2
    assert "expected the seed 0 with which" in capsys.readouterr().err


def test_a_folder_with_something_else(
    scenes_model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "thesis.tex").touch()
    assert evaluate(scenes_model, tmp_path) == 2
    assert "expected a new folder or an evaluation" in capsys.readouterr().err


def test_data_of_other_categories(
    scenes_model: Path, toy_data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert evaluate(scenes_model, tmp_path / "out", "--data", toy_data) == 2
    assert "data of the model's categories" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_a_folder_without_judges(tiny_model: Path, toy_data: Path, tmp_path: Path) -> None:
    options = ["--data", toy_data, "--directions", "text"]
    assert evaluate(tiny_model, tmp_path / "out", *options, count=6) == 0
    report = json.loads((tmp_path / "out/metrics.json").read_text())
    assert set(report["metrics"]) == {"map", "map_floor"}
    assert report["signatures"]["disagreement"]["needs"] == "--segmenter"
    assert report["signatures"]["disagreement"]["rate"] is None
    assert set(report["per_category"]) <= {"ground", "sky", "box"}
    layout = report["metrics"]["map"]["layout.kernel"]  # six images have no halves
    assert layout["low"] is None and layout["high"] is None


def test_interrupted_and_resumed(tmp_path: Path) -> None:
    questions = SceneQuestions(32)

    def failing(numbers: Sequence[int]) -> Iterator[Sample]:
        for k in numbers:
            if k == 5:
                raise KeyboardInterrupt
            yield from real(questions)([k])

    with pytest.raises(KeyboardInterrupt):
        fill(tmp_path / "a", TAXONOMY, 8, 2, failing)
    asked: list[int] = []

    def counted(numbers: Sequence[int]) -> Iterator[Sample]:
        asked.extend(numbers)
        return real(questions)(numbers)

    resumed = fill(tmp_path / "a", TAXONOMY, 8, 3, counted)
    assert asked == [4, 5, 6, 7]  # a batch is taken up as a whole
    whole = fill(tmp_path / "b", TAXONOMY, 8, 8, real(questions))
    assert len(resumed) == 8 and resumed.records == whole.records
    assert all(
        resumed[k].image.tobytes() == whole[k].image.tobytes() == questions(k).image.tobytes()
        for k in range(8)
    )


def test_two_processes_are_as_one(
    run: Path,
    scenes_model: Path,
    tmp_path: Path,
    in_two_processes: Callable[[Callable[[int], None]], None],
) -> None:
    def work(rank: int) -> None:
        assert evaluate(scenes_model, tmp_path / "both") == 0

    in_two_processes(work)
    assert metrics_of(tmp_path / "both") == metrics_of(run)
    setup = json.loads((tmp_path / "both/metrics.json").read_text())["setup"]
    assert setup["processes"] == 2
    assert main(["validate", str(tmp_path / "both/samples/text")]) == 0


def test_questions_of_scenes_are_unseen() -> None:
    seventh = make_scene(SPLITS["test"], 7, 32)
    asked = SceneQuestions(32)(7)
    assert asked.prompt == seventh.captions[2].text == getattr(asked.claims, "text", "")
    assert asked.panoptic == seventh.panoptic


def test_questions_of_a_folder(toy_data: Path) -> None:
    first, again, other = (FolderQuestions(toy_data, 32, seed) for seed in (0, 0, 1))
    names = [[q(k).source for k in range(12)] for q in (first, again, other)]
    assert names[0] == names[1] != names[2] and sorted(names[0]) == sorted(names[2])
    assert first(0).image.size == first(0).panoptic.size == (32, 32)
    folder = PanopticFolder.open(toy_data)
    captions = {c for k in range(12) for c in folder.captions(k)}
    assert {first(k).prompt for k in range(12)} == captions


def test_more_than_there_are(toy_data: Path) -> None:
    with pytest.raises(InputError, match="a --count of 12 or less, got 13"):
        questions_of(str(toy_data), 32, 0, 13)


def test_settings_that_make_no_sense() -> None:
    with pytest.raises(InputError, match="a --count of 4 or more"):
        Settings("m", count=3)
    with pytest.raises(InputError, match="directions of text"):
        Settings("m", directions=("up",))


def test_rows_are_kept(run: Path) -> None:
    rows = Rows.load(run / "rows.npz")
    assert rows["text/pq"].shape == (8, TAXONOMY.num_classes, 4)
    assert np.isfinite(rows["reference/features/scenes-segmenter"]).all()
