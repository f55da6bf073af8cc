"""Any diffusers scheduler, put on our noise schedule and predicting the clean state."""

from __future__ import annotations

import inspect
import math
from typing import Any

from diffusers import SchedulerMixin

from pandiff.diffusion.schedule import NoiseSchedule
from pandiff.errors import InputError

SCHEDULERS = (
    "DDIMScheduler",
    "DDPMScheduler",
    "DEISMultistepScheduler",
    "DPMSolverMultistepScheduler",
    "DPMSolverSinglestepScheduler",
    "EulerDiscreteScheduler",
    "LCMScheduler",
    "LMSDiscreteScheduler",
    "TCDScheduler",
    "UniPCMultistepScheduler",
)
"""The classes of diffusers that can predict the clean state and take our schedule.

Heun's method is not among them: its second evaluation divides by the noise after the first step,
and from zero SNR that multiplies any change of the estimate by thousands.
"""

_FIXED: dict[str, Any] = {
    # latents are not bounded by 1, and the map is squashed already
    "clip_sample": False,
    "thresholding": False,
    # levels of its own choice would part the scheduler from the network's levels
    "use_karras_sigmas": False,
    "use_exponential_sigmas": False,
    "use_beta_sigmas": False,
    "use_lu_lambdas": False,
    "use_flow_sigmas": False,
    "use_dynamic_shifting": False,
    "rescale_betas_zero_snr": False,
    "lambda_min_clipped": -math.inf,
    "sigma_min": None,
    "sigma_max": None,
    "timestep_type": "discrete",
}


def scheduler_for(schedule: NoiseSchedule, like: SchedulerMixin) -> SchedulerMixin:
    """A scheduler of the same class and settings as `like`, on our schedule, predicting x_0.

    Settings that would leave our schedule (Karras' sigmas, clipping, ...) are put aside.

    Raises:
        InputError: if the class is none of SCHEDULERS, nor derived from one.
    """
    kind = type(like)
    if not any(base.__name__ in SCHEDULERS for base in kind.__mro__):
        raise InputError(
            f"a scheduler that predicts the clean sample ({', '.join(SCHEDULERS)})",
            kind.__name__,
            "assign one of these",
        )
    config: dict[str, Any] = {**like.config, **_FIXED, **schedule.scheduler_config()}
    known = inspect.signature(kind.__init__).parameters
    return kind.from_config({k: v for k, v in config.items() if k in known})


def stochastic(scheduler: SchedulerMixin) -> SchedulerMixin:
    """DPM-Solver++ as a solver of the SDE: fresh noise at each step (Lu et al., arXiv 2211.01095).

    What an early step got wrong in the image can still be mended. Others are returned as they are.
    """
    if scheduler.config.get("algorithm_type") != "dpmsolver++":
        return scheduler
    return type(scheduler).from_config(scheduler.config, algorithm_type="sde-dpmsolver++")
