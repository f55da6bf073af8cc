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
    if Path(name).is_dir():
        name = Path(name).resolve()
    places = [subfolder] if subfolder else [None, "transformer"]
    errors = []
    for place in places:
        try:
            class_name = _class_name(str(name), place)
        except (OSError, ValueError) as error:
            errors.append(str(error).splitlines()[0])
            continue
        return _load(Reference(class_name, str(name), place), dtype)
    raise InputError(f"an image model in {name}", errors[0], "pass a hub id or a folder")


def _class_name(name: str, subfolder: str | None) -> str:
    config = UViT.load_config(name, subfolder=subfolder)
    return str(config.get("_class_name"))


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
