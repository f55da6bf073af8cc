"""pandiff: images together with their panoptic maps, from one diffusion process.

Attributes are loaded on first use, so that `import pandiff` and `pandiff --help` stay light.
"""

from __future__ import annotations

import importlib
from typing import Any

__version__ = "0.1.0"

_LAZY = {
    "Category": "pandiff.taxonomy",
    "PanopticMap": "pandiff.panoptic",
    "Segment": "pandiff.panoptic",
    "Taxonomy": "pandiff.taxonomy",
    "InputError": "pandiff.errors",
    "PanopticCodec": "pandiff.codec",
    "TwoStreamPDM": "pandiff.models.two_stream",
    "UnifiedPDM": "pandiff.models.unified",
    "UViT": "pandiff.models.uvit",
    "PixelSpace": "pandiff.models.pixel_space",
    "Known": "pandiff.pipeline",
    "PanopticDiffusionPipeline": "pandiff.pipeline",
    "ModelMixin": "diffusers",
    "SchedulerMixin": "diffusers",
}

__all__ = [*_LAZY]


def __getattr__(name: str) -> Any:
    if name not in _LAZY:
        raise AttributeError(f"module 'pandiff' has no attribute {name!r}")
    return getattr(importlib.import_module(_LAZY[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
