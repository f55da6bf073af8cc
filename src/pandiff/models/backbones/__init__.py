"""Image backbones behind one interface; docs/backbones.md tells how to add one."""

from pandiff.models.backbones.backbone import (
    BACKBONES,
    Backbone,
    BackboneSpec,
    Reference,
    Stream,
    register,
)
from pandiff.models.backbones.loading import load_backbone
from pandiff.models.backbones.pixart import PixArtBackbone
from pandiff.models.backbones.schedule import BackboneSchedule, BetaSchedule, FlowSchedule
from pandiff.models.backbones.sd3 import SD3Backbone
from pandiff.models.backbones.uvit import UViTBackbone

__all__ = [
    "BACKBONES",
    "Backbone",
    "BackboneSchedule",
    "BackboneSpec",
    "BetaSchedule",
    "FlowSchedule",
    "PixArtBackbone",
    "Reference",
    "SD3Backbone",
    "Stream",
    "UViTBackbone",
    "load_backbone",
    "register",
]
