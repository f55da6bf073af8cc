"""Backbones by hub id, folder or file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from pandiff.errors import InputError
from pandiff.models.backbones.backbone import BACKBONES, Backbone, Reference
from pandiff.models.backbones.uvit import UViTBackbone
from pandiff.models.uvit import UViT


def load_backbone(
    name: str | Path, subfolder: str | None = None, dtype: torch.dtype = torch.float32
) -> Backbone[Any]:
    """A frozen backbone, ready for `TwoStreamPDM`.

    Args:
        name: a hub id, a folder that `save_pretrained` wrote, or a file of U-ViT's authors. In a
            whole pipeline the model is looked for in `transformer`.
        subfolder: the folder in it, where that is another.
        dtype: what its weights become; bfloat16 halves their memory.

    Raises:
        InputError: if it cannot be read, or no adapter knows its class.
    """
    if Path(name).is_file():
        return UViTBackbone.adapt(UViT.from_official(name).to(dtype))
    errors = []
    for place in [subfolder] if subfolder else [None, "transformer"]:
        where = _place(str(name), place)
        try:
            config = UViT.load_config(where[0], subfolder=where[1])
        except (OSError, ValueError) as error:
            errors.append(str(error).splitlines()[0])
        else:
            return _load(Reference(str(config.get("_class_name")), *where), dtype)
    raise InputError(f"an image model in {name}", errors[0], "pass a hub id or a folder")


def _place(name: str, subfolder: str | None) -> tuple[str, str | None]:
    """A folder's whole path; diffusers would prefer weights in a folder to its subfolder's."""
    if Path(name).is_dir():
        return str((Path(name) / (subfolder or "")).resolve()), None
    return name, subfolder


def _load(reference: Reference, dtype: torch.dtype) -> Backbone[Any]:
    adapter = BACKBONES.get(reference.class_name)
    if adapter is None:
        known = ", ".join(BACKBONES)
        raise InputError(f"a model of {known}", reference.class_name, "see docs/backbones.md")
    try:
        model = adapter.model_class.from_pretrained(
            reference.name, subfolder=reference.subfolder, dtype=dtype, use_safetensors=True
        )
    except (OSError, ValueError, RuntimeError) as error:
        reason = str(error).splitlines()[0]
        raise InputError(f"weights in {reference.name}", reason, "mend the files") from error
    backbone = adapter.adapt(model)
    backbone.reference = reference
    return backbone
