"""The pipeline: prompts to images with their panoptic maps, in any direction."""

from pandiff.pipeline.panoptic_diffusion import PanopticDiffusionPipeline, PanopticPipelineOutput
from pandiff.pipeline.sources import BUILT_IN, reading, resolve

__all__ = ["BUILT_IN", "PanopticDiffusionPipeline", "PanopticPipelineOutput", "reading", "resolve"]
