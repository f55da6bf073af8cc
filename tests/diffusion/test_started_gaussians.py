"""On correlated Gaussians also a start that is noised and denoised has a law in closed form."""

from __future__ import annotations

import math

import diffusers
import pytest
import torch
from diffusers import SchedulerMixin
from torch import Tensor

from pandiff.context import Context
from pandiff.diffusion import NoiseSchedule, Start, StreamSchedules, given, sample
from pandiff.state import StateLayout

RHO = 0.8
PRIOR = torch.tensor([[1.0, RHO], [RHO, 1.0]], dtype=torch.float64)
LAYOUT = StateLayout(1, 1, 1)
SCHEDULE = NoiseSchedule(shift=0.5)  # of both: only then do PRIOR and the noise commute
CONTEXT = Context(torch.zeros(1, 1, 1))
SIDE = 240  # each cell is a sample of its own
STRENGTHS = (0.3, 0.6, 1.0)
PARTS = ("nothing", "image", "map")
"""What is known in each third of the columns."""

ODE: dict[str, tuple[SchedulerMixin, int]] = {
    "ddim": (diffusers.DDIMScheduler(), 250),
    "euler": (diffusers.EulerDiscreteScheduler(), 250),
    "dpm++-2": (diffusers.DPMSolverMultistepScheduler(), 50),
    "dpm++-3": (diffusers.DPMSolverMultistepScheduler(solver_order=3), 50),
    "dpm++-single-2": (diffusers.DPMSolverSinglestepScheduler(), 50),
    "unipc-2": (diffusers.UniPCMultistepScheduler(), 50),
    "deis-2": (diffusers.DEISMultistepScheduler(), 50),
    "lms": (diffusers.LMSDiscreteScheduler(), 100),
}
SDE: dict[str, tuple[SchedulerMixin, int]] = {
    "ddpm": (diffusers.DDPMScheduler(), 250),
    "sde-dpm++-2": (diffusers.DPMSolverMultistepScheduler(algorithm_type="sde-dpmsolver++"), 100),
}
"""Schedulers, and steps that are enough for each."""
SOLVER = 0.02
"""What these steps may leave of the solvers' errors."""


def exact(x: Tensor, t: Tensor, context: Context, known: Tensor | None = None) -> Tensor:
    """E[z_0 | x_t] cell by cell; what is known of a cell is an exact observation."""
    assert known is not None
    alpha, sigma = (float(c) for c in SCHEDULE.coefficients(t.amax()))
    gains = []
    for part in PARTS:
        seen = torch.tensor([part == "image", part == "map"])
        a = torch.where(seen, 1.0, alpha).double().diag()
        noise = torch.where(seen, 0.0, sigma**2).double().diag()
        gains.append(PRIOR @ a @ torch.linalg.inv(a @ PRIOR @ a + noise))
    gain = torch.stack(gains)[(known[:, 0] + 2 * known[:, 1]).long()]
    return torch.einsum("bhwij,bjhw->bihw", gain.to(x.dtype), x)


def columns(part: str) -> slice:
    third = SIDE // len(PARTS)
    return slice(PARTS.index(part) * third, (PARTS.index(part) + 1) * third)


def normal(seed: int) -> Tensor:
    g = torch.Generator().manual_seed(seed)
    return torch.randn(len(STRENGTHS), 2, SIDE, SIDE, generator=g)


START = 1.5 * normal(3) + torch.tensor([0.5, -0.5])[:, None, None]
"""States that the prior would not draw: what is lost and what is kept of them shows."""


def draw(scheduler: SchedulerMixin, steps: int) -> Tensor:
    """(strengths, 2, SIDE, SIDE): the starts, noised and denoised."""
    known = torch.zeros(len(START), 2, SIDE, SIDE)
    known[:, 0, :, columns("image")] = 1
    known[:, 1, :, columns("map")] = 1
    gs = [torch.Generator().manual_seed(10 + k) for k in range(len(START))]
    schedules = StreamSchedules(SCHEDULE, SCHEDULE)
    return sample(
        given(exact, LAYOUT, START, known), CONTEXT, normal(0), LAYOUT, schedules, scheduler,
        steps, start=Start(STRENGTHS, START), generators=gs,
    )  # fmt: skip


def law(covariance: Tensor, strength: float, ode: bool) -> tuple[Tensor, Tensor]:
    """(K, V): from x* - m, noised to the level s of the strength and denoised, comes
    N(K (x* - m), V) around the mean m of what is drawn; `covariance` is C.

    With D = a^2 C + s^2 the covariance at that level, the ODE carries x_s by T = (C / D)^(1/2),
    which takes N(0, D) to N(0, C) along the eigenvectors of C: K = a T, V = s^2 T T'.
    The SDE draws from N(G x_s, C - a G C), with G = a C / D: K = a G, V = s^2 G G' + C - a G C.
    """
    alpha, sigma = (float(c) for c in SCHEDULE.coefficients(torch.tensor(1000 * strength)))
    values, vectors = torch.linalg.eigh(covariance)
    noisy = alpha**2 * values + sigma**2
    if ode:
        carried = (values / noisy).sqrt()
        kept, spread = alpha * carried, sigma**2 * carried**2
    else:
        gain = alpha * values / noisy
        kept, spread = alpha * gain, sigma**2 * gain**2 + values * (1 - alpha * gain)
    return tuple(vectors @ v.diag() @ vectors.T for v in (kept, spread))  # type: ignore[return-value]


def assert_law(drawn: Tensor, start: Tensor, kept: Tensor, spread: Tensor) -> None:
    """Mean and covariance given the start, (n, cells) each, within four standard errors."""
    cells = drawn.shape[1]
    residual = drawn - kept @ start
    scale = spread.diagonal().max().sqrt()
    error = 4 / math.sqrt(cells)
    assert residual.mean(1).abs().max() < error * scale + SOLVER
    slope = residual @ start.T @ torch.linalg.inv(start @ start.T)
    assert slope.abs().max() < error * scale / start.std(1).min() + SOLVER
    difference = residual @ residual.T / cells - spread
    assert difference.abs().max() < error * math.sqrt(2) * scale**2 + SOLVER


@pytest.mark.parametrize("name", ODE | SDE)
def test_a_start_that_is_noised_and_denoised_has_the_law_of_its_strength(name: str) -> None:
    """Several strengths in one batch, and in each sample parts of which something is known."""
    drawn = draw(*(ODE | SDE)[name])
    for k, strength in enumerate(STRENGTHS):
        z, start = drawn[k].double(), START[k].double()
        free = columns("nothing")
        kept, spread = law(PRIOR, strength, name in ODE)
        assert_law(z[..., free].flatten(1), start[..., free].flatten(1), kept, spread)
        kept, spread = law(torch.tensor([[1 - RHO**2]]).double(), strength, name in ODE)
        for observed, part in enumerate(PARTS[1:]):
            given_, made = (
                z[i : i + 1, :, columns(part)].flatten(1) for i in (observed, 1 - observed)
            )
            assert torch.equal(given_[0], start[observed, :, columns(part)].flatten())
            begun = start[1 - observed, :, columns(part)].flatten()[None]
            mean = RHO * given_
            assert_law(made - mean, begun - mean, kept, spread)


def test_the_laws_differ() -> None:
    """What strength keeps falls with it, and with nothing kept the prior is left."""
    kept = [float(law(PRIOR, s, True)[0].trace()) for s in (0.0, *STRENGTHS)]
    assert kept == sorted(kept, reverse=True)
    assert kept[0] == pytest.approx(2)
    for ode in (True, False):
        none, everything = law(PRIOR, 1.0, ode)
        assert none.abs().max() < 1e-3
        torch.testing.assert_close(everything, PRIOR, rtol=0, atol=1e-3)
    assert not torch.allclose(law(PRIOR, 0.6, True)[1], law(PRIOR, 0.6, False)[1], atol=0.05)
