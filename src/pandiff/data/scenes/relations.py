"""Relations between things, defined by their boxes, so that they can be measured."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from pandiff.errors import InputError

Box = tuple[int, int, int, int]
"""(x, y, width, height) in pixels."""


def _offset(a: Box, b: Box, size: int) -> tuple[float, float]:
    """From the centre of a to that of b, in widths of the picture."""
    return (
        (b[0] + b[2] / 2 - a[0] - a[2] / 2) / size,
        (b[1] + b[3] / 2 - a[1] - a[3] / 2) / size,
    )


def _aligned(a: Box, b: Box, dx: float, size: int) -> bool:
    return abs(dx) <= max(a[2], b[2]) / size / 2


def _left(a: Box, b: Box, size: int) -> bool:
    dx, dy = _offset(a, b, size)
    return dx >= 0.12 and dx >= abs(dy)


def _above(a: Box, b: Box, size: int) -> bool:
    dx, dy = _offset(a, b, size)
    return dy >= 0.07 and _aligned(a, b, dx, size)


def _beside(a: Box, b: Box, size: int) -> bool:
    dx, dy = _offset(a, b, size)
    return abs(dx) <= (a[2] + b[2]) / size / 2 + 0.08 and abs(dy) <= 0.14 and abs(dx) >= abs(dy)


RELATIONS: dict[str, Callable[[Box, Box, int], bool]] = {
    "left of": _left,
    "right of": lambda a, b, size: _left(b, a, size),
    "above": _above,
    "under": lambda a, b, size: _above(b, a, size),
    "behind": _above,
    "in front of": lambda a, b, size: _above(b, a, size),
    "next to": _beside,
}
"""What each relation means for two boxes. On a ground seen from above, what stands behind
appears higher, so that `behind` and `in front of` read as `above` and `under` do."""


def relation_holds(relation: str, first: Sequence[Box], second: Sequence[Box], size: int) -> bool:
    """Whether every box of `first` has the relation to every box of `second`.

    Args:
        relation: a key of `RELATIONS`.
        first: boxes (x, y, width, height) of all the things of one category.
        second: those of the other category.
        size: side of the picture in pixels.

    Raises:
        InputError: if the relation is not known.
    """
    if relation not in RELATIONS:
        raise InputError(
            f"a relation ({', '.join(RELATIONS)})", repr(relation), "check the spelling"
        )
    holds = RELATIONS[relation]
    return bool(first and second) and all(holds(a, b, size) for a in first for b in second)
