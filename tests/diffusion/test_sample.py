"""The sampling loop obeys the same laws under every scheduler."""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from typing import Any

import diffusers
import pytest
import torch
from diffusers import SchedulerMixin
from torch import Tensor

from pandiff.context import Context
from pandiff.diffusion import (
    SCHEDULERS,
    Denoise,
    NoiseSchedule,
    Start,
    StreamSchedules,
    sample,
    scheduler_for,
)
from pandiff.errors import InputError
from pandiff.state import StateLayout

CONTEXT = Context(torch.zeros(1, 1, 1))
EQUAL = StateLayout(2, 2, 1)
EQUAL_SCHEDULES = StreamSchedules(NoiseSchedule(), NoiseSchedule())
UNEQUAL = StateLayout(2, 1, 4)
UNEQUAL_SCHEDULES = StreamSchedules.for_ratio(4)


def noise_like(layout: StateLayout, side: int = 8, seed: int = 0) -> Tensor:
    g = torch.Generator().manual_seed(seed)
    return torch.randn(1, layout.channels, side, side, generator=g)


def generators() -> list[torch.Generator]:
    return [torch.Generator().manual_seed(5)]


class Watch:
    """A denoiser that always answers `z0` and keeps what it was asked."""

    def __init__(self, z0: Tensor) -> None:
        self.z0 = z0
        self.asked: list[tuple[Tensor, Tensor]] = []

    def __call__(
        self, x: Tensor, t: Tensor, context: Context, known: Tensor | None = None
    ) -> Tensor:
        self.asked.append((x.clone(), t.clone()))
        return self.z0


def test_every_scheduler_that_we_name_is_tested(covered_classes: set[str]) -> None:
    assert covered_classes == set(SCHEDULERS)


def test_equal_streams_stay_equal(
    scheduler: SchedulerMixin, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = importlib.import_module(type(scheduler).__module__)
    if hasattr(module, "randn_tensor"):  # the same noise for both streams

        def same(shape: tuple[int, ...], **_: object) -> Tensor:
            return torch.randn(shape, generator=torch.Generator().manual_seed(7))

        monkeypatch.setattr(module, "randn_tensor", same)

    def symmetric(x: Tensor, t: Tensor, context: Context, known: Tensor | None = None) -> Tensor:
        image, panoptic = EQUAL.split(x)
        return torch.cat([image + 0.3 * panoptic, panoptic + 0.3 * image], dim=1).sin()

    half = torch.randn(1, 2, 8, 8, generator=torch.Generator().manual_seed(0))
    noise = torch.cat([half, half], dim=1)
    seen: list[Tensor] = []
    out = sample(
        symmetric, CONTEXT, noise, EQUAL, EQUAL_SCHEDULES, scheduler, 9,
        on_step=lambda k, t, x, z0: seen.append(x),
    )  # fmt: skip
    assert len(seen) == 9
    for x in [*seen, out]:
        assert x.isfinite().all()
        torch.testing.assert_close(*EQUAL.split(x), rtol=1e-5, atol=1e-5)
    assert out.std() > 0.1


@pytest.mark.parametrize("steps", [1, 7, 8, 25])
def test_the_last_step_ends_at_the_clean_state(scheduler: SchedulerMixin, steps: int) -> None:
    z0 = noise_like(UNEQUAL, seed=1).mul(3)  # beyond [-1, 1]: nothing may clip it
    out = sample(
        Watch(z0), CONTEXT, noise_like(UNEQUAL), UNEQUAL, UNEQUAL_SCHEDULES, scheduler, steps,
        generators=generators(),
    )  # fmt: skip
    assert torch.equal(out, z0)


def test_what_the_network_sees_lies_on_the_path_of_training(
    ode_scheduler: SchedulerMixin,
) -> None:
    z0, noise = noise_like(UNEQUAL, seed=1).mul(3), noise_like(UNEQUAL)
    watch = Watch(z0)
    sample(watch, CONTEXT, noise, UNEQUAL, UNEQUAL_SCHEDULES, ode_scheduler, 8)
    levels = [int(t[0, 0]) for _, t in watch.asked]
    assert levels[0] == 1000
    assert levels == sorted(levels, reverse=True)
    for x, t in watch.asked:
        alpha, sigma = (UNEQUAL.per_stream(c) for c in UNEQUAL_SCHEDULES.coefficients(t))
        torch.testing.assert_close(x, alpha * z0 + sigma * noise, rtol=0, atol=4e-3)


def test_added_noise_keeps_to_the_level(scheduler: SchedulerMixin) -> None:
    z0 = noise_like(UNEQUAL, 32, seed=1)
    watch = Watch(z0)
    sample(
        watch, CONTEXT, noise_like(UNEQUAL, 32), UNEQUAL, UNEQUAL_SCHEDULES, scheduler, 10,
        generators=generators(),
    )  # fmt: skip
    for x, t in watch.asked:
        alpha, sigma = (UNEQUAL.per_stream(c) for c in UNEQUAL_SCHEDULES.coefficients(t))
        for residual in UNEQUAL.split((x - alpha * z0) / sigma):
            assert abs(residual.mean()) < 0.1
            assert abs(residual.std() - 1) < 0.1


def test_the_given_scheduler_is_not_changed(scheduler: SchedulerMixin) -> None:
    before = dict(scheduler.config), scheduler.timesteps.clone()
    z0 = noise_like(UNEQUAL)
    sample(Watch(z0), CONTEXT, z0, UNEQUAL, UNEQUAL_SCHEDULES, scheduler, 3)
    assert dict(scheduler.config) == before[0]
    assert torch.equal(scheduler.timesteps, before[1])


def test_settings_of_the_solver_are_kept() -> None:
    like = diffusers.DPMSolverMultistepScheduler(
        solver_order=3, solver_type="heun", use_karras_sigmas=True, algorithm_type="sde-dpmsolver++"
    )
    config = scheduler_for(NoiseSchedule(), like).config
    assert (config.solver_order, config.solver_type) == (3, "heun")
    assert config.algorithm_type == "sde-dpmsolver++"
    assert not config.use_karras_sigmas
    assert config.prediction_type == "sample"


@pytest.mark.parametrize(
    "name",
    ["PNDMScheduler", "EulerAncestralDiscreteScheduler", "KDPM2DiscreteScheduler",
     "HeunDiscreteScheduler", "FlowMatchEulerDiscreteScheduler", "EDMEulerScheduler",
     "DDIMInverseScheduler"],
)  # fmt: skip
def test_schedulers_that_cannot_are_refused(name: str) -> None:
    with pytest.raises(InputError, match=f"got {name}; assign one of these") as error:
        scheduler_for(NoiseSchedule(), getattr(diffusers, name)())
    assert "DPMSolverMultistepScheduler" in str(error.value)


def test_a_class_derived_from_a_known_one_is_taken() -> None:
    class Mine(diffusers.DDIMScheduler):
        pass

    assert type(scheduler_for(NoiseSchedule(), Mine())) is Mine


def test_sample_k_depends_on_generator_k_alone() -> None:
    def shrink(x: Tensor, t: Tensor, context: Context, known: Tensor | None = None) -> Tensor:
        return x.tanh()

    def run(seeds: list[int]) -> Tensor:
        gs = [torch.Generator().manual_seed(s) for s in seeds]
        noise = torch.cat([torch.randn(1, EQUAL.channels, 4, 4, generator=g) for g in gs])
        return sample(
            shrink, CONTEXT, noise, EQUAL, EQUAL_SCHEDULES, diffusers.DDPMScheduler(), 6,
            generators=gs,
        )  # fmt: skip

    together = run([1, 2, 3])
    assert torch.equal(together[1:2], run([2]))
    assert not torch.equal(together[0], together[1])


STRENGTHS = (None, 0.3, 0.7, 1.0, 0.3)


def nonlinear(x: Tensor, t: Tensor, context: Context, known: Tensor | None = None) -> Tensor:
    image, panoptic = UNEQUAL.split(x)
    return torch.cat([(image + panoptic.mean(1, True)).sin(), (panoptic * t[:, 1:, None, None] / 500
                     + image.mean(1, True)).tanh()], dim=1)  # fmt: skip


def started(
    scheduler: SchedulerMixin, rows: list[int], strengths: Sequence[float | None], **options: Any
) -> Tensor:
    """Samples of these rows, each with its own noise, start and generator."""
    gs = [torch.Generator().manual_seed(100 + k) for k in rows]
    noise, clean = (
        torch.cat([noise_like(UNEQUAL, 4, seed + k) for k in rows]) for seed in (200, 300)
    )
    start = Start(strengths, clean)
    return sample(
        nonlinear, Context(torch.zeros(len(rows), 1, 1)), noise, UNEQUAL, UNEQUAL_SCHEDULES,
        scheduler, 9, start=start, generators=gs, **options,
    )  # fmt: skip


def test_samples_that_start_at_different_levels_equal_them_one_by_one(
    scheduler: SchedulerMixin,
) -> None:
    together = started(scheduler, list(range(5)), STRENGTHS)
    for k, strength in enumerate(STRENGTHS):
        alone = started(scheduler, [k], [strength])
        torch.testing.assert_close(together[k : k + 1], alone, rtol=1e-5, atol=1e-5)
    plain = started(scheduler, list(range(5)), [None] * 5)
    assert not torch.allclose(plain[1:3], together[1:3], atol=0.01)


def test_callbacks_see_the_whole_batch_and_change_only_what_has_started(
    scheduler: SchedulerMixin,
) -> None:
    def shrink(step: int, timestep: int, x: Tensor, z0: Tensor) -> Tensor:
        seen.append((step, timestep, x.clone(), z0))
        return 0.9 * x

    def run(rows: list[int], strengths: Sequence[float | None]) -> Tensor:
        seen.clear()
        return started(scheduler, rows, strengths, on_step=shrink)

    seen: list[tuple[int, int, Tensor, Tensor]] = []
    together = run([0, 1], [None, 0.3])
    steps = [s[0] for s in seen]
    assert steps == list(range(len(steps)))
    assert all(len(x) == len(z0) == 2 and x.isfinite().all() for _, _, x, z0 in seen)
    times = [s[1] for s in seen]
    torch.testing.assert_close(together[:1], run([0], [None]), rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(together[1:], run([1], [0.3]), rtol=1e-5, atol=1e-5)
    assert 0 < len(seen) < len(times)
    assert [s[1] for s in seen] == times[-len(seen) :]


def test_what_waits_is_held_at_the_noise_of_each_level(scheduler: SchedulerMixin) -> None:
    asked: list[tuple[Tensor, Tensor]] = []

    def watch(x: Tensor, t: Tensor, context: Context, known: Tensor | None = None) -> Tensor:
        asked.append((x.clone(), t))
        return x.tanh()

    clean, noise = (torch.cat([noise_like(UNEQUAL, seed=s)] * 2) for s in (1, 2))
    sample(watch, CONTEXT, noise, UNEQUAL, UNEQUAL_SCHEDULES, scheduler, 10,
           start=Start([None, 0.2], clean),
           generators=generators() * 2)  # fmt: skip
    waiting = asked[: round(0.8 * len(asked)) + 1]
    assert len(waiting) >= 8
    for x, t in waiting:
        alpha, sigma = (UNEQUAL.per_stream(c) for c in UNEQUAL_SCHEDULES.coefficients(t))
        expected = alpha * clean + sigma * noise
        torch.testing.assert_close(x[1:], expected[1:], rtol=0, atol=4e-3)


def test_what_waits_is_not_denoised(scheduler: SchedulerMixin) -> None:
    rows, asked, seen = list(range(len(STRENGTHS))), [], []

    def part(some: Tensor) -> Denoise:
        asked.append(some.tolist())
        return nonlinear

    def keep(step: int, timestep: int, x: Tensor, z0: Tensor) -> None:
        seen.append(z0)

    whole = started(scheduler, rows, STRENGTHS)
    torch.testing.assert_close(
        started(scheduler, rows, STRENGTHS, part=part, on_step=keep), whole, rtol=0, atol=1e-5
    )
    order = [len(some) for some in asked]
    assert order == sorted(order) and order[-1] < len(rows)
    clean = torch.cat([noise_like(UNEQUAL, 4, 300 + k) for k in rows])
    for some, z0 in zip(asked, seen, strict=False):
        waiting = [k for k in rows if k not in some]
        assert torch.equal(z0[waiting], clean[waiting])
        assert not torch.equal(z0[some], clean[some])


def test_a_callback_may_change_the_state() -> None:
    z0 = noise_like(EQUAL)
    watch, steps = Watch(z0), []

    def halve(step: int, timestep: int, x: Tensor, clean: Tensor) -> Tensor:
        steps.append((step, timestep))
        assert torch.equal(clean, z0)
        return x * 0

    scheduler = diffusers.DDIMScheduler()
    out = sample(
        watch, CONTEXT, noise_like(EQUAL), EQUAL, EQUAL_SCHEDULES, scheduler, 4, on_step=halve
    )
    assert steps == [(0, 999), (1, 749), (2, 499), (3, 249)]
    assert all((x == 0).all() for x, _ in watch.asked[1:])
    assert (out == 0).all()


def test_progress_sees_every_step() -> None:
    counted = []

    def progress(steps):  # type: ignore[no-untyped-def]
        for s in steps:
            counted.append(s)
            yield s

    z0 = noise_like(EQUAL)
    sample(
        Watch(z0), CONTEXT, z0, EQUAL, EQUAL_SCHEDULES, diffusers.DDIMScheduler(), 5,
        progress=progress,
    )  # fmt: skip
    assert len(counted) == 5


@pytest.mark.parametrize("share", [None, 0.5])
@pytest.mark.parametrize("stop", [1, 3, 5])
def test_stopped_early_it_is_the_estimate_of_that_step(stop: int, share: float | None) -> None:
    noise, estimates = noise_like(UNEQUAL), []
    start = None if share is None else Start([share], noise_like(UNEQUAL, seed=1))

    def keep(step: int, timestep: int, x: Tensor, z0: Tensor) -> None:
        estimates.append(z0)

    def run(**options: Any) -> Tensor:
        return sample(
            nonlinear, CONTEXT, noise, UNEQUAL, UNEQUAL_SCHEDULES,
            diffusers.DPMSolverMultistepScheduler(), 10, start=start, **options,
        )  # fmt: skip

    whole = run(on_step=keep)
    assert torch.equal(run(stop=stop), estimates[stop - 1])
    assert torch.equal(run(stop=99), whole)
