"""Panoptic maps <-> map tensors: category bits, instance channels, clean-up."""

from pandiff.codec.labels import Labels, TooManyInstances
from pandiff.codec.panoptic_codec import PanopticCodec
from pandiff.codec.registry import CODINGS

__all__ = ["CODINGS", "Labels", "PanopticCodec", "TooManyInstances"]
