"""The frozen encoders around a network, from a folder or the hub."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn
from transformers import CLIPTextModel, PreTrainedTokenizerFast, Swinv2Model

from pandiff.errors import InputError
from pandiff.models.pixel_space import VAES, PixelSpace, Vae
from pandiff.pipeline.sources import reading


@dataclass(frozen=True)
class Encoders:
    """What a network is trained on: images as latents, captions as tokens.

    Attributes:
        vae: image to latent and back.
        text_encoder, tokenizer: caption to context.
        image_encoder: image to image prompt; None for a model without them.
    """

    vae: Vae
    text_encoder: CLIPTextModel
    tokenizer: PreTrainedTokenizerFast
    image_encoder: Swinv2Model | None = None


def load_encoders(path: str, device: torch.device | str = "cpu") -> Encoders:
    """The encoders of a folder or hub id with vae, text_encoder, tokenizer[, image_encoder].

    Raises:
        InputError: if one of the first three is missing, or one cannot be read.
    """
    with reading("vae, text_encoder and tokenizer", path):
        vae = _vae(path, subfolder="vae", dtype=torch.float32)
        text = CLIPTextModel.from_pretrained(path, subfolder="text_encoder", dtype=torch.float32)
        tokenizer = PreTrainedTokenizerFast.from_pretrained(path, subfolder="tokenizer")
    image_encoder = _image_encoder(path)
    for network in (vae, text, image_encoder):
        if isinstance(network, nn.Module):
            network.eval().requires_grad_(False).to(device)
    return Encoders(vae, text, tokenizer, image_encoder)


def _vae(path: str, *, subfolder: str, **options: Any) -> Vae:
    """The VAE of the class that its config names."""
    config = PixelSpace.load_config(path, subfolder=subfolder)
    kind = VAES.get(config.get("_class_name", "AutoencoderKL"))
    if kind is None:
        known = " or ".join(VAES)
        raise InputError(f"a vae of class {known}", config["_class_name"], "use another")
    vae: Vae = kind.from_pretrained(path, subfolder=subfolder, **options)
    return vae


def _image_encoder(path: str) -> Swinv2Model | None:
    name = "image_encoder"
    if Path(path).is_dir() and not (Path(path) / name).is_dir():
        return None
    try:
        network: Swinv2Model = Swinv2Model.from_pretrained(
            path, subfolder=name, dtype=torch.float32, add_pooling_layer=False
        )
    except OSError as error:
        if Path(path).is_dir():
            raise InputError(f"a Swin-V2 in {path}/{name}", str(error), "mend the files") from error
        return None  # the hub has none there
    return network
