"""Noise schedules: the identities, the shift, the end in pure noise."""

from __future__ import annotations

import diffusers
import pytest
import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d

from pandiff.diffusion import (
    NUM_LEVELS,
    Levels,
    NoiseSchedule,
    StreamSchedules,
    add_noise,
    scheduler_for,
    stochastic,
)
from pandiff.state import StateLayout

RATIOS = (1, 2, 4, 8)
ALL = torch.arange(NUM_LEVELS + 1)
INNER = ALL[1:-1]

ratios = pytest.mark.parametrize("ratio", RATIOS)


@ratios
def test_variance_is_preserved(ratio: int) -> None:
    alpha, sigma = NoiseSchedule.for_map(ratio).coefficients(ALL)
    torch.testing.assert_close(alpha**2 + sigma**2, torch.ones(len(ALL)), rtol=0, atol=1e-6)


@ratios
def test_level_zero_is_clean_and_noise_grows(ratio: int) -> None:
    schedule = NoiseSchedule.for_map(ratio)
    alpha, sigma = schedule.coefficients(ALL)
    assert (alpha[0], sigma[0]) == (1, 0)
    assert (schedule.alpha_bars.diff() < 0).all()


@ratios
def test_the_end_has_zero_snr(ratio: int) -> None:
    alpha, sigma = NoiseSchedule.for_map(ratio).coefficients(ALL[-1])
    assert alpha < 1e-4
    assert sigma == 1


@ratios
def test_the_shift_moves_log_snr_at_every_inner_level(ratio: int) -> None:
    def log_snr(schedule: NoiseSchedule) -> Tensor:
        bars = schedule.alpha_bars[1:-1]
        return (bars / (1 - bars)).log()

    moved = log_snr(NoiseSchedule.for_map(ratio)) - log_snr(NoiseSchedule())
    expected = torch.full_like(moved, 2 * torch.tensor(1 / ratio, dtype=torch.float64).log())
    torch.testing.assert_close(moved, expected, rtol=0, atol=1e-7)


@ratios
def test_schedulers_of_diffusers_step_on_our_levels(ratio: int) -> None:
    schedule = NoiseSchedule.for_map(ratio)
    scheduler = diffusers.DDIMScheduler(**schedule.scheduler_config())
    ours = schedule.alpha_bars[1:].float()
    torch.testing.assert_close(scheduler.alphas_cumprod, ours, rtol=0, atol=1e-6)
    through = scheduler_for(schedule, diffusers.DDPMScheduler())
    torch.testing.assert_close(through.alphas_cumprod, ours, rtol=2e-4, atol=1e-6)


@ratios
def test_a_region_of_the_shifted_map_is_as_legible_as_a_cell_of_the_plain_one(ratio: int) -> None:
    alpha, sigma = NoiseSchedule().coefficients(INNER)
    map_alpha, map_sigma = NoiseSchedule.for_map(ratio).coefficients(INNER)
    of_region = (map_alpha / (map_sigma / ratio)) ** 2  # the mean over r x r cells
    torch.testing.assert_close(of_region, (alpha / sigma) ** 2, rtol=1e-4, atol=0)


def test_the_same_measured_on_noise() -> None:
    layout, level = StateLayout(1, 1, 8), 600
    schedules = StreamSchedules.for_ratio(8)
    image, panoptic = layout.unpack(noisy(layout, schedules, torch.zeros(1, 65, 64, 64), level))
    region = avg_pool2d(panoptic, 8)
    a, b = (float(s.coefficients(torch.tensor(level))[0]) for s in pair(schedules))
    assert (region / b).std() == pytest.approx(float((image / a).std()), rel=0.05)


def pair(schedules: StreamSchedules) -> tuple[NoiseSchedule, NoiseSchedule]:
    return schedules.image, schedules.panoptic


def noisy(layout: StateLayout, schedules: StreamSchedules, clean: Tensor, level: int) -> Tensor:
    """What training makes of `clean` at `level` in both streams."""
    b, _, h, w = clean.shape
    known = torch.zeros(b, layout.known_channels, h, w)
    t = torch.full((b, 2), level)
    noise = torch.randn(clean.shape, generator=torch.Generator().manual_seed(0))
    return add_noise(layout, schedules, clean, noise, Levels(t[:, 0], t, known))


def probe_accuracy(noisy_map: Tensor, bits: Tensor) -> float:
    """A linear probe on region means: the sign of a threshold fitted on half of the maps."""
    means, half = noisy_map.mean((1, 2, 3)), len(bits) // 2
    design = torch.stack([means, torch.ones_like(means)], dim=1)
    weights = torch.linalg.lstsq(design[:half], bits[:half, None]).solution
    return float(((design[half:] @ weights)[:, 0].sign() == bits[half:]).float().mean())


def test_the_last_level_betrays_nothing_to_a_probe_on_region_means() -> None:
    layout = StateLayout(1, 1, 8)
    bits = torch.randint(2, (1000,), generator=torch.Generator().manual_seed(1)) * 2.0 - 1
    clean = bits[:, None, None, None].expand(-1, layout.channels, 4, 4)  # one region of 32 x 32
    schedules = StreamSchedules.for_ratio(8)
    hidden = layout.unpack(noisy(layout, schedules, clean, NUM_LEVELS))[1]
    assert abs(probe_accuracy(hidden, bits) - 0.5) < 0.09  # four standard deviations

    alpha_bar = 0.0047  # where Stable Diffusion's betas end
    noise = torch.randn(1000, 1, 32, 32, generator=torch.Generator().manual_seed(2))
    betrayed = alpha_bar**0.5 * layout.unpack(clean)[1] + (1 - alpha_bar) ** 0.5 * noise
    assert probe_accuracy(betrayed, bits) > 0.9


def test_streams_have_their_own_coefficients() -> None:
    schedules = StreamSchedules.for_ratio(4)
    levels = torch.tensor([[0, 700], [700, 0], [300, 300]])
    alpha, sigma = schedules.coefficients(levels)
    for k, schedule in enumerate(pair(schedules)):
        a, s = schedule.coefficients(levels[:, k])
        assert torch.equal(alpha[:, k], a)
        assert torch.equal(sigma[:, k], s)
    assert alpha[2, 1] < alpha[2, 0]


def test_a_backbones_schedule_is_the_images() -> None:
    class Network:
        layout = StateLayout(4, 3, 2)
        image_alpha_bars = torch.linspace(1, 0.01, NUM_LEVELS + 1, dtype=torch.float64)

    schedules = StreamSchedules.of(Network())
    assert torch.equal(schedules.image.alpha_bars, Network.image_alpha_bars)
    assert schedules.panoptic == NoiseSchedule.for_map(2)
    betas = torch.tensor(schedules.image.scheduler_config()["trained_betas"]).double()
    torch.testing.assert_close((1 - betas).cumprod(0), Network.image_alpha_bars[1:])


def test_a_solver_that_adds_noise() -> None:
    usual = diffusers.DPMSolverMultistepScheduler(solver_order=3)
    noisy = stochastic(usual)
    changed = {k for k, v in usual.config.items() if noisy.config[k] != v}
    assert changed - {"_use_default_values"} == {"algorithm_type"}
    assert noisy.config["algorithm_type"] == "sde-dpmsolver++"
    assert usual.config["algorithm_type"] == "dpmsolver++"
    others = (noisy, diffusers.DDIMScheduler(), diffusers.EulerDiscreteScheduler())
    assert all(stochastic(one) is one for one in others)
