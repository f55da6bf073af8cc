"""The instance codings by name. Tests and benchmarks loop over this table."""

from __future__ import annotations

from pandiff.codec.colors import Colors
from pandiff.codec.ids import RasterIds, ShuffledIds
from pandiff.codec.instances import InstanceCoding
from pandiff.codec.mixed import OffsetsAndColors
from pandiff.codec.offsets import Offsets
from pandiff.errors import InputError

CODINGS: dict[str, type[InstanceCoding]] = {
    "offsets": Offsets,
    "colors": Colors,
    "ids-raster": RasterIds,
    "ids-shuffled": ShuffledIds,
    "offsets+colors": OffsetsAndColors,
}


def make_coding(name: str, max_instances: int) -> InstanceCoding:
    """The coding of this name; InputError if there is none."""
    if name not in CODINGS:
        raise InputError(f"an instance coding ({', '.join(CODINGS)})", repr(name), "choose one")
    return CODINGS[name](max_instances)
