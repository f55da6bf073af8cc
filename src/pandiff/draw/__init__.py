"""Pictures of panoptic maps: plain, over their image, with a legend, and in a grid.

All of them are deterministic functions of what they are given.
"""

from pandiff.draw.paint import overlay, render
from pandiff.draw.sheet import grid, legend

__all__ = ["grid", "legend", "overlay", "render"]
