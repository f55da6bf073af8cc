"""The schedulers that the laws of sampling are tested on, in one place."""

from __future__ import annotations

from typing import Any

import diffusers
import pytest
from diffusers import SchedulerMixin

Case = tuple[str, dict[str, Any]]

DETERMINISTIC: dict[str, Case] = {
    "ddim": ("DDIMScheduler", {}),
    "deis-1": ("DEISMultistepScheduler", {"solver_order": 1}),
    "deis-2": ("DEISMultistepScheduler", {"solver_order": 2}),
    "deis-3": ("DEISMultistepScheduler", {"solver_order": 3}),
    "dpm++-1": ("DPMSolverMultistepScheduler", {"solver_order": 1}),
    "dpm++-2": ("DPMSolverMultistepScheduler", {"solver_order": 2}),
    "dpm++-2-heun": ("DPMSolverMultistepScheduler", {"solver_type": "heun"}),
    "dpm++-3": ("DPMSolverMultistepScheduler", {"solver_order": 3}),
    "dpm++-karras": ("DPMSolverMultistepScheduler", {"use_karras_sigmas": True}),
    "dpm-2": (
        "DPMSolverMultistepScheduler",
        {"algorithm_type": "dpmsolver", "final_sigmas_type": "sigma_min"},
    ),
    "dpm++-single-1": ("DPMSolverSinglestepScheduler", {"solver_order": 1}),
    "dpm++-single-2": ("DPMSolverSinglestepScheduler", {"solver_order": 2}),
    "dpm++-single-3": ("DPMSolverSinglestepScheduler", {"solver_order": 3}),
    "euler": ("EulerDiscreteScheduler", {}),
    "euler-karras": ("EulerDiscreteScheduler", {"use_karras_sigmas": True}),
    "lms": ("LMSDiscreteScheduler", {}),
    "unipc-1": ("UniPCMultistepScheduler", {"solver_order": 1}),
    "unipc-2": ("UniPCMultistepScheduler", {"solver_order": 2}),
    "unipc-2-bh1": ("UniPCMultistepScheduler", {"solver_type": "bh1"}),
    "unipc-3": ("UniPCMultistepScheduler", {"solver_order": 3}),
}
STOCHASTIC: dict[str, Case] = {
    "ddpm": ("DDPMScheduler", {}),
    "lcm": ("LCMScheduler", {}),
    "sde-dpm++-2": ("DPMSolverMultistepScheduler", {"algorithm_type": "sde-dpmsolver++"}),
    "tcd": ("TCDScheduler", {}),
}
CASES = DETERMINISTIC | STOCHASTIC


def build(case: Case) -> SchedulerMixin:
    name, settings = case
    return getattr(diffusers, name)(**settings)


@pytest.fixture(params=CASES)
def scheduler(request: pytest.FixtureRequest) -> SchedulerMixin:
    """Every scheduler in turn."""
    return build(CASES[request.param])


@pytest.fixture(params=DETERMINISTIC)
def ode_scheduler(request: pytest.FixtureRequest) -> SchedulerMixin:
    """Every scheduler that adds no noise."""
    return build(DETERMINISTIC[request.param])


@pytest.fixture
def covered_classes() -> set[str]:
    """Names of the classes that the cases cover."""
    return {name for name, _ in CASES.values()}
