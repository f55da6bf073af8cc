"""Libraries that one format needs and the others do not."""

from __future__ import annotations

from importlib import import_module
from types import ModuleType

from pandiff.errors import InputError


def extra(module: str, name: str) -> ModuleType:
    """Import a module of an optional dependency; InputError, with the remedy, if it is missing.

    Args:
        module: as in `import module`.
        name: of pandiff's extra that installs it.
    """
    try:
        return import_module(module)
    except ImportError:
        package = module.split(".")[0]
        remedy = f"pip install 'pandiff[{name}]'"
        raise InputError(f"{package}, which this format needs", "no such package", remedy) from None
