"""Several tries of a sample: which is kept, however they are divided, and that no more are made."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from diffusers import DDPMScheduler, DPMSolverMultistepScheduler
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from pandiff.errors import InputError
from pandiff.panoptic import PanopticMap
from pandiff.pipeline import PanopticDiffusionPipeline, PanopticPipelineOutput
from pandiff.pipeline.tries import Generators, Tries
from pandiff.prompts import Vocabulary, share_held

Pipe = PanopticDiffusionPipeline
MANY = "seven boxes on the ground below the sky"
SHARES = st.sampled_from([0.0, 0.25, 0.5, 1.0])


@given(
    st.lists(st.lists(SHARES, min_size=5, max_size=5), min_size=1, max_size=6), st.integers(1, 5)
)
def test_the_first_of_the_best_is_kept_and_none_is_made_after_a_whole_one(
    shares: list[list[float]], most: int
) -> None:
    tried, made = Tries(len(shares), most), set()
    while some := tried.next_round():
        assert 0 < len(some) <= len(shares)
        assert not made & set(some)
        made |= set(some)
        states = torch.tensor([float(10 * k + n) for k, n in some]).reshape(-1, 1, 1, 1)
        tried.note(some, [shares[k][n] for k, n in some], states)
    for k, one in enumerate(shares):
        best = max(range(most), key=lambda n: (one[n], -n))
        assert tried.kept[k] == best
        assert tried.states()[k].item() == 10 * k + best
        last = max(n for j, n in made if j == k)
        assert {n for j, n in made if j == k} == set(range(last + 1))
        assert last == most - 1 or one[last] == 1 or 1 in one[:last]


def test_a_round_is_full_as_long_as_there_are_tries() -> None:
    tried = Tries(4, 6)
    first = tried.next_round()
    assert first == [(0, 0), (1, 0), (2, 0), (3, 0)]
    tried.note(first, [1, 0, 1, 0.5], torch.zeros(4, 1, 1, 1))
    assert tried.next_round() == [(1, 1), (3, 1), (1, 2), (3, 2)]
    tried.note([(1, 1), (3, 1), (1, 2), (3, 2)], [0, 1, 0, 0], torch.zeros(4, 1, 1, 1))
    assert tried.next_round() == [(1, 3), (1, 4), (1, 5)]
    tried.note([(1, 3), (1, 4), (1, 5)], [0, 0, 0.2], torch.zeros(3, 1, 1, 1))
    assert tried.next_round() == []
    assert tried.kept == [0, 5, 0, 1]


def test_the_first_try_has_the_samples_own_generator_untouched() -> None:
    own, twin = torch.Generator().manual_seed(3), torch.Generator().manual_seed(3)
    generators = Generators([own])
    assert generators(0, 0) is own
    draws = [torch.rand(4, generator=generators(0, n)) for n in range(1, 4)]
    assert torch.equal(torch.rand(4, generator=own), torch.rand(4, generator=twin))
    assert len({tuple(d.tolist()) for d in draws}) == 3
    assert torch.equal(draws[0], torch.rand(4, generator=generators(0, 1)))
    later = torch.rand(4, generator=Generators([own])(0, 1))
    assert not torch.equal(draws[0], later), "a generator that has moved on gives other tries"


@pytest.fixture(scope="module")
def loaded(tiny_model: Path) -> Pipe:
    pipe = Pipe.from_pretrained(tiny_model)
    pipe.set_progress_bar_config(disable=True)
    return pipe


@pytest.fixture
def pipe(loaded: Pipe, monkeypatch: pytest.MonkeyPatch) -> Iterator[Pipe]:
    monkeypatch.setattr(Pipe, "_autocast", lambda self: nullcontext())
    scheduler = loaded.scheduler
    yield loaded
    loaded.scheduler = scheduler


def run(pipe: Pipe, prompt: Any, seeds: list[int], **options: Any) -> PanopticPipelineOutput:
    generators = [torch.Generator().manual_seed(seed) for seed in seeds]
    return pipe(prompt, generator=generators, num_inference_steps=3, **options)


def share(pipe: Pipe, prompt: str, panoptic: PanopticMap) -> float:
    held = share_held(Vocabulary(pipe.taxonomy).read(prompt), panoptic)
    return 1.0 if held is None else held


def asked_for(pipe: Pipe, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The batch of each call of the network from now on."""
    batches: list[int] = []
    forward = type(pipe.transformer).forward

    def counted(self: Any, x: torch.Tensor, *rest: Any, **more: Any) -> Any:
        batches.append(len(x))
        return forward(self, x, *rest, **more)

    monkeypatch.setattr(type(pipe.transformer), "forward", counted)
    return batches


@pytest.mark.parametrize(
    "scheduler", [DPMSolverMultistepScheduler(), DDPMScheduler()], ids=["ode", "noisy"]
)
def test_the_best_of_the_tries_is_kept_as_if_it_were_alone(pipe: Pipe, scheduler: Any) -> None:
    pipe.scheduler = scheduler
    prompts, seeds, most = [MANY, "a box", "", "boxes on the ground"], [3, 4, 5, 6], 4
    out = run(pipe, prompts, seeds, tries=most)
    assert out.tries is not None and out.tries[2] == 1
    for k, (prompt, seed) in enumerate(zip(prompts, seeds, strict=True)):
        generators = Generators([torch.Generator().manual_seed(seed)])
        alone = [
            pipe(prompt, generator=[generators(0, n)], num_inference_steps=3) for n in range(most)
        ]
        shares = [share(pipe, prompt, one.maps[0]) for one in alone]
        best = shares.index(max(shares))
        assert out.tries[k] == best + 1
        assert np.array_equal(out.maps[k].ids, alone[best].maps[0].ids)
        difference = np.asarray(out.images[k], int) - np.asarray(alone[best].images[0], int)
        assert np.abs(difference).max() <= 1


def test_one_try_is_what_it_was(pipe: Pipe) -> None:
    plain = run(pipe, [MANY, MANY], [0, 1], output_type="latent")
    tried = run(pipe, [MANY, MANY], [0, 1], output_type="latent", tries=1)
    assert torch.equal(plain.images, tried.images)
    assert plain.tries == tried.tries == [1, 1]


@pytest.mark.parametrize("output_type", ["pt", "latent"])
def test_other_outputs_are_of_the_same_tries(pipe: Pipe, output_type: str) -> None:
    shown = run(pipe, [MANY] * 2, [0, 1], tries=3)
    tensors = run(pipe, [MANY] * 2, [0, 1], tries=3, output_type=output_type)
    assert shown.tries == tensors.tries
    maps = pipe.panoptic_codec.decode_batch(tensors.maps, (64, 64))
    for one, other in zip(shown.maps, maps, strict=True):
        assert np.array_equal(one.ids, other.ids)


def test_what_claims_nothing_or_is_given_has_one_try(
    pipe: Pipe, monkeypatch: pytest.MonkeyPatch
) -> None:
    layout = PanopticMap.from_ids(np.ones((64, 64), np.int32), {1: 1}, pipe.taxonomy)
    batches = asked_for(pipe, monkeypatch)
    run(pipe, ["", "a quiet evening"], [0, 1], tries=5, guidance_scale=1.0)
    assert batches == [2] * 3
    batches.clear()
    out = run(pipe, MANY, [0], map=layout, tries=5, guidance_scale=1.0)
    assert batches == [1] * 3
    assert out.tries == [1]


def test_what_is_given_in_part_is_kept_in_every_try(pipe: Pipe) -> None:
    ids = np.ones((48, 80), np.int32)
    ids[:20] = 2
    layout = PanopticMap.from_ids(ids, {1: 1, 2: 2}, pipe.taxonomy)
    known = np.zeros((48, 80), bool)
    known[:, :40] = True
    photo = Image.new("RGB", (80, 48), "teal")
    given_parts = {"map": [layout, None], "image": [None, photo], "known": [known, None]}
    out = run(pipe, [MANY, MANY], [0, 1], tries=3, **given_parts)
    made, kept = out.maps[0].category_index, layout.category_index
    assert np.array_equal(made[known], kept[known])
    assert [m.size for m in out.maps] == [i.size for i in out.images] == [(80, 48)] * 2


def test_a_variation_starts_from_its_image_in_every_try(
    pipe: Pipe, monkeypatch: pytest.MonkeyPatch
) -> None:
    batches = asked_for(pipe, monkeypatch)
    photo = Image.new("RGB", (64, 64), "teal")
    run(pipe, [MANY], [0], image=photo, strength=0.5, tries=3, guidance_scale=1.0)
    once = 20  # its map is found once, by the steps that are usual
    assert len(batches) == once + 3 * 2


def test_the_callback_sees_a_batch_for_each_round(pipe: Pipe) -> None:
    seen: list[tuple[int, int]] = []

    def watch(pipe: Pipe, step: int, timestep: int, tensors: dict[str, torch.Tensor]) -> None:
        seen.append((step, len(tensors["clean"])))

    run(pipe, [MANY, ""], [0, 1], tries=3, callback_on_step_end=watch,
        callback_on_step_end_tensor_inputs=("clean",))  # fmt: skip
    assert seen == [(k, 2) for k in range(3)] * 2


def test_no_try_at_all(pipe: Pipe) -> None:
    with pytest.raises(InputError, match="tries of 1 or more, got 0"):
        run(pipe, MANY, [0], tries=0)
