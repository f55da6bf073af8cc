"""Annotated datasets of any size: prompts, samples, filters, and the files that tell of them."""

from pandiff.synthesis.synthesize.cleanup import CleanUp
from pandiff.synthesis.synthesize.crew import Crew
from pandiff.synthesis.synthesize.folder import check_ours
from pandiff.synthesis.synthesize.judge import Thresholds
from pandiff.synthesis.synthesize.options import Options
from pandiff.synthesis.synthesize.plan import Plan, read_plan
from pandiff.synthesis.synthesize.run import synthesize
from pandiff.synthesis.synthesize.summary import Summary

__all__ = [
    "CleanUp",
    "Crew",
    "Options",
    "Plan",
    "Summary",
    "Thresholds",
    "check_ours",
    "read_plan",
    "synthesize",
]
