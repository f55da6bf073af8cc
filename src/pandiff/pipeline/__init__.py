"""The pipeline: prompts to images with their panoptic maps, in any direction."""

from pandiff.pipeline.conditions import Known
from pandiff.pipeline.encoders import Encoders, load_encoders, load_text
from pandiff.pipeline.panoptic_diffusion import PanopticDiffusionPipeline, PanopticPipelineOutput
from pandiff.pipeline.sources import BUILT_IN, reading, resolve

__all__ = [
    "BUILT_IN",
    "Encoders",
    "Known",
    "PanopticDiffusionPipeline",
    "PanopticPipelineOutput",
    "load_encoders",
    "load_text",
    "reading",
    "resolve",
]
