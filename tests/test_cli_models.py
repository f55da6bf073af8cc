"""The commands with a model: demo, generate, segment, train; on a small random one."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Callable
from inspect import signature
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image, ImageSequence

from pandiff.cli import main
from pandiff.cli.models import add_guidance
from pandiff.coco import PanopticFolder
from pandiff.evaluation.evaluate import Settings as EvaluationSettings
from pandiff.models.image_prompt import small_swin
from pandiff.models.unified import UnifiedPDM
from pandiff.pipeline import PanopticDiffusionPipeline, sources
from pandiff.synthesis import demo
from pandiff.synthesis.generate import Settings

Capture = pytest.CaptureFixture[str]


@pytest.fixture
def run(tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., int]:
    """Runs a command in an empty folder; the model "boxes" is built in."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sources, "BUILT_IN", tiny_model.parent)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")

    def call(*arguments: object) -> int:
        return main([str(a) for a in arguments])

    return call


@pytest.fixture
def photos(tmp_path: Path) -> list[Path]:
    """Pictures of several sizes, modes and formats."""
    paths = [tmp_path / name for name in ("wide.JPG", "tall.png", "gray.webp")]
    kinds = (((50, 20), "RGB"), ((30, 70), "RGBA"), ((64, 64), "L"))
    for path, (size, mode) in zip(paths, kinds, strict=True):
        noise = np.random.default_rng(0).integers(0, 255, (*size[::-1], 3)).astype(np.uint8)
        Image.fromarray(noise).convert(mode).save(path)
    return paths


def manifest(folder: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in (folder / "manifest.jsonl").read_text().splitlines()]


def same_files(one: Path, other: Path) -> bool:
    names = [sorted(p.relative_to(f) for p in f.rglob("*")) for f in (one, other)]
    files = [n for n in names[0] if (one / n).is_file()]
    return names[0] == names[1] and all(
        (one / n).read_bytes() == (other / n).read_bytes() for n in files
    )


def test_generate(run: Callable[..., int], tmp_path: Path, capsys: Capture) -> None:
    prompts = ("a red box", "two red boxes")
    options = ("--model", "model", "--count", 2, "--steps", 2, "--seed", 5)
    assert run("generate", *prompts, *options, "--out", "made") == 0
    out, err = capsys.readouterr()
    assert out == "4 images with their maps in made/dataset\npicture: made/grid.png\n"
    assert err == ""
    assert sorted(p.name for p in Path("made").iterdir()) == ["dataset", "grid.png"]
    assert main(["validate", "made/dataset"]) == 0
    folder, records = PanopticFolder.open("made/dataset"), manifest(Path("made/dataset"))
    assert [folder.captions(k) for k in range(4)] == [[p] for p in prompts for _ in range(2)]
    assert [r["prompt"] for r in records] == [p for p in prompts for _ in range(2)]
    assert len({r["seed"] for r in records}) == 4
    assert all(r["num_inference_steps"] == 2 and 0 <= float(str(r["confidence"])) <= 1
               for r in records)  # fmt: skip
    assert run("generate", *prompts, *options, "--out", "again") == 0
    assert same_files(tmp_path / "made", tmp_path / "again")


def test_generate_from_a_map(run: Callable[..., int], toy_data: Path) -> None:
    options = ("--model", "model", "--steps", 2, "--out", "made")
    assert run("generate", "--map", toy_data / "panoptic/000000000003.png", *options) == 0
    given = PanopticFolder.open(toy_data).panoptic(2)
    assert PanopticFolder.open("made/dataset").panoptic(0) == given


def test_generate_from_an_image(run: Callable[..., int], photos: list[Path]) -> None:
    options = ("--model", "model", "--steps", 2, "--count", 2, "--out", "made")
    assert run("generate", "a red box", "--image", photos[1], *options) == 0
    folder = PanopticFolder.open("made/dataset")
    assert [folder.image(k).size for k in range(2)] == [(30, 70)] * 2
    given = Image.open(photos[1]).convert("RGB")
    assert np.array_equal(np.asarray(folder.image(0)), np.asarray(given))


@pytest.mark.parametrize("strength", [(), ("--strength", 0.7)])
def test_generate_around_what_is_known(
    strength: tuple[object, ...], run: Callable[..., int], toy_data: Path
) -> None:
    """The left half of a map and its image stays; the right half is made anew, or varied."""
    mask = np.zeros((64, 64), np.uint8)
    mask[:, :32] = 255
    Image.fromarray(mask).save("known.png")
    both = ("--map", toy_data / "panoptic/000000000003.png",
            "--image", toy_data / "images/000000000003.png")  # fmt: skip
    options = ("--known", "known.png", "--model", "model", "--steps", 3, "--out", "made")
    assert run("generate", "a red box", *both, *options, *strength) == 0
    given, made = (PanopticFolder.open(path) for path in (toy_data, "made/dataset"))
    before, after = given.panoptic(2), made.panoptic(0)
    assert np.array_equal(before.ids[:, :32], after.ids[:, :32])
    assert not np.array_equal(before.category_index[:, 32:], after.category_index[:, 32:])
    old, new = (np.asarray(f.image(k)) for f, k in ((given, 2), (made, 0)))
    assert np.array_equal(old[:, :28], new[:, :28])
    assert not np.array_equal(old[:, 32:], new[:, 32:])
    record = manifest(Path("made/dataset"))[0]
    assert record["given"] == ["map", "image", "known"]
    assert record.get("strength") == (0.7 if strength else None)


def test_generate_variations(run: Callable[..., int], photos: list[Path]) -> None:
    options = ("--model", "model", "--steps", 2, "--strength", 0.5, "--out", "made")
    assert run("generate", "--image", photos[0], *options) == 0
    folder, (record,) = PanopticFolder.open("made/dataset"), manifest(Path("made/dataset"))
    assert folder.image(0).size == folder.panoptic(0).size == (50, 20)
    assert (record["given"], record["strength"]) == (["image"], 0.5)


def test_generate_like_an_image(
    run: Callable[..., int], tiny_model: Path, photos: list[Path]
) -> None:
    """An image prompt changes what is made, the more the higher its weight."""
    pipe = PanopticDiffusionPipeline.from_pretrained(tiny_model)
    swin = small_swin(32, 4, 24, (1, 1), 4)
    width = {"image_prompt_dim": swin.num_features}
    transformer = UnifiedPDM.from_config({**pipe.transformer.config, **width})
    torch.nn.init.normal_(transformer.image_unembed.weight, std=0.1)
    components = pipe.components | {"image_encoder": swin, "transformer": transformer}
    PanopticDiffusionPipeline(**components, codec=pipe.config.codec).save_pretrained("swin")
    options = ("--model", "swin", "--steps", 2, "--image-prompt", photos[0])
    assert run("generate", *options, "--out", "once") == 0
    assert run("generate", *options, "--image-prompt-scale", 3, "--out", "thrice") == 0
    (once,), (thrice,) = (manifest(Path(f, "dataset")) for f in ("once", "thrice"))
    assert once["given"] == thrice["given"] == ["image_prompt"]
    assert thrice["image_prompt_scale"] == 3
    one, other = (PanopticFolder.open(f"{f}/dataset").image(0) for f in ("once", "thrice"))
    assert one.tobytes() != other.tobytes()


def test_generate_for_no_prompt(run: Callable[..., int]) -> None:
    assert run("generate", "", "--count", 2, "--model", "model", "--steps", 1) == 0
    folder = PanopticFolder.open("out/generate/dataset")
    assert [folder.captions(k) for k in range(2)] == [[], []]


def test_commands_guide_as_the_pipeline_does() -> None:
    usual = signature(PanopticDiffusionPipeline.__call__).parameters
    names = ("guidance_scale", "map_guidance_scale")
    parser = argparse.ArgumentParser()
    add_guidance(parser)
    args = parser.parse_args([])
    for others in (vars(Settings()), vars(EvaluationSettings("scenes"))):
        assert [others[name] for name in names] == [usual[name].default for name in names]
    assert [args.guidance, args.map_guidance] == [usual[name].default for name in names]


def test_generate_records_its_controls(run: Callable[..., int]) -> None:
    controls = ("--guidance", "4,1.5", "--negative", "two boxes", "--map-guidance", 1.5,
                "--image-guidance", 1.5, "--guidance-interval", "0.2,0.8",
                "--tries", 3)  # fmt: skip
    options = ("--model", "model", "--steps", 2)
    assert run("generate", "a red box", *options, *controls, "--out", "controlled") == 0
    assert run("generate", "a red box", *options, "--out", "plain") == 0
    (controlled,), (plain,) = (manifest(Path(f, "dataset")) for f in ("controlled", "plain"))
    assert controlled["guidance_scale"] == [4, 1.5]
    assert controlled["negative_prompt"] == "two boxes"
    assert (controlled["map_guidance_scale"], controlled["image_guidance_scale"]) == (1.5, 1.5)
    assert (controlled["guidance_interval"], controlled["tries"]) == ([0.2, 0.8], 3)
    assert set(plain) == {
        "image_id", "file_name", "prompt", "seed", "num_inference_steps", "guidance_scale",
        "confidence",
    }  # fmt: skip
    one, other = (PanopticFolder.open(f"{f}/dataset").image(0) for f in ("controlled", "plain"))
    assert one.tobytes() != other.tobytes()


def test_generate_animates(run: Callable[..., int], capsys: Capture) -> None:
    options = ("--model", "model", "--steps", 3, "--animate", "--out", "made")
    assert run("generate", "a red box", *options) == 0
    assert capsys.readouterr().out.endswith("animation: made/animation.gif\n")
    with Image.open("made/animation.gif") as animation:
        assert len(list(ImageSequence.Iterator(animation))) == 3
        assert animation.info["loop"] == 0, "for ever"


def test_segment(run: Callable[..., int], photos: list[Path], capsys: Capture) -> None:
    assert run("segment", *photos, "--model", "model", "--steps", 2, "--out", "maps") == 0
    out, err = capsys.readouterr()
    assert out == "3 maps in maps/dataset\npicture: maps/grid.png\n"
    assert err == ""
    folder = PanopticFolder.open("maps/dataset")
    assert [i.file_name for i in folder.images] == ["wide.JPG", "tall.png", "gray.png"]
    sizes = [(50, 20), (30, 70), (64, 64)]
    assert [folder.panoptic(k).size for k in range(3)] == sizes
    assert main(["validate", "maps/dataset"]) == 0
    assert Image.open("maps/grid.png").width > 500


def test_segment_by_vote(run: Callable[..., int], photos: list[Path], capsys: Capture) -> None:
    """The map and its uncertainty have each photo's own size, whatever the batch."""
    options = ("--model", "model", "--steps", 2, "--samples", 3, "--batch", 4, "--out", "maps")
    assert run("segment", *photos, *options) == 0
    assert capsys.readouterr().out.endswith("uncertainty: maps/uncertainty\n")
    folder, records = PanopticFolder.open("maps/dataset"), manifest(Path("maps/dataset"))
    assert [r["samples"] for r in records] == [3, 3, 3]
    assert len(list(Path("maps/uncertainty").iterdir())) == 3
    for k, path in enumerate(photos):
        with Image.open(f"maps/uncertainty/{path.stem}.png") as picture:
            doubt = np.asarray(picture)
            assert (picture.size, picture.mode) == (Image.open(path).size, "L")
        assert set(np.unique(doubt)) <= {0, 85, 170}
        panoptic = folder.panoptic(k)
        assert panoptic.ids.shape == doubt.shape
        for s in panoptic.segments:
            agreement = 1 - doubt[panoptic.mask(s.id)].mean() / 255
            assert s.score == pytest.approx(agreement, abs=1e-6)
    assert main(["validate", "maps/dataset"]) == 0


def test_segment_does_not_depend_on_the_batch(run: Callable[..., int], photos: list[Path]) -> None:
    options = ("--model", "model", "--steps", 2)
    for batch in (1, 3):
        assert run("segment", *photos, *options, "--batch", batch, "--out", f"by{batch}") == 0
    one, three = (PanopticFolder.open(f"by{n}/dataset") for n in (1, 3))
    for k in range(3):
        agreement = one.panoptic(k).category_index == three.panoptic(k).category_index
        assert agreement.mean() > 0.9, "bf16 may differ in the last place"


@pytest.fixture
def quick_demo(tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The tiny model in the place of the shipped one, and fewer steps."""
    (tmp_path / "assets").mkdir()
    (tmp_path / "assets/scenes").symlink_to(tiny_model)
    monkeypatch.setattr(sources, "BUILT_IN", tmp_path / "assets")
    monkeypatch.setattr(demo, "SETTINGS", Settings(steps=2))


def test_demo(run: Callable[..., int], quick_demo: None, capsys: Capture) -> None:
    assert run("demo") == 0
    out, err = capsys.readouterr()
    assert out.startswith("picture: out/demo/grid.png\ndataset: out/demo/dataset\ntime:    ")
    assert err == ""
    assert len(PanopticFolder.open("out/demo/dataset")) == len(demo.PROMPTS) == 8
    before = Path("out/demo/grid.png").stat().st_mtime_ns
    assert run("demo") == 0
    assert Path("out/demo/grid.png").stat().st_mtime_ns > before
    assert [p.name for p in Path("out").iterdir()] == ["demo"]


@pytest.mark.parametrize("foreign", ["notes.txt", "demo.json"])
def test_demo_never_replaces_a_foreign_folder(
    foreign: str, run: Callable[..., int], quick_demo: None, tmp_path: Path, capsys: Capture
) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / foreign).write_text("{}")
    assert run("demo", "--out", "mine") == 2
    assert "expected a new folder or an earlier demo" in capsys.readouterr().err
    assert (tmp_path / "mine" / foreign).read_text() == "{}"


def test_demo_keeps_what_was_added_to_it(run: Callable[..., int], quick_demo: None) -> None:
    assert run("demo", "--out", "mine") == 0
    Path("mine/notes.txt").touch()
    assert run("demo", "--out", "mine") == 2
    assert Path("mine/notes.txt").exists()


def test_without_shipped_weights(
    run: Callable[..., int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    monkeypatch.setattr(sources, "BUILT_IN", tmp_path / "assets")
    assert run("demo") == 2
    assert "got 'scenes'; check the name" in capsys.readouterr().err
    assert not Path("out").exists()


TINY = (
    "--steps", 4, "--batch_size", 4, "--size", 64, "--precision", "no", "--save_every", 2,
    "--model", '{"latent_channels": 4, "block_out_channels": [8]}', "--optim.warmup=1",
)  # fmt: skip


def test_train_and_resume(run: Callable[..., int], toy_data: Path, capsys: Capture) -> None:
    command = ("train", "--preset", "scenes-vae", "--data", toy_data, "--out", "run", *TINY)
    assert run(*command) == 0
    assert capsys.readouterr().out == "model: run/model\n"
    assert json.loads(Path("run/config.json").read_text())["batch_size"] == 4
    assert run(*command, "--steps", 5) == 0
    assert json.loads(Path("run/checkpoint/state.json").read_text()) == {"step": 5}
    assert run(*command, "--seed", 9) == 2
    assert "another seed: 9, there 0; use another --out" in capsys.readouterr().err


def test_a_dry_run_writes_nothing(run: Callable[..., int], toy_data: Path, capsys: Capture) -> None:
    options = ("--data", toy_data, "--out", "run", "--dry-run", "--optim.lr", "0.5")
    encoders = ("--encoders", "model", "--size", "64")
    assert run("train", "--preset", "scenes", *encoders, *options) == 0
    out, err = capsys.readouterr()
    assert json.loads(out)["optim"]["lr"] == 0.5, "what --config takes"
    assert "parameters:" in err
    assert not Path("run").exists()


GENERATE = ("generate", "a box", "--model", "model", "--out", "made")
SEGMENT = ("segment", "--model", "model", "--out", "made")
TRAIN = ("train", "--preset", "scenes-vae", "--out", "made")
WRONG: list[tuple[tuple[object, ...], str]] = [
    (("generate",), "expected a prompt, got none"),
    (("generate", " "), "expected prompts with words, got a blank one"),
    ((*GENERATE, "--count", "-1"), "a positive number for --count, got '-1'"),
    ((*GENERATE, "--steps", "0"), "a positive number for --steps, got '0'"),
    ((*GENERATE, "--steps", "5000"), "num_inference_steps in 1..1000, got 5000"),
    ((*GENERATE, "--guidance", "nan"), "a number or pair for --guidance, got 'nan'"),
    ((*GENERATE, "--guidance", "1,2,3"), "a number or pair for --guidance, got '1,2,3'"),
    ((*GENERATE, "--map-guidance", "x"), "a finite number for --map-guidance, got 'x'"),
    ((*GENERATE, "--guidance-interval", "1"), "a range within 0 and 1 for --guidance-interval"),
    ((*GENERATE, "--guidance-interval", "0.9,0.1"), "a range within 0 and 1 for"),
    ((*GENERATE, "--model", "trees"), "a built-in model (model), a folder or a hub id, got"),
    ((*GENERATE, "--model", "org/none"), "expected a whole pipeline at 'org/none', got"),
    ((*GENERATE, "--model", "."), "a pipeline's folder with model_index.json"),
    ((*GENERATE, "--out", "."), "expected an empty or new folder"),
    ((*GENERATE, "--out", "text.png"), "expected an empty or new folder, got a file"),
    ((*GENERATE, "--out", "text.png/x"), "text.png"),
    ((*GENERATE, "--map", "none.png"), "expected a panoptic PNG, got no such file"),
    ((*GENERATE, "--map", "text.png"), "expected the segments of text.png"),
    ((*GENERATE, "--image", "none.png"), "expected a readable image none.png"),
    ((*GENERATE, "--image", "text.png"), "expected a readable image text.png"),
    ((*GENERATE, "--image", "a.png", "--map", "b.png"), "expected --map or --image, got both"),
    ((*GENERATE, "--known", "good.png"), "expected --map or --image with --known, got none"),
    ((*GENERATE, "--known", "text.png", "--image", "good.png"), "a readable image text.png"),
    (
        (*GENERATE, "--known", "large.png", "--image", "good.png"),
        "image and known mask of one size",
    ),
    ((*GENERATE, "--strength", "0.5"), "expected --image with --strength, got none"),
    ((*GENERATE, "--strength", "0", "--image", "good.png"), "a share above 0 for --strength"),
    ((*GENERATE, "--image-prompt", "none.png"), "expected a readable image none.png"),
    (
        (*GENERATE, "--image-prompt", "good.png"),
        "a model that takes image prompts, got one without",
    ),
    ((*GENERATE, "--image-prompt-scale", "2"), "expected --image-prompt with --image-prompt-scale"),
    ((*GENERATE, "--tries", "0"), "a positive number for --tries, got '0'"),
    ((*GENERATE, "--tries", "2", "--animate"), "expected --animate or --tries, got both"),
    ((*GENERATE, "--redraw", "--animate"), "expected --animate or --redraw, got both"),
    ((*GENERATE, "--redraw", "--map", "m.png"), "expected --redraw or what is given, got both"),
    ((*GENERATE, "--negative", "sky", "--guidance", "1"), "--guidance above 1 with --negative"),
    ((*SEGMENT,), "expected IMAGE, got none"),
    ((*SEGMENT, "none.png"), "expected a readable image none.png"),
    ((*SEGMENT, "good.png", "text.png"), "expected a readable image text.png"),
    ((*SEGMENT, "good.png", "sub/good.jpg"), "expected images of different names"),
    ((*SEGMENT, "good.png", "--out", "."), "expected an empty or new folder"),
    ((*SEGMENT, "good.png", "--samples", "0"), "a positive number for --samples, got '0'"),
    (("segment", "good.png"), "expected --out, got none"),
    ((*TRAIN,), "expected --data, got none"),
    ((*TRAIN, "--data", "none"), "expected a dataset folder with panoptic.json"),
    ((*TRAIN, "--data", "sub"), "expected a dataset folder with panoptic.json"),
    ((*TRAIN, "--data", "sub", "--preset", "nope"), "expected a preset of scenes-vae, "),
    ((*TRAIN, "--data", "sub", "--optim.rate", "1"), "expected known settings, got --optim.rate 1"),
    ((*TRAIN, "--data", "sub", "--steps", "x"), "expected int for steps, got x"),
    ((*TRAIN, "--data", "sub", "--config", "none.yaml"), "expected a settings file"),
    ((*TRAIN, "--data", "sub", "--config", "text.png"), "expected settings"),
]


@pytest.mark.parametrize(("arguments", "message"), WRONG)
def test_wrong_input(
    arguments: tuple[object, ...],
    message: str,
    run: Callable[..., int],
    tmp_path: Path,
    capsys: Capture,
) -> None:
    """One line, exit code 2, and nothing written."""
    (tmp_path / "sub").mkdir()
    (tmp_path / "text.png").write_text("no picture")
    for name in ("good.png", "sub/good.jpg"):
        Image.new("RGB", (8, 8)).save(tmp_path / name)
    Image.new("RGB", (9, 9)).save(tmp_path / "large.png")
    before = sorted(tmp_path.rglob("*"))
    assert run(*arguments) == 2
    out, err = capsys.readouterr()
    assert out == ""
    (line,) = err.splitlines()
    assert line.startswith("pandiff: error: expected ")
    assert message in line
    assert ", got " in line
    assert "; " in line
    assert sorted(tmp_path.rglob("*")) == before


def test_an_interruption_leaves_nothing(
    run: Callable[..., int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    def interrupt(*arguments: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("pandiff.synthesis.generate.picture", interrupt)
    assert run(*GENERATE, "--steps", 1) == 130
    assert capsys.readouterr().err == "pandiff: interrupted\n"
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("command", ["demo", "generate", "segment", "train"])
def test_help_is_light(command: str) -> None:
    code = f"import sys; from pandiff.cli import main; main([{command!r}, '--help']); " \
           "print('\\n', *sys.modules)"  # fmt: skip
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.stdout.startswith(f"usage: pandiff {command}")
    assert not set(done.stdout.splitlines()[-1].split()) & {"torch", "diffusers", "jsonargparse"}
