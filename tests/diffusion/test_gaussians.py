"""On correlated Gaussians the denoiser has a closed form, and so has what sampling must give."""

from __future__ import annotations

import math

import diffusers
import pytest
import torch
from diffusers import SchedulerMixin
from torch import Tensor

from pandiff.context import Context
from pandiff.diffusion import NoiseSchedule, StreamSchedules, given, sample
from pandiff.state import StateLayout

RHO = 0.8
PRIOR = torch.tensor([[1.0, RHO], [RHO, 1.0]], dtype=torch.float64)
LAYOUT = StateLayout(1, 1, 1)
SCHEDULES = StreamSchedules(NoiseSchedule(), NoiseSchedule(shift=0.25))
CONTEXT = Context(torch.zeros(1, 1, 1))
SIDE = 200  # each cell is a sample of its own
STEPS = 50
STATISTICAL = 4 * math.sqrt((1 + RHO**2) / SIDE**2)

# what is left of the error at 50 steps, for the schedulers of each order
TOLERANCE = {1: 0.10, 2: 0.035}
SOLVERS: dict[str, tuple[SchedulerMixin, int]] = {
    "ddim": (diffusers.DDIMScheduler(), 1),
    "euler": (diffusers.EulerDiscreteScheduler(), 1),
    "dpm++-2": (diffusers.DPMSolverMultistepScheduler(), 2),
    "dpm++-3": (diffusers.DPMSolverMultistepScheduler(solver_order=3), 2),
    "dpm++-single-2": (diffusers.DPMSolverSinglestepScheduler(), 2),
    "unipc-2": (diffusers.UniPCMultistepScheduler(), 2),
    "unipc-3": (diffusers.UniPCMultistepScheduler(solver_order=3), 2),
    "deis-2": (diffusers.DEISMultistepScheduler(), 2),
    "lms": (diffusers.LMSDiscreteScheduler(), 2),
    "sde-dpm++-2": (diffusers.DPMSolverMultistepScheduler(algorithm_type="sde-dpmsolver++"), 2),
}


def posterior_mean(x: Tensor, t: Tensor, context: Context, known: Tensor | None = None) -> Tensor:
    """E[z_0 | x_t] = C A (A C A + S^2)^-1 x_t; level 0 is an exact observation."""
    alpha, sigma = (c[0].double() for c in SCHEDULES.coefficients(t))
    a, noise = alpha.diag(), (sigma**2).diag()
    gain = PRIOR @ a @ torch.linalg.inv(a @ PRIOR @ a + noise)
    return torch.einsum("ij,bjhw->bihw", gain.to(x.dtype), x)


def standard_normal(seed: int) -> Tensor:
    return torch.randn(1, 2, SIDE, SIDE, generator=torch.Generator().manual_seed(seed))


def draw(scheduler: SchedulerMixin, steps: int, denoise=posterior_mean) -> Tensor:  # type: ignore[no-untyped-def]
    """(2, cells) float64 samples."""
    g = [torch.Generator().manual_seed(1)]
    z = sample(
        denoise, CONTEXT, standard_normal(0), LAYOUT, SCHEDULES, scheduler, steps, generators=g
    )
    return z[0].flatten(1).double()


@pytest.mark.parametrize("name", SOLVERS)
def test_joint_sampling_recovers_the_covariance(name: str) -> None:
    scheduler, order = SOLVERS[name]
    error = torch.cov(draw(scheduler, STEPS)) - PRIOR
    assert error.abs().max() < TOLERANCE[order] + STATISTICAL


def test_ddpm_nears_the_covariance_with_more_steps() -> None:
    """Ancestral sampling with the smaller variance: first order with a large constant."""
    scheduler = diffusers.DDPMScheduler()
    errors = [float((torch.cov(draw(scheduler, n)) - PRIOR).abs().max()) for n in (50, 250)]
    assert errors[0] < 0.18
    assert errors[1] < 0.05 + STATISTICAL


@pytest.mark.parametrize("name", SOLVERS)
@pytest.mark.parametrize("observed", [0, 1], ids=["image_given", "map_given"])
def test_given_recovers_the_conditional_law(name: str, observed: int) -> None:
    scheduler, order = SOLVERS[name]
    clean = standard_normal(3)
    known = torch.zeros_like(clean)
    known[:, observed] = 1
    z = draw(scheduler, STEPS, given(posterior_mean, LAYOUT, clean, known))
    y, drawn = z[observed], z[1 - observed]
    assert torch.equal(y.float(), clean[0, observed].flatten())
    slope = (y * drawn).mean() / (y * y).mean()
    assert abs(slope - RHO) < 0.02
    residual = drawn - RHO * y
    assert abs(residual.mean()) < 0.02
    assert abs(residual.var() - (1 - RHO**2)) < TOLERANCE[order] + 0.01


@pytest.mark.parametrize("observed", [0, 1], ids=["image_given", "map_given"])
def test_given_with_ddpm(observed: int) -> None:
    clean = standard_normal(3)
    known = torch.zeros_like(clean)
    known[:, observed] = 1
    denoise = given(posterior_mean, LAYOUT, clean, known)
    z = draw(diffusers.DDPMScheduler(), 250, denoise)
    residual = z[1 - observed] - RHO * z[observed]
    assert abs((residual * z[observed]).mean()) < 0.02
    assert abs(residual.var() - (1 - RHO**2)) < 0.04


def error_of_transfer(scheduler: SchedulerMixin, steps: int) -> float:
    """Error of the covariance without sampling: the whole map from noise to state is linear."""
    basis = torch.zeros(1, 2, 1, 2)
    basis[0, :, 0, :] = torch.eye(2)
    z = sample(posterior_mean, CONTEXT, basis, LAYOUT, SCHEDULES, scheduler, steps)
    transfer = z[0, :, 0].double()
    return float((transfer @ transfer.T - PRIOR).abs().max())


@pytest.mark.parametrize(
    ("scheduler", "low", "high"),
    [
        (diffusers.DDIMScheduler(), 1.7, 2.3),
        (diffusers.EulerDiscreteScheduler(), 1.7, 2.3),
        (diffusers.DPMSolverMultistepScheduler(solver_order=1), 1.7, 2.3),
        (diffusers.DPMSolverMultistepScheduler(solver_order=2), 2.8, math.inf),
        (diffusers.UniPCMultistepScheduler(solver_order=2), 2.8, math.inf),
        (diffusers.DEISMultistepScheduler(solver_order=2), 2.8, math.inf),
    ],
    ids=lambda v: type(v).__name__ if hasattr(v, "config") else str(v),
)
def test_convergence_is_of_the_solvers_order(
    scheduler: SchedulerMixin, low: float, high: float
) -> None:
    ratio = error_of_transfer(scheduler, 25) / error_of_transfer(scheduler, 50)
    assert low < ratio < high
