"""Diffusion over the two streams of a state: noise levels, denoisers, objective, sampling."""

from pandiff.diffusion.denoise import Denoise, NetworkDenoiser, clean_from
from pandiff.diffusion.given import given
from pandiff.diffusion.guidance import Guidance, guided
from pandiff.diffusion.levels import PATTERNS, Levels, PatternWeights, draw_levels
from pandiff.diffusion.objective import Losses, add_noise, objective
from pandiff.diffusion.sample import Start, StepCallback, sample
from pandiff.diffusion.schedule import NUM_LEVELS, NoiseSchedule, StreamSchedules
from pandiff.diffusion.schedulers import SCHEDULERS, scheduler_for, stochastic

__all__ = [
    "NUM_LEVELS",
    "PATTERNS",
    "SCHEDULERS",
    "Denoise",
    "Guidance",
    "Levels",
    "Losses",
    "NetworkDenoiser",
    "NoiseSchedule",
    "PatternWeights",
    "Start",
    "StepCallback",
    "StreamSchedules",
    "add_noise",
    "clean_from",
    "draw_levels",
    "given",
    "guided",
    "objective",
    "sample",
    "scheduler_for",
    "stochastic",
]
