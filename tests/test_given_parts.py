"""What is given in part: kept in the output, invented elsewhere, mixed in one batch."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from typing import Any

import diffusers
import numpy as np
import pytest
import torch
from PIL import Image

from pandiff.diffusion import SCHEDULERS
from pandiff.errors import InputError
from pandiff.models.image_prompt import small_swin
from pandiff.models.unified import UnifiedPDM
from pandiff.panoptic import PanopticMap
from pandiff.pipeline import Known, PanopticDiffusionPipeline, PanopticPipelineOutput
from pandiff.pipeline.blend import SEAM
from pandiff.pipeline.conditions import Given, read_mask
from pandiff.pipeline.merge import merge_maps
from pandiff.taxonomy import Category, Taxonomy

Pipe = PanopticDiffusionPipeline
SIZES = pytest.mark.parametrize("size", [(64, 64), (90, 60), (30, 50)])
TAXONOMY = Taxonomy(
    (Category(1, "ground", False), Category(2, "sky", False), Category(7, "box", True))
)


def run(pipe: Pipe, prompt: Any = "a red box", **arguments: Any) -> PanopticPipelineOutput:
    options = {"num_inference_steps": 3, "generator": torch.Generator().manual_seed(0)}
    return pipe(prompt, **{**options, **arguments})


def layout(pipe: Pipe, size: tuple[int, int] = (64, 64)) -> PanopticMap:
    """Ground, sky above, and two boxes."""
    width, height = size
    ids = np.ones((height, width), np.int32)
    ids[: height // 2] = 2
    ids[height // 4 : height // 2, : width // 4] = 30
    ids[height // 4 : height // 2, -width // 4 :] = 40
    return PanopticMap.from_ids(ids, {1: 1, 2: 2, 30: 7, 40: 7}, pipe.taxonomy)


def photo(size: tuple[int, int] = (64, 64)) -> Image.Image:
    pixels = np.random.default_rng(0).integers(0, 255, (size[1], size[0], 3))
    return Image.fromarray(pixels.astype(np.uint8))


def left(size: tuple[int, int] = (64, 64)) -> np.ndarray:
    """The mask of the left half."""
    mask = np.zeros((size[1], size[0]), bool)
    mask[:, : size[0] // 2] = True
    return mask


def assert_keeps(given: PanopticMap, out: PanopticMap, mask: np.ndarray) -> None:
    assert np.array_equal(given.ids[mask], out.ids[mask])
    kept = set(np.unique(given.ids[mask]).tolist()) - {0}
    assert all(out[k].category_id == given[k].category_id for k in kept)


@pytest.mark.parametrize("scheduler", SCHEDULERS)
def test_known_pixels_of_a_map_come_back_exactly(pipe: Pipe, scheduler: str) -> None:
    pipe.scheduler = getattr(diffusers, scheduler)()
    given, mask = layout(pipe), left()
    out = run(pipe, map=given, known=mask).maps[0]
    assert_keeps(given, out, mask)
    assert not np.array_equal(given.ids, out.ids), "the rest is invented"


@SIZES
def test_known_pixels_at_any_size(pipe: Pipe, size: tuple[int, int]) -> None:
    given, mask = layout(pipe, size), left(size)
    out = run(pipe, map=given, known=Image.fromarray(mask))
    assert_keeps(given, out.maps[0], mask)
    assert out.images[0].size == out.maps[0].size == size


@SIZES
def test_an_edit_of_both(pipe: Pipe, size: tuple[int, int]) -> None:
    given, mask, image = layout(pipe, size), left(size), photo(size)
    out = run(pipe, map=given, image=image, known=mask)
    assert_keeps(given, out.maps[0], mask)
    ours, theirs = (np.asarray(i) for i in (image, out.images[0]))
    inside = np.zeros_like(mask)
    inside[:, : size[0] // 2 - int(np.ceil(SEAM * max(size)))] = True
    assert np.array_equal(ours[inside], theirs[inside])
    assert not np.array_equal(ours[~mask], theirs[~mask])


def test_known_cells_reach_the_network_clean(pipe: Pipe) -> None:
    given, mask = layout(pipe), left()
    out = run(pipe, map=given, known=mask, output_type="latent").maps[0]
    expected = pipe.panoptic_codec.encode(given, (16, 16))
    torch.testing.assert_close(out[..., :8], expected[..., :8])
    assert not torch.allclose(out[..., 8:], expected[..., 8:])


def test_a_mask_for_each_of_the_two(pipe: Pipe) -> None:
    """A layout that is kept whole, and an image that is made anew on the right."""
    given, image = layout(pipe), photo()
    out = run(pipe, map=given, image=image, known=Known(image=left()))
    assert out.maps[0] is given
    assert np.array_equal(np.asarray(out.images[0])[:, :20], np.asarray(image)[:, :20])
    assert not np.array_equal(np.asarray(out.images[0])[:, 40:], np.asarray(image)[:, 40:])


def test_void_is_free_where_the_model_knows_none(pipe: Pipe) -> None:
    whole = layout(pipe)
    given = whole.with_ids(np.where(left(), whole.ids, 0))
    known = pipe._encoder.encode([Given(map=given)])[1]
    codec_knows_void = pipe.panoptic_codec.void
    cells = pipe.transformer.layout.unpack(
        torch.cat([known[:, :1].expand(-1, 4, -1, -1), known[:, 1:].repeat(1, 9, 1, 1)], dim=1)
    )[1][0, 0]
    assert cells[:, :8].all()
    assert cells[:, 8:].all() == codec_knows_void


DIRECTIONS: dict[str, Callable[[Pipe], dict[str, Any]]] = {
    "text": lambda pipe: {},
    "map": lambda pipe: {"map": layout(pipe)},
    "image": lambda pipe: {"image": photo()},
    "part": lambda pipe: {"map": layout(pipe), "known": left()},
    "edit": lambda pipe: {"map": layout(pipe), "image": photo(), "known": left()},
    "prompt": lambda pipe: {"image_prompt": photo()},
    "prompt and map": lambda pipe: {"map": layout(pipe), "image_prompt": photo()},
    "variation": lambda pipe: {"image": photo(), "strength": 0.3},
    "variation on a map": lambda pipe: {"image": photo(), "map": layout(pipe), "strength": 0.7},
    "varied part": lambda pipe: {
        "map": layout(pipe), "image": photo(), "known": left(), "strength": 0.6,
    },
    "all of it": lambda pipe: {
        "map": layout(pipe), "image": photo((60, 40)).resize((64, 64)), "known": left(),
        "strength": 0.3, "image_prompt": photo(),
    },
}  # fmt: skip
GIVEN = ("map", "image", "known", "strength", "image_prompt")


@pytest.fixture(scope="module")
def prompted(loaded: Pipe) -> Pipe:
    """The pipeline with a network that takes image prompts."""
    torch.manual_seed(1)
    swin = small_swin(32, 4, 24, (1, 1), 4).eval()
    config = {**loaded.transformer.config, "image_prompt_dim": swin.config.hidden_size}
    network = UnifiedPDM.from_config(config).eval()
    torch.nn.init.normal_(network.image_unembed.weight, std=0.1)
    parts = {n: getattr(loaded, n) for n in ("vae", "text_encoder", "tokenizer", "scheduler")}
    pipe = Pipe(
        **parts, transformer=network, image_encoder=swin, codec=loaded.panoptic_codec.to_config()
    )
    pipe.set_progress_bar_config(disable=True)
    return pipe


@pytest.mark.parametrize(
    "scheduler", ["DPMSolverMultistepScheduler", "DPMSolverSinglestepScheduler", "DDPMScheduler",
                  "EulerDiscreteScheduler", "UniPCMultistepScheduler"],
)  # fmt: skip
def test_a_batch_of_mixed_directions_equals_them_one_by_one(
    prompted: Pipe, scheduler: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Pipe, "_autocast", lambda self: nullcontext())
    monkeypatch.setattr(prompted, "scheduler", getattr(diffusers, scheduler)())
    each = [make(prompted) for make in DIRECTIONS.values()]
    count = len(each)

    def seeds(n: int, first: int = 0) -> list[torch.Generator]:
        return [torch.Generator().manual_seed(first + k) for k in range(n)]

    def latents(prompts: Any, given: dict[str, Any], generator: Any) -> list[torch.Tensor]:
        options = {"generator": generator, "output_type": "latent", "num_inference_steps": 5}
        out = run(prompted, prompts, **given, **options)
        return [
            torch.cat([i.flatten(), m.flatten()]) for i, m in zip(out.images, out.maps, strict=True)
        ]

    mixed = {name: [one.get(name) for one in each] for name in GIVEN}
    together = latents(["a red box"] * count, mixed, seeds(count))
    for k, one in enumerate(each):
        alone = latents("a red box", one, seeds(1, k))[0]
        torch.testing.assert_close(together[k], alone, rtol=1e-2, atol=1e-2)
        far = (together[k] - alone).abs() > 1e-4 * (1 + alone.abs())
        assert far.float().mean() < 0.002  # other batches round otherwise, by the processor
        for name in ("strength", "image_prompt"):  # each of them tells
            if name in one:
                without = {n: v for n, v in one.items() if n != name}
                if not ("map" in without and "image" in without and "known" not in without):
                    other = latents("a red box", without, seeds(1, k))[0]
                    assert not torch.allclose(alone, other, atol=1e-3)


def test_one_strength_for_each(pipe: Pipe) -> None:
    """None, or 1 without an image, is no variation; sizes come back as they were given."""
    out = run(pipe, ["", "", "", ""], image=[photo((60, 40)), photo((30, 50)), None, None],
              strength=[0.4, None, 1, None])  # fmt: skip
    sizes = [(60, 40), (30, 50), (64, 64), (64, 64)]
    assert [i.size for i in out.images] == [m.size for m in out.maps] == sizes
    assert np.array_equal(np.asarray(out.images[1]), np.asarray(photo((30, 50))))
    assert not np.array_equal(np.asarray(out.images[0]), np.asarray(photo((60, 40))))
    same = run(pipe, ["", "", "", ""], image=[photo((60, 40)), photo((30, 50)), None, None],
               strength=[0.4, None, None, None])  # fmt: skip
    assert np.array_equal(np.asarray(same.images[2]), np.asarray(out.images[2]))


def test_steps_and_previews_of_a_batch_of_strengths(
    pipe: Pipe, capsys: pytest.CaptureFixture[str]
) -> None:
    """The longest run counts; each preview shows the whole batch."""
    seen: list[tuple[int, int]] = []

    def look(pipe: Pipe, step: int, time: int, tensors: dict[str, torch.Tensor]) -> None:
        seen.append((step, len(pipe.preview(tensors["clean"]).images)))

    pipe.set_progress_bar_config(disable=False)
    run(pipe, ["", ""], image=photo(), map=layout(pipe), strength=[0.2, 0.6],
        num_inference_steps=10, callback_on_step_end=look,
        callback_on_step_end_tensor_inputs=["clean"])  # fmt: skip
    pipe.set_progress_bar_config(disable=True)
    assert seen == [(k, 2) for k in range(6)]
    assert "6/6" in capsys.readouterr().err


@pytest.mark.parametrize("scheduler", SCHEDULERS)
def test_strength_says_how_much_is_lost(pipe: Pipe, scheduler: str) -> None:
    pipe.scheduler = getattr(diffusers, scheduler)()
    steps: list[int] = []

    def count(pipe: Pipe, step: int, *others: object) -> None:
        steps.append(step)

    run(pipe, image=photo((60, 40)), map=layout(pipe, (60, 40)), strength=0.5,
        num_inference_steps=6, callback_on_step_end=count)  # fmt: skip
    assert len(steps) in (3, 6)  # some schedulers count the calls of a step of two
    assert steps == sorted(steps)


@pytest.mark.parametrize("scheduler", SCHEDULERS)
def test_strength_spares_what_is_known(pipe: Pipe, scheduler: str) -> None:
    """A variation of the right half: the left comes back, exactly in the map."""
    pipe.scheduler = getattr(diffusers, scheduler)()
    given, mask, image = layout(pipe), left(), photo()
    out = run(pipe, image=image, map=given, known=mask, strength=0.6, num_inference_steps=4)
    assert_keeps(given, out.maps[0], mask)
    ours, theirs = np.asarray(image), np.asarray(out.images[0])
    assert np.array_equal(ours[:, :28], theirs[:, :28])
    assert not np.array_equal(ours[:, 32:], theirs[:, 32:])


def test_a_faint_variation_of_a_part_starts_near(pipe: Pipe) -> None:
    """Sampling of the unknown half starts from its noised image and map, not from noise."""
    given, image = layout(pipe), Image.new("RGB", (64, 64), (200, 40, 40))
    clean = pipe._encoder.encode([Given(map=given)])[0]
    clean[:, :4] = pipe._encoder.images([image])
    first: dict[float | None, torch.Tensor] = {}

    def keep(pipe: Pipe, step: int, time: int, tensors: dict[str, torch.Tensor]) -> None:
        first.setdefault(strength, tensors["latents"] - clean)

    for strength in (0.1, 1.0, None):
        run(pipe, "", image=image, map=given, known=left(), strength=strength,
            num_inference_steps=50, callback_on_step_end=keep, guidance_scale=1.0)  # fmt: skip
    right = {s: [float(p[..., 5:].square().mean()) for p in pipe.transformer.layout.split(x)]
             for s, x in first.items()}  # fmt: skip
    assert all(near < 0.3 * far for near, far in zip(right[0.1], right[1.0], strict=True))
    assert all(near < 0.3 * far for near, far in zip(right[0.1], right[None], strict=True))


def test_a_mask_of_the_map_alone_keeps_the_whole_image(pipe: Pipe) -> None:
    given, image = layout(pipe), photo()
    out = run(pipe, image=image, map=given, known=Known(map=left()), strength=0.5)
    assert out.images[0] is image
    assert_keeps(given, out.maps[0], left())


def test_a_faint_variation_starts_near_and_a_whole_one_does_not(pipe: Pipe) -> None:
    image = Image.new("RGB", (64, 64), (200, 40, 40))
    clean = pipe._encoder.images([image])
    states: list[torch.Tensor] = []

    def keep(pipe: Pipe, step: int, time: int, tensors: dict[str, torch.Tensor]) -> None:
        states.append(tensors["latents"])

    distances = {}
    for strength in (0.1, 1.0):
        run(pipe, "", image=image, map=layout(pipe), strength=strength, num_inference_steps=50,
            callback_on_step_end=keep, guidance_scale=1.0)  # fmt: skip
        first = pipe.transformer.layout.split(states[0])[0]
        distances[strength] = float((first - clean).square().mean())
        states.clear()
    assert distances[0.1] < 0.2 < 0.5 < distances[1.0]


def test_a_variation_has_a_map_and_the_images_size(pipe: Pipe) -> None:
    out = run(pipe, ["", ""], image=photo((60, 40)), strength=0.6)
    assert [i.size for i in out.images] == [m.size for m in out.maps] == [(60, 40)] * 2
    assert np.asarray(out.images[0]).tolist() != np.asarray(photo((60, 40))).tolist()


def test_preview_shows_the_estimate(pipe: Pipe) -> None:
    seen: list[PanopticPipelineOutput] = []

    def look(pipe: Pipe, step: int, time: int, tensors: dict[str, torch.Tensor]) -> None:
        seen.append(pipe.preview(tensors["clean"]))

    out = run(pipe, callback_on_step_end=look, callback_on_step_end_tensor_inputs=["clean"])
    assert len(seen) == 3
    assert np.array_equal(seen[-1].maps[0].ids, out.maps[0].ids)
    assert np.array_equal(np.asarray(seen[-1].images[0]), np.asarray(out.images[0]))


def test_negative_prompts_lead_away(pipe: Pipe) -> None:
    plain, empty, other = (
        run(pipe, negative_prompt=n, output_type="latent").images
        for n in (None, [""], "two red boxes on the ground")
    )
    assert torch.equal(plain, empty)
    both = run(pipe, ["a red box"] * 2, negative_prompt=[None, "sky"], output_type="latent").images
    assert both.shape[0] == 2
    assert not torch.allclose(plain, other)


WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "sizes": ({"map": (32, 32), "known": left()}, "of one size, got map 32 x 32, known mask 64"),
    "pair": (
        {"map": (32, 32), "image": (64, 64), "known": left()},
        "got map 32 x 32, image 64 x 64;",
    ),
    "mask of nothing": (
        {"map": (64, 64), "known": Known(image=left())},
        "a map or an image with the known mask, got none",
    ),
    "nothing known": ({"known": left()}, "a map or an image with the known mask, got none"),
    "whole": ({"map": (64, 64), "image": (64, 64)}, "got both, whole"),
    "axes": ({"map": (64, 64), "known": np.ones((2, 64, 64))}, r"\(H, W\), got \(2, 64, 64\)"),
    "type": ({"map": (64, 64), "known": "left"}, "a ndarray as known mask, got str"),
    "strength": ({"image": (64, 64), "strength": 1.5}, "a strength above 0 and up to 1, got 1.5"),
    "no image": ({"strength": 0.5}, "an image to vary with strength, got none"),
    "strengths": ({"image": (64, 64), "strength": [0.5, 0.6]}, "a strength for each of 1 prompts"),
    "word": ({"image": (64, 64), "strength": ["half"]}, "a float as strength, got str"),
    "varied sizes": (
        {"image": (64, 64), "map": (32, 32), "strength": 0.5},
        "of one size, got map 32 x 32, image",
    ),
}


@pytest.mark.parametrize("what", WRONG)
def test_wrong_input(pipe: Pipe, what: str) -> None:
    given, message = WRONG[what]
    make: dict[str, Any] = {"map": lambda size: layout(pipe, size), "image": photo}
    with pytest.raises(InputError, match=message):
        run(pipe, **{k: make[k](v) if k in make else v for k, v in given.items()})


def test_masks_of_any_kind() -> None:
    mask = left()
    grays = Image.fromarray(np.where(mask, 65535, 300).astype(np.uint16))
    for one in (
        mask,
        mask.astype(np.uint8) * 255,
        Image.fromarray(mask),
        mask.astype(float),
        grays,
    ):
        assert np.array_equal(read_mask(one), mask)


def of(row: list[int], categories: dict[int, int]) -> PanopticMap:
    return PanopticMap.from_ids(np.array([row]), categories, TAXONOMY)


HALF = np.array([[True, True, False, False]])


def test_a_made_segment_goes_on_with_the_given_one() -> None:
    given = of([5, 5, 9, 9], {5: 7, 9: 1})
    made = of([1, 1, 1, 2], {1: 7, 2: 1})  # the box grows to the right, over the ground
    out = merge_maps(given, made, HALF)
    assert out.ids.tolist() == [[5, 5, 5, 9]]
    assert [(s.id, s.category_id) for s in out.segments] == [(5, 7), (9, 1)]


def test_made_things_of_their_own_get_new_ids() -> None:
    given = of([5, 5, 9, 9], {5: 7, 9: 1})
    made = of([3, 3, 5, 5], {3: 7, 5: 7})
    out = merge_maps(given, made, HALF)
    assert out.ids.tolist() == [[5, 5, 10, 10]]
    assert out[10].category_id == 7


def test_another_category_is_another_segment() -> None:
    out = merge_maps(of([5, 5, 0, 0], {5: 7}), of([1, 1, 1, 1], {1: 2}), HALF)
    assert out.ids.tolist() == [[5, 5, 6, 6]]
    assert out[6].category_id == 2


def test_known_void_stays_void() -> None:
    known = np.array([[True, True, True, False]])
    out = merge_maps(of([0, 5, 5, 5], {5: 7}), of([1, 1, 1, 1], {1: 7}), known)
    assert out.ids.tolist() == [[0, 5, 5, 5]]
