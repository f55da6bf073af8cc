"""The pipeline, with small random weights: every direction, every habit of diffusers' users."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import diffusers
import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from pandiff.errors import InputError
from pandiff.models.encoders import encode_pixels, to_pixels
from pandiff.panoptic import PanopticMap
from pandiff.pipeline import PanopticDiffusionPipeline, PanopticPipelineOutput, resolve, sources
from pandiff.taxonomy import Category, Taxonomy

Pipe = PanopticDiffusionPipeline
PROMPT, OTHER = "a red box", "two red boxes on the ground"
SCHEDULERS = (
    diffusers.DDIMScheduler(),
    diffusers.UniPCMultistepScheduler(),
    diffusers.EulerDiscreteScheduler(),
    diffusers.DPMSolverMultistepScheduler(),
    diffusers.DDPMScheduler(),
)


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def run(pipe: Pipe, prompt: Any = PROMPT, **arguments: Any) -> PanopticPipelineOutput:
    options = {"num_inference_steps": 3, "generator": seeded(), **arguments}
    return pipe(prompt, **options)


def pixels(image: Image.Image) -> np.ndarray:
    return np.asarray(image, dtype=np.int16)


def assert_alike(
    one: PanopticPipelineOutput, other: PanopticPipelineOutput, difference: int = 0
) -> None:
    assert len(one.images) == len(other.images)
    for a, b in zip(one.images, other.images, strict=True):
        assert np.abs(pixels(a) - pixels(b)).max() <= difference
    for m, n in zip(one.maps, other.maps, strict=True):
        assert np.array_equal(m.ids, n.ids)
        assert [s.category_id for s in m.segments] == [s.category_id for s in n.segments]


def layout(pipe: Pipe, size: tuple[int, int] = (64, 64)) -> PanopticMap:
    """Ground, sky above, and two boxes."""
    width, height = size
    ids = np.ones((height, width), np.int32)
    ids[: height // 2] = 2
    ids[height // 4 : height // 2, : width // 4] = 3
    ids[height // 4 : height // 2, -width // 4 :] = 4
    return PanopticMap.from_ids(ids, {1: 1, 2: 2, 3: 7, 4: 7}, pipe.taxonomy)


def photo(size: tuple[int, int] = (64, 64)) -> Image.Image:
    width, height = size
    random = np.random.default_rng(0).integers(0, 255, (height, width, 3))
    return Image.fromarray(random.astype(np.uint8))


def test_sizes_and_taxonomy(pipe: Pipe) -> None:
    out = run(pipe, [PROMPT, OTHER], num_images_per_prompt=2)
    assert [i.size for i in out.images] == [m.size for m in out.maps] == [(64, 64)] * 4
    assert pipe.image_size == 64
    assert pipe.map_size == 16
    assert all(m.taxonomy == pipe.taxonomy for m in out.maps)
    assert [c.name for c in pipe.taxonomy.categories] == ["ground", "sky", "box"]


def test_save_and_load_give_the_same(pipe: Pipe, tmp_path: Path) -> None:
    pipe.save_pretrained(tmp_path)
    again = Pipe.from_pretrained(tmp_path)
    assert again.panoptic_codec == pipe.panoptic_codec
    again.set_progress_bar_config(disable=True)
    assert_alike(run(pipe), run(again))


def test_saved_files_are_inert(tiny_model: Path) -> None:
    suffixes = {p.suffix for p in tiny_model.rglob("*") if p.is_file()}
    assert suffixes <= {".safetensors", ".json", ".txt"}


@pytest.mark.parametrize("scheduler", SCHEDULERS, ids=lambda s: type(s).__name__)
def test_schedulers_can_be_swapped(pipe: Pipe, scheduler: Any) -> None:
    pipe.scheduler = scheduler
    latents = run(pipe, output_type="latent", num_inference_steps=5).images
    assert torch.isfinite(latents).all()
    before = dict(scheduler.config)
    assert_alike(run(pipe), run(pipe))
    assert dict(scheduler.config) == before


def test_a_scheduler_that_cannot(pipe: Pipe) -> None:
    pipe.scheduler = diffusers.PNDMScheduler()
    with pytest.raises(InputError, match="PNDMScheduler"):
        run(pipe)


@pytest.mark.parametrize("scheduler", [SCHEDULERS[3], SCHEDULERS[4]], ids=["ode", "noisy"])
def test_a_sample_depends_on_its_own_seed_alone(pipe: Pipe, scheduler: Any) -> None:
    pipe.scheduler = scheduler
    whole = run(pipe, [PROMPT] * 4, generator=[seeded(k) for k in range(4)])
    for k in range(4):
        alone = run(pipe, generator=[seeded(k)])
        part = PanopticPipelineOutput(images=whole.images[k : k + 1], maps=whole.maps[k : k + 1])
        assert_alike(alone, part, difference=1)
    assert np.abs(pixels(whole.images[0]) - pixels(whole.images[1])).max() > 10


def test_redrawn_images_are_those_of_whole_maps_by_a_noisy_solver(pipe: Pipe) -> None:
    usual = pipe.scheduler = diffusers.DPMSolverMultistepScheduler()
    made = run(pipe, [PROMPT] * 2, generator=[seeded(0), seeded(1)])
    options = {"num_inference_steps": 4, "map_guidance_scale": 2.0}
    redrawn = pipe.redraw([PROMPT] * 2, made.maps, generator=[seeded(2), seeded(3)], **options)
    assert pipe.scheduler is usual
    for one, other in zip(made.maps, redrawn.maps, strict=True):
        assert np.array_equal(one.ids, other.ids)
    pipe.scheduler = diffusers.DPMSolverMultistepScheduler(algorithm_type="sde-dpmsolver++")
    noisy = run(pipe, [PROMPT] * 2, map=made.maps, generator=[seeded(2), seeded(3)], **options)
    assert_alike(redrawn, noisy)
    pipe.scheduler = usual
    alone = pipe.redraw(PROMPT, made.maps[1], generator=[seeded(3)], **options)
    part = PanopticPipelineOutput(images=redrawn.images[1:], maps=redrawn.maps[1:])
    assert_alike(alone, part, difference=1)


def test_the_solver_is_as_before_after_an_error(pipe: Pipe) -> None:
    usual = pipe.scheduler
    with pytest.raises(InputError):
        pipe.redraw([PROMPT] * 2, run(pipe).maps[0], num_inference_steps=0)
    assert pipe.scheduler is usual


def test_one_generator_gives_the_same_first_samples(pipe: Pipe) -> None:
    many = run(pipe, num_images_per_prompt=4)
    few = run(pipe, num_images_per_prompt=2)
    assert_alike(few, PanopticPipelineOutput(images=many.images[:2], maps=many.maps[:2]), 1)


def test_images_of_a_prompt_lie_side_by_side(pipe: Pipe) -> None:
    seeds = [seeded(k) for k in range(4)]
    once = run(pipe, [PROMPT, PROMPT, OTHER, OTHER], generator=seeds)
    seeds = [seeded(k) for k in range(4)]
    assert_alike(run(pipe, [PROMPT, OTHER], num_images_per_prompt=2, generator=seeds), once)


def test_the_prompt_matters(pipe: Pipe) -> None:
    latents = [run(pipe, p, output_type="latent").images for p in (PROMPT, OTHER, "")]
    assert not torch.allclose(latents[0], latents[1])
    assert not torch.allclose(latents[0], latents[2])


def test_no_prompt_at_all(pipe: Pipe) -> None:
    out = pipe(num_inference_steps=2, generator=seeded())
    assert_alike(out, run(pipe, "", num_inference_steps=2))


def test_output_types(pipe: Pipe) -> None:
    latent, tensors, pictures = (run(pipe, output_type=t) for t in ("latent", "pt", "pil"))
    channels = pipe.panoptic_codec.channels
    assert latent.images.shape == (1, 4, 8, 8)
    assert tensors.images.shape == (1, 3, 64, 64)
    assert latent.maps.shape == tensors.maps.shape == (1, channels, 16, 16)
    assert latent.maps.abs().max() <= 1
    made = ((tensors.images[0].clamp(-1, 1) + 1) * 127.5).permute(1, 2, 0).round()
    assert np.abs(made.numpy() - pixels(pictures.images[0])).max() <= 1
    decoded = pipe.panoptic_codec.decode(tensors.maps[0], (64, 64))
    assert np.array_equal(decoded.ids, pictures.maps[0].ids)


def test_a_plain_tuple(pipe: Pipe) -> None:
    images, maps = run(pipe, return_dict=False)  # type: ignore[misc]
    assert_alike(PanopticPipelineOutput(images=images, maps=maps), run(pipe))


def test_the_callback_sees_each_step(pipe: Pipe) -> None:
    seen: list[tuple[int, int, set[str]]] = []

    def note(owner: Pipe, step: int, timestep: int, tensors: dict[str, Tensor]) -> dict[str, Any]:
        assert owner is pipe
        assert all(t.shape == (1, pipe.transformer.layout.channels, 8, 8) for t in tensors.values())
        seen.append((step, timestep, set(tensors)))
        return tensors

    names = ["latents", "clean"]
    out = run(pipe, callback_on_step_end=note, callback_on_step_end_tensor_inputs=names)
    assert [step for step, _, _ in seen] == [0, 1, 2]
    assert [t for _, t, _ in seen] == sorted((t for _, t, _ in seen), reverse=True)
    assert all(found == {"latents", "clean"} for _, _, found in seen)
    assert_alike(out, run(pipe))


def test_the_callback_can_change_the_latents(pipe: Pipe) -> None:
    def erase(owner: Pipe, step: int, timestep: int, tensors: dict[str, Tensor]) -> dict[str, Any]:
        return {"latents": torch.zeros_like(tensors["latents"])} if step == 2 else {}

    out = run(pipe, output_type="latent", callback_on_step_end=erase)
    assert not out.images.any()
    assert not out.maps.any()


def test_the_progress_bar(pipe: Pipe, capsys: pytest.CaptureFixture[str]) -> None:
    run(pipe)
    assert capsys.readouterr().err == ""
    pipe.set_progress_bar_config(disable=False)
    run(pipe)
    pipe.set_progress_bar_config(disable=True)
    assert "3/3" in capsys.readouterr().err


def counted(pipe: Pipe, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Batch sizes of the calls of the network."""
    sizes: list[int] = []
    forward = pipe.transformer.forward

    def call(x: Tensor, *others: Any) -> Tensor:
        sizes.append(len(x))
        return forward(x, *others)

    monkeypatch.setattr(pipe.transformer, "forward", call)
    return sizes


@pytest.mark.parametrize(("scale", "batch"), [(1.0, 2), ((1.0, 1.0), 2), (3.0, 4), ((1, 3), 4)])
def test_guidance_doubles_the_batch_where_it_is_needed(
    scale: Any, batch: int, pipe: Pipe, monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes = counted(pipe, monkeypatch)
    run(pipe, num_images_per_prompt=2, guidance_scale=scale, map_guidance_scale=1.0)
    assert sizes == [batch] * 3


def test_without_a_prompt_guidance_costs_nothing(
    pipe: Pipe, monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes = counted(pipe, monkeypatch)
    run(pipe, ["", ""], guidance_scale=3.0, map_guidance_scale=1.0)
    assert set(sizes) == {2}


@pytest.mark.parametrize(
    ("given", "asked"),
    [((), 3), (("map",), 3), (("image",), 2), (("map", "known"), 3)],
    ids=["joint", "map", "image", "part of a map"],
)
def test_what_guides_a_stream_that_is_given_is_not_asked(
    given: tuple[str, ...], asked: int, pipe: Pipe, monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes = counted(pipe, monkeypatch)
    left = np.arange(64 * 64).reshape(64, 64) % 64 < 32
    values: dict[str, Any] = {"map": layout(pipe), "image": photo(), "known": left}
    run(pipe, **{name: values[name] for name in given})
    assert set(sizes) == {asked}


def test_the_guidance_that_is_left_out_changes_nothing(pipe: Pipe) -> None:
    every = {"guidance_scale": 2.0, "map_guidance_scale": 2.0, "image_guidance_scale": 3.0}
    alone = run(pipe, PROMPT, image=photo(), **every)
    both = run(pipe, [PROMPT] * 2, image=[photo(), None], **every)  # here it is asked
    assert np.mean(alone.maps[0].ids == both.maps[0].ids) > 0.99


def test_guidance_changes_the_result(pipe: Pipe) -> None:
    scales: tuple[Any, ...] = (1.0, 3.0, (3.0, 1.0), (1.0, 3.0))
    results = [run(pipe, output_type="latent", guidance_scale=s).images for s in scales]
    for k, one in enumerate(results):
        assert not any(torch.allclose(one, other) for other in results[:k])


@pytest.mark.parametrize("size", [(64, 64), (96, 96), (80, 40), (30, 90)])
def test_a_given_map_is_kept(pipe: Pipe, size: tuple[int, int]) -> None:
    given = layout(pipe, size)
    out = run(pipe, [PROMPT, OTHER], map=given)
    assert all(m is given for m in out.maps)
    assert [i.size for i in out.images] == [size] * 2


def test_a_given_map_is_in_the_state(pipe: Pipe) -> None:
    given = layout(pipe)
    out = run(pipe, map=given, output_type="latent")
    torch.testing.assert_close(out.maps[0], pipe.panoptic_codec.encode(given, (16, 16)))


def test_the_image_follows_the_map(pipe: Pipe) -> None:
    given = layout(pipe)
    other = run(pipe, map=given.flip().with_ids(given.ids[::-1]), output_type="latent").images
    assert not torch.allclose(run(pipe, map=given, output_type="latent").images, other)


@pytest.mark.parametrize("size", [(64, 64), (96, 96), (80, 40), (30, 90), (1, 7)])
def test_a_given_image_is_kept(pipe: Pipe, size: tuple[int, int]) -> None:
    given = photo(size)
    out = run(pipe, "", image=given)
    assert out.images[0] is given
    assert out.maps[0].size == size


def test_a_given_image_is_in_the_state(pipe: Pipe) -> None:
    given = photo()
    out = run(pipe, "", image=given, output_type="latent")
    expected = encode_pixels(pipe.vae, to_pixels(given)[None])
    torch.testing.assert_close(out.images, expected, rtol=1e-4, atol=1e-4)


def test_images_of_any_mode(pipe: Pipe) -> None:
    for mode in ("L", "RGBA", "P"):
        assert run(pipe, "", image=photo().convert(mode)).maps[0].size == (64, 64)


def test_one_for_each_prompt(pipe: Pipe) -> None:
    maps = [layout(pipe), layout(pipe, (32, 32))]
    out = run(pipe, [PROMPT, OTHER], map=maps, num_images_per_prompt=2)
    assert [m is n for m, n in zip(out.maps, [*maps[:1] * 2, *maps[1:] * 2], strict=True)]
    images = [photo((20, 30)), photo((40, 30))]
    out = run(pipe, ["", ""], image=images)
    assert [m.size for m in out.maps] == [(20, 30), (40, 30)]


def other_map(category: Category) -> PanopticMap:
    return PanopticMap.from_ids(np.ones((8, 8), np.int32), {1: category.id}, Taxonomy((category,)))


WRONG: dict[str, tuple[Callable[[Pipe], dict[str, Any]], str]] = {
    "no prompt": (lambda p: {"prompt": []}, "at least one prompt, a string, got none"),
    "prompt": (lambda p: {"prompt": [3]}, "at least one prompt, a string, got int"),
    "no prompts": (lambda p: {"prompt": None}, "at least one prompt, a string, got NoneType"),
    "count": (lambda p: {"num_images_per_prompt": 0}, "num_images_per_prompt of 1 or more, got 0"),
    "half": (lambda p: {"num_images_per_prompt": 1.5}, "whole num_images_per_prompt .*, got 1.5"),
    "few steps": (lambda p: {"num_inference_steps": 0}, r"num_inference_steps in 1\.\.1000, got 0"),
    "many steps": (lambda p: {"num_inference_steps": 1001}, "got 1001"),
    "word": (lambda p: {"num_inference_steps": "2"}, "whole num_inference_steps in .*, got '2'"),
    "half a step": (
        lambda p: {"num_inference_steps": 2.5},
        "whole num_inference_steps .*, got 2.5",
    ),
    "three scales": (lambda p: {"guidance_scale": [1, 2, 3]}, "or two, for image and map, got"),
    "no scale": (lambda p: {"guidance_scale": None}, "a number as guidance_scale, .* got None"),
    "scale": (lambda p: {"guidance_scale": float("nan")}, "weight of guidance, got nan"),
    "map scale": (lambda p: {"map_guidance_scale": None}, "weight of guidance, got None"),
    "interval": (lambda p: {"guidance_interval": (0.5,)}, r"low <= high in 0..1, got \(0.5,\)"),
    "generator": (lambda p: {"generator": 3}, "a torch.Generator, got int"),
    "a generator": (lambda p: {"generator": [3]}, "a torch.Generator, got int"),
    "empty": (lambda p: {"image": Image.new("RGB", (0, 5))}, "at least one pixel, got none"),
    "output": (lambda p: {"output_type": "np"}, "output_type pil, pt or latent, got 'np'"),
    "generators": (lambda p: {"generator": [seeded()] * 2}, "1 generators, got 2"),
    "images": (lambda p: {"image": [photo()] * 2}, "a image for each of 1 prompts, got 2"),
    "maps": (lambda p: {"map": [layout(p)] * 2}, "a map for each of 1 prompts, got 2"),
    "both": (lambda p: {"map": layout(p), "image": photo()}, "a map or an image, got both"),
    "no image": (lambda p: {"image": np.zeros((8, 8, 3))}, "a Image as image, got ndarray"),
    "no map": (lambda p: {"map": np.zeros((8, 8))}, "a PanopticMap as map, got ndarray"),
    "category": (
        lambda p: {"map": other_map(Category(3, "cat", True))},
        r"\(ground, sky, box\), got category 3 'cat' of another; build the map with pipe.taxonomy",
    ),
    "part": (lambda p: {"map": other_map(p.taxonomy.by_name("sky"))}, "got a part of it"),
    "callback": (
        lambda p: {
            "callback_on_step_end": lambda *a: None,
            "callback_on_step_end_tensor_inputs": ["noise"],
        },
        "callback tensors of latents, clean, got noise",
    ),
}


@pytest.mark.parametrize("what", WRONG)
def test_wrong_input(pipe: Pipe, what: str, monkeypatch: pytest.MonkeyPatch) -> None:
    make, message = WRONG[what]
    sizes = counted(pipe, monkeypatch)
    with pytest.raises(InputError, match=message):
        run(pipe, **make(pipe))
    assert not sizes, "refused before any work"


def test_a_callback_keeps_the_shape_of_the_latents(pipe: Pipe) -> None:
    with pytest.raises(InputError, match=r"latents of shape \(1, .* from the callback, got \(1,\)"):
        run(pipe, callback_on_step_end=lambda *a: {"latents": torch.zeros(1)})
    names: list[str] = []

    def look(pipe: Pipe, step: int, time: int, tensors: dict[str, Tensor]) -> None:
        names.extend(tensors)

    run(pipe, callback_on_step_end=look, callback_on_step_end_tensor_inputs="clean")
    assert set(names) == {"clean"}


def test_prompts_may_be_any_list_of_words(pipe: Pipe) -> None:
    both = run(pipe, [PROMPT, OTHER])
    assert_alike(run(pipe, np.array([PROMPT, OTHER])), both)
    assert_alike(run(pipe, dict.fromkeys([PROMPT, OTHER])), both)


def test_a_pair_of_scales_may_be_a_list(pipe: Pipe) -> None:
    assert_alike(run(pipe, guidance_scale=[3, 1.5]), run(pipe, guidance_scale=(3, 1.5)))


def test_colors_of_a_map_may_be_others(pipe: Pipe) -> None:
    """They are for drawing."""
    repainted = Taxonomy(tuple(replace(c, color=(1, 2, 3)) for c in pipe.taxonomy.categories))
    given = layout(pipe)
    other = PanopticMap.from_ids(
        given.ids, {s.id: s.category_id for s in given.segments}, repainted
    )
    assert_alike(run(pipe, map=other), run(pipe, map=given))


def test_unknown_arguments_fail(pipe: Pipe) -> None:
    with pytest.raises(TypeError):
        run(pipe, negative_promt="rain")


def test_bf16_is_near(pipe: Pipe, monkeypatch: pytest.MonkeyPatch) -> None:
    exact = run(pipe, output_type="latent", guidance_scale=1.0).images
    autocast = torch.autocast("cpu", torch.bfloat16)
    monkeypatch.setattr(Pipe, "_autocast", lambda self: autocast)
    near = run(pipe, output_type="latent", guidance_scale=1.0).images
    assert (near - exact).abs().mean() < 0.1 * exact.abs().mean()


@pytest.fixture
def assets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(sources, "BUILT_IN", tmp_path / "assets")
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    return tmp_path / "assets"


def test_names_of_models(assets: Path, tmp_path: Path) -> None:
    (assets / "boxes").mkdir(parents=True)
    (assets / "boxes/model_index.json").touch()
    assert resolve("boxes") == str(assets / "boxes")
    assert resolve(tmp_path) == str(tmp_path)
    assert resolve("org/name") == "org/name"
    with pytest.raises(InputError, match=r"a built-in model \(boxes\), .* got 'trees'"):
        resolve("trees")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("scenes", r"\(none here\), a folder or a hub id, got 'scenes'"),
        ("{tmp}", "a pipeline's folder with model_index.json, got none in"),
        ("{tmp}/none", "a folder or a hub id, got"),
        ("no-such-org/no-such-model", "a whole pipeline at 'no-such-org/no-such-model', got"),
    ],
)
def test_models_that_are_not_there(name: str, message: str, assets: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=message):
        Pipe.from_pretrained(name.format(tmp=tmp_path))


@pytest.mark.parametrize("file", ["model_index.json", "transformer/config.json"])
def test_models_that_are_broken(file: str, tiny_model: Path, tmp_path: Path) -> None:
    shutil.copytree(tiny_model, tmp_path / "model")
    (tmp_path / "model" / file).write_text("{")
    with pytest.raises(InputError, match="a whole pipeline at"):
        Pipe.from_pretrained(tmp_path / "model")


def test_weights_that_are_broken(tiny_model: Path, tmp_path: Path) -> None:
    shutil.copytree(tiny_model, tmp_path / "model")
    (weights,) = (tmp_path / "model/transformer").glob("*.safetensors")
    weights.write_bytes(b"broken")
    with pytest.raises(InputError, match="a whole pipeline at"):
        Pipe.from_pretrained(tmp_path / "model")


def test_weights_stored_in_half_become_float32(tiny_model: Path, tmp_path: Path) -> None:
    stored = Pipe.from_pretrained(tiny_model)
    stored.transformer.half()
    stored.text_encoder.half()
    stored.save_pretrained(tmp_path / "half")
    again = Pipe.from_pretrained(tmp_path / "half")
    assert {again.transformer.dtype, again.text_encoder.dtype, again.vae.dtype} == {torch.float32}
    assert Pipe.from_pretrained(tmp_path / "half", dtype=torch.float16).vae.dtype == torch.float16
