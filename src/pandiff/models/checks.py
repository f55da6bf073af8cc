"""Checks of a network's settings, each with its own words."""

from __future__ import annotations

import math
from collections.abc import Collection

from pandiff.errors import InputError


def one_of(name: str, value: object, choices: Collection[object]) -> None:
    """InputError unless the value is among the choices."""
    if value not in choices:
        listed = ", ".join(map(repr, choices))
        raise InputError(f"{name} to be one of {listed}", repr(value), "choose one of these")


def divisible(name: str, value: int, by: int) -> None:
    """InputError unless `by` divides the value."""
    if value % by:
        raise InputError(f"{name} divisible by {by}", str(value), "change one of the two")


def square(name: str, value: int) -> None:
    """InputError unless the value is a square number."""
    if math.isqrt(value) ** 2 != value:
        raise InputError(f"{name} to be a square number", str(value), "4 or 16 are usual")
