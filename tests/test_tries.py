"""Several tries of a sample: which is kept, however they are divided, and that no more are made."""

from __future__ import annotations

from math import prod
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
from pandiff.pipeline.checks import Checks
from pandiff.pipeline.conditions import Given, Known
from pandiff.pipeline.tries import AFRESH, Generators, Tries, Try
from pandiff.prompts import Vocabulary, pixels_to_keep, share_held

Pipe = PanopticDiffusionPipeline
UNGUIDED: dict[str, Any] = {"guidance_scale": 1.0, "map_guidance_scale": 1.0}
MANY = "seven boxes on the ground below the sky"
TEN = "ten boxes and the ground"
SHARES = st.sampled_from([0.0, 0.25, 0.5, 1.0])


MOST = 6
ONE = st.tuples(
    st.booleans(),
    st.integers(1, MOST),
    st.lists(SHARES, min_size=MOST, max_size=MOST),
    st.lists(SHARES, min_size=MOST, max_size=MOST),
)


def alone(
    looked_at: bool, promised: list[float], held: list[float], afresh: int
) -> tuple[int, list[tuple[int, int | None]]]:
    """Which try a sample keeps that is made alone, try by try.

    Also which are finished, in order, and which earlier try each keeps a part of.
    """
    finished: list[tuple[int, int | None]] = []

    def best() -> int:
        return max((n for n, _ in finished), key=lambda n: (held[n], -n))

    def whole() -> bool:
        return bool(finished) and held[best()] == 1

    for number in range(min(afresh, len(held))):
        if not whole() and (not looked_at or promised[number] == 1):
            finished.append((number, None))
    others = [n for n in range(min(afresh, len(held))) if (n, None) not in finished]
    if others and not whole():
        most = max(others, key=lambda n: (promised[n], -n))
        if not finished or promised[most] > held[best()]:
            finished.append((most, None))
    for number in range(afresh, len(held)):
        if not whole() and (not looked_at or promised[number] > held[best()]):
            finished.append((number, best()))
    return best(), finished


@given(st.lists(ONE, min_size=1, max_size=6), st.integers(1, MOST))
def test_all_samples_together_keep_what_each_keeps_alone(
    samples: list[tuple[bool, int, list[float], list[float]]], most: int
) -> None:
    seen: list[tuple[int, int]] = []
    finished: list[Try] = []

    def look(some: list[Try]) -> list[float]:
        assert 0 < len(some) <= len(samples)
        seen.extend((k, n) for k, n, _ in some)
        return [samples[k][2][n] for k, n, _ in some]

    def finish(some: list[Try]) -> list[tuple[float, int]]:
        assert 0 < len(some) <= len(samples)
        finished.extend(some)
        return [(samples[k][3][n], n) for k, n, _ in some]

    tried: Tries[int] = Tries([one[0] for one in samples], [one[1] for one in samples], most)
    tried.run(look, finish)
    assert len(set(seen)) == len(seen), "none is looked at twice"
    for k, (looked_at, afresh, promised, held) in enumerate(samples):
        kept, order = alone(looked_at, promised[:most], held[:most], afresh)
        assert tried.kept[k] == tried.made[k] == kept
        assert [(t.number, t.base) for t in finished if t.sample == k] == order
        assert looked_at or k not in {j for j, _ in seen}


def test_rounds_are_full_as_long_as_there_are_tries_to_draw_from_nothing() -> None:
    rounds: list[list[Try]] = []
    whole = {(0, 0), (2, 0), (3, 2), (1, 7)}

    def look(some: list[Try]) -> list[float]:
        rounds.append(some)
        return [1.0 if (k, n) in whole else 0.5 for k, n, _ in some]

    def finish(some: list[Try]) -> list[tuple[float, str]]:
        return [(1.0 if (k, n) in whole else 0.2, f"{k}.{n}") for k, n, _ in some]

    tried: Tries[str] = Tries([True] * 4, [6] * 4, 8)
    tried.run(look, finish)
    assert [[(k, n) for k, n, _ in some] for some in rounds] == [
        [(0, 0), (1, 0), (2, 0), (3, 0)],
        [(1, 1), (3, 1), (1, 2), (3, 2)],
        [(1, 3), (1, 4), (1, 5)],
        [(1, 6)],
        [(1, 7)],
    ]
    assert {one.base for some in rounds[:3] for one in some} == {None}
    assert [one.base for some in rounds[3:] for one in some] == ["1.0", "1.0"]
    assert tried.kept == [0, 7, 0, 2]


def noise(generator: torch.Generator) -> torch.Tensor:
    return torch.randn(2, 4, 4, generator=generator)


def test_each_try_has_noise_of_its_own_and_the_first_that_of_the_sample_alone() -> None:
    generators = Generators([torch.Generator().manual_seed(3)], several=True, size=32)
    first = noise(torch.Generator().manual_seed(3))
    assert all(torch.equal(noise(generators(0, 0)), first) for _ in range(2))
    draws = [noise(generators(0, n)) for n in range(4)]
    assert len({tuple(d.flatten().tolist()) for d in draws}) == 4
    assert torch.equal(draws[1], noise(generators(0, 1)))


def test_a_generator_gives_the_next_call_what_it_would_give_without_tries() -> None:
    """A generator may serve several samples, and several calls: no noise comes twice."""
    one, other = (torch.Generator().manual_seed(3) for _ in range(2))
    generators = Generators([one, one], several=True, size=32)
    again = Generators([one], several=True, size=32)
    tries = [generators(0, 0), generators(0, 1), generators(1, 0), generators(1, 1), again(0, 0)]
    found = torch.stack([noise(g).flatten() for g in tries])
    assert torch.equal(found[0], noise(other).flatten())
    assert not any(torch.isin(found[i], found[j]).any() for i in range(5) for j in range(i))


def test_without_several_tries_each_sample_has_its_own_generator_untouched() -> None:
    own, twin = (torch.Generator().manual_seed(3) for _ in range(2))
    assert Generators([own], several=False, size=32)(0, 0) is own
    assert torch.equal(noise(own), noise(twin))


def run(
    pipe: Pipe, prompt: Any, seeds: list[int], steps: int = 3, **options: Any
) -> PanopticPipelineOutput:
    generators = [torch.Generator().manual_seed(seed) for seed in seeds]
    return pipe(prompt, generator=generators, num_inference_steps=steps, **options)


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
@pytest.mark.parametrize("steps", [3, 12], ids=["not looked at", "looked at"])
def test_what_is_kept_is_what_each_sample_keeps_alone(
    pipe: Pipe, scheduler: Any, steps: int
) -> None:
    pipe.scheduler = scheduler
    prompts, seeds, most = [MANY, MANY, "", "a box and the ground"], [7, 8, 5, 6], 7
    out = run(pipe, prompts, seeds, tries=most, steps=steps)
    assert out["tries"] == out.tries == out.to_tuple()[2]
    assert out.tries is not None and out.tries[2] == 1
    bases: list[bool] = []
    for k, (prompt, seed) in enumerate(zip(prompts, seeds, strict=True)):
        number, one, later = by_hand(pipe, prompt, seed, most, steps)
        bases.append(later)
        assert out.tries[k] == number + 1
        assert np.array_equal(out.maps[k].ids, one.maps[0].ids)
        difference = np.asarray(out.images[k], int) - np.asarray(one.images[0], int)
        assert np.abs(difference).max() <= 1
    assert any(bases), "a test of tries that keep something must have some"


def by_hand(
    pipe: Pipe, prompt: str, seed: int, most: int, steps: int
) -> tuple[int, PanopticPipelineOutput, bool]:
    """The try that one prompt keeps, its number, and whether any kept a part of another."""
    shape = (pipe.transformer.layout.channels, *[pipe.transformer.config.sample_size] * 2)
    generators = Generators([torch.Generator().manual_seed(seed)], True, prod(shape))
    made: list[PanopticPipelineOutput] = []
    promised: list[float] = []
    held: list[float] = []
    later = False
    for number in range(most):
        own = Given()
        if number >= AFRESH:
            best, _ = alone(steps >= 12 and prompt != "", promised, held, AFRESH)
            claim, base = Vocabulary(pipe.taxonomy).read(prompt), made[best].maps[0]
            if held[best] < 1:
                own = own.with_kept(
                    base, pixels_to_keep(claim, base, generators.choices(0, number))
                )
                later |= own.map is not None
        early, one = run_one(pipe, prompt, generators(0, number), steps, own)
        made.append(one)
        promised.append(share(pipe, prompt, own.finish_map(early)))
        held.append(share(pipe, prompt, one.maps[0]))
    best, _ = alone(steps >= 12 and prompt != "", promised, held, AFRESH)
    return best, made[best], later


def run_one(
    pipe: Pipe, prompt: str, generator: torch.Generator, steps: int, own: Given
) -> tuple[PanopticMap, PanopticPipelineOutput]:
    """The map after a quarter of the steps, and the sample."""
    seen: list[PanopticMap] = []

    def watch(pipe: Pipe, step: int, timestep: int, tensors: dict[str, torch.Tensor]) -> None:
        if step + 1 == max(1, steps // 4):
            seen.extend(pipe.preview(tensors["clean"]).maps)

    out = pipe(
        prompt, generator=[generator], num_inference_steps=steps, callback_on_step_end=watch,
        callback_on_step_end_tensor_inputs=("clean",), map=own.map,
        known=None if own.map is None else own.known,
    )  # fmt: skip
    return seen[0], out


def test_one_try_is_what_it_was(pipe: Pipe) -> None:
    plain = run(pipe, [MANY, MANY], [0, 1], output_type="latent")
    tried = run(pipe, [MANY, MANY], [0, 1], output_type="latent", tries=1)
    assert torch.equal(plain.images, tried.images)
    assert plain.tries == tried.tries == [1, 1]


@pytest.mark.parametrize("output_type", ["pt", "latent"])
def test_other_outputs_are_of_the_same_tries(pipe: Pipe, output_type: str) -> None:
    for most in (3, 7):
        shown = run(pipe, [MANY] * 2, [7, 8], tries=most)
        tensors = run(pipe, [MANY] * 2, [7, 8], tries=most, output_type=output_type)
        assert shown.tries == tensors.tries
        assert torch.equal(shown.map_tensors, tensors.maps)
        maps = pipe.panoptic_codec.decode_batch(tensors.maps, (64, 64))
        for one, other in zip(shown.maps, maps, strict=True):
            assert most > AFRESH or np.array_equal(one.ids, other.ids)


def test_a_part_of_a_map_that_is_kept_brings_nothing_else_along(pipe: Pipe) -> None:
    ids = np.repeat([1, 2, 3, 4], 4)[None].repeat(8, 0)
    panoptic = PanopticMap.from_ids(ids, {1: 1, 2: 2, 3: 7, 4: 7}, pipe.taxonomy)
    mask = ids == 3
    one = Given().with_kept(panoptic, mask)
    assert one.map is not None and one.known.map is not None
    assert [s.id for s in one.map.segments] == [3] and np.array_equal(one.known.map, mask)
    assert Given().with_kept(panoptic, np.zeros_like(mask)).map is None
    both = Given(panoptic, known=Known(ids == 1)).with_kept(panoptic, mask)
    assert both.map is not None and both.known.map is not None
    assert [s.id for s in both.map.segments] == [1, 3]
    assert np.array_equal(both.known.map, (ids == 1) | mask)
    photo = Image.new("RGB", (16, 8))
    part = Given(image=photo, known=Known(ids > 2, ids > 2)).with_kept(panoptic, mask).known
    assert part.map is not None and part.image is not None
    assert np.array_equal(part.map, mask) and np.array_equal(part.image, ids > 2)


def test_strength_1_without_an_image_is_no_variation(pipe: Pipe) -> None:
    plain = run(pipe, MANY, [7], steps=12, tries=6)
    other = run(pipe, MANY, [7], steps=12, tries=6, strength=1)
    assert plain.tries == other.tries
    assert np.array_equal(plain.maps[0].ids, other.maps[0].ids)


def test_what_claims_nothing_or_is_given_has_one_try(
    pipe: Pipe, monkeypatch: pytest.MonkeyPatch
) -> None:
    layout = PanopticMap.from_ids(np.ones((64, 64), np.int32), {1: 1}, pipe.taxonomy)
    batches = asked_for(pipe, monkeypatch)
    run(pipe, ["", "a quiet evening"], [0, 1], tries=5, **UNGUIDED)
    assert batches == [2] * 3
    batches.clear()
    out = run(pipe, MANY, [0], map=layout, tries=5, **UNGUIDED)
    assert batches == [1] * 3
    assert out.tries == [1]


@pytest.mark.filterwarnings("ignore:expected at most 63 instances")  # of an untrained model
def test_what_is_given_in_part_is_kept_in_every_try(
    pipe: Pipe, monkeypatch: pytest.MonkeyPatch
) -> None:
    built: list[Given] = []
    with_kept = Given.with_kept

    def noted(self: Given, panoptic: PanopticMap, mask: np.ndarray) -> Given:
        built.append(with_kept(self, panoptic, mask))
        return built[-1]

    monkeypatch.setattr(Given, "with_kept", noted)
    ids = np.ones((48, 80), np.int32)
    ids[:20] = 2
    layout = PanopticMap.from_ids(ids, {1: 1, 2: 2}, pipe.taxonomy)
    known = np.zeros((48, 80), bool)
    known[:, :40] = True
    photo = Image.new("RGB", (80, 48), "teal")
    given_parts = {
        "map": [layout, None, None],
        "image": [None, photo, photo],
        "known": [known, None, known],
    }
    for steps in (3, 12):
        out = run(pipe, [TEN] * 3, [7, 8, 9], tries=9, steps=steps, **given_parts)
        made, kept = out.maps[0].category_index, layout.category_index
        assert np.array_equal(made[known], kept[known])
        assert np.array_equal(np.asarray(out.images[1]), np.asarray(photo))
        beside = np.asarray(out.images[2])[:, :30], np.asarray(photo)[:, :30]
        assert np.array_equal(*beside), "known, and not at the seam"
        assert [m.size for m in out.maps] == [i.size for i in out.images] == [(80, 48)] * 3
    assert sum(one.map is not None for one in built) > 6, "later tries keep a part"


def nothing_right(checks: Checks, rows: list[int], given: Any, z: Any) -> list[tuple[float, None]]:
    return [(0.5, None)] * len(rows)


def test_a_variation_starts_from_its_image_in_every_try(
    pipe: Pipe, monkeypatch: pytest.MonkeyPatch
) -> None:
    batches = asked_for(pipe, monkeypatch)
    monkeypatch.setattr(Checks, "__call__", nothing_right)
    photo = Image.new("RGB", (64, 64), "teal")
    run(pipe, [MANY], [0], steps=12, image=photo, strength=0.5, tries=3, **UNGUIDED)
    once = 12  # its map is found once, in as many steps
    assert len(batches) == once + 3 * 6, "none is looked at early"


def test_what_does_not_look_whole_is_given_up(pipe: Pipe, monkeypatch: pytest.MonkeyPatch) -> None:
    batches = asked_for(pipe, monkeypatch)
    monkeypatch.setattr(Checks, "__call__", nothing_right)
    out = run(pipe, [MANY] * 2, [0, 1], steps=12, tries=5, **UNGUIDED)
    assert batches == [2] * (5 * 3 + 12), "five looks after three steps, and one of five to the end"
    assert out.tries == [1, 1]


def test_a_variation_that_waits_is_not_denoised(
    pipe: Pipe, monkeypatch: pytest.MonkeyPatch
) -> None:
    layout = PanopticMap.from_ids(np.ones((64, 64), np.int32), {1: 1}, pipe.taxonomy)
    photo = Image.new("RGB", (64, 64), "teal")
    varied = {"map": [None, layout], "image": [None, photo], "strength": [None, 0.5]}
    batches = asked_for(pipe, monkeypatch)
    run(pipe, [MANY] * 2, [0, 1], steps=4, **UNGUIDED, **varied)
    assert batches == [1, 1, 2, 2]


def test_the_callback_sees_a_batch_for_each_round(pipe: Pipe) -> None:
    seen: list[tuple[int, int]] = []

    def watch(pipe: Pipe, step: int, timestep: int, tensors: dict[str, torch.Tensor]) -> None:
        seen.append((step, len(tensors["clean"])))

    run(pipe, [MANY, ""], [0, 1], tries=3, callback_on_step_end=watch,
        callback_on_step_end_tensor_inputs=("clean",))  # fmt: skip
    assert seen == [(k, batch) for batch in (2, 1, 1) for k in range(3)]


@pytest.mark.parametrize("tries", [0, 2.5, None])
def test_no_number_of_tries(pipe: Pipe, tries: Any) -> None:
    with pytest.raises(InputError, match=f"a whole number of tries, 1 or more, got {tries}"):
        run(pipe, MANY, [0], tries=tries)
