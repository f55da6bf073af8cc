"""The frozen encoders around a network, from folders or the hub."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from huggingface_hub import is_offline_mode
from torch import nn
from transformers import (
    AutoTokenizer,
    PreTrainedConfig,
    PreTrainedModel,
    PreTrainedTokenizerBase,
    Swinv2Model,
)
from transformers.utils import cached_file, is_sentencepiece_available

from pandiff.errors import InputError
from pandiff.models.pixel_space import VAES, PixelSpace, Vae
from pandiff.models.text import SUFFIXES, TextEncoders, encoder_class, text_encoders
from pandiff.pipeline.sources import reading

OPTIONS = {"dtype": torch.float32, "use_safetensors": True}
"""How weights are read: never a pickle."""
VOCABULARIES = ("tokenizer.json", "vocab.json", "spiece.model")
"""Files of which a tokenizer has one; without any it would be made empty."""


@dataclass(frozen=True)
class Encoders:
    """What a network is trained on: images as latents, captions as tokens.

    Attributes:
        vae: image to latent and back.
        text: captions to tokens and context.
        image_encoder: image to image prompt; None for a model without them.
    """

    vae: Vae
    text: TextEncoders
    image_encoder: Swinv2Model | None = None

    @property
    def text_encoder(self) -> PreTrainedModel:
        """The first text encoder."""
        return self.text.encoders[0]

    @property
    def tokenizer(self) -> PreTrainedTokenizerBase:
        """Its tokenizer."""
        return self.text.tokenizers[0]


def load_encoders(
    path: str,
    device: torch.device | str = "cpu",
    *,
    vae: str | None = None,
    text: str | None = None,
    image_encoder: str | None = None,
) -> Encoders:
    """The encoders of a folder or hub id laid out as diffusers' pipelines are.

    Its parts are vae, text_encoder and tokenizer (and _2 and _3) and, if there is one,
    image_encoder. Weights are read from safetensors only, as float32.

    Args:
        path: the folder or hub id.
        device: where the encoders will run.
        vae, text, image_encoder: another folder or hub id to take these from; it may also be that
            one model alone, without parts.

    Raises:
        InputError: if one of the first three parts is missing, one cannot be read, or one is of
            another kind than those that are known.
    """
    with reading("vae, text_encoder and tokenizer", path):
        source = vae or path
        part = {"subfolder": _folder(source, "vae") or ""}
        found = Encoders(
            _vae(source, **part, **OPTIONS),
            load_text(text or path),
            load_swin(image_encoder) if image_encoder else _own_swin(path),
        )
    for network in (found.vae, *found.text.encoders, found.image_encoder):
        if isinstance(network, nn.Module):
            network.eval().requires_grad_(False).to(device)
    return found


def _vae(path: str, *, subfolder: str, **options: Any) -> Vae:
    """The VAE of the class that its config names."""
    config = PixelSpace.load_config(path, subfolder=subfolder)
    kind = VAES.get(config.get("_class_name", "AutoencoderKL"))
    if kind is None:
        known = " or ".join(VAES)
        raise InputError(f"a vae of class {known}", config["_class_name"], "use another")
    vae: Vae = kind.from_pretrained(path, subfolder=subfolder, **options)
    return vae


def load_text(path: str) -> TextEncoders:
    """The text encoders and tokenizers of a folder or hub id, or the one that it is.

    Raises:
        InputError: if there is none, or one is of an unknown kind or not whole.
    """
    with reading("a text encoder and its tokenizer", path):
        first = _folder(path, "text_encoder")
        if first is None:
            raise InputError(f"text_encoder in {path!r}", "none", "check the name, the files")
        if not first:
            pairs = [_pair(path, "", "")]
        else:
            present = [s for s in SUFFIXES if _has(path, f"text_encoder{s}")]
            pairs = [_pair(path, f"tokenizer{s}", f"text_encoder{s}") for s in present]
        return text_encoders([t for t, _ in pairs], [e for _, e in pairs])


def load_swin(path: str) -> Swinv2Model:
    """The Swin-V2 that a folder or hub id is, or has as its image_encoder.

    Raises:
        InputError: if there is none, or it is not whole.
    """
    with reading("a Swin-V2", path):
        folder = _folder(path, "image_encoder") or ""
        found = _config(path, folder).get("model_type")
        if found != "swinv2":
            raise InputError(f"a Swin-V2 at {path!r}", str(found), "use another")
        return _whole(Swinv2Model, path, folder, add_pooling_layer=False)


def _own_swin(path: str) -> Swinv2Model | None:
    return load_swin(path) if _has(path, "image_encoder") else None


def _pair(
    path: str, tokenizer: str, encoder: str
) -> tuple[PreTrainedTokenizerBase, PreTrainedModel]:
    with reading("a text encoder", f"{path}/{encoder}"):
        model = _whole(encoder_class(_config(path, encoder)), path, encoder)
    return _tokenizer(path, tokenizer, model.config), model


def _tokenizer(path: str, folder: str, config: PreTrainedConfig) -> PreTrainedTokenizerBase:
    where = f"{path}/{folder}".rstrip("/")
    with reading("a tokenizer", where):
        found = [file for file in VOCABULARIES if _has(path, folder, file)]
        if not found:
            raise OSError(f"none of {', '.join(VOCABULARIES)}")
        if found == ["spiece.model"] and not is_sentencepiece_available():
            remedy = "pip install sentencepiece protobuf"
            raise InputError(f"sentencepiece, for {where}/spiece.model", "none", remedy)
        tokenizer: PreTrainedTokenizerBase = AutoTokenizer.from_pretrained(
            path, subfolder=folder, config=config, trust_remote_code=False
        )
    return tokenizer


def _config(path: str, folder: str) -> dict[str, Any]:
    config, _ = PreTrainedConfig.get_config_dict(path, subfolder=folder)
    return config


def _whole(kind: type[PreTrainedModel], path: str, folder: str, **options: Any) -> Any:
    """A model of this kind with all its weights: missing ones are otherwise filled at random."""
    options = {**OPTIONS, **options, "subfolder": folder, "output_loading_info": True}
    model, found = kind.from_pretrained(path, **options)
    if missing := sorted(found["missing_keys"]):
        where = f"{path}/{folder}".rstrip("/")
        raise InputError(f"a {kind.__name__} in {where}", f"no {missing[0]}", "mend the files")
    return model


def _folder(path: str, part: str) -> str | None:
    """Where a part lies: in its subfolder, or at the top, ""; None for nowhere."""
    return next((folder for folder in (part, "") if _has(path, folder)), None)


def _has(path: str, folder: str, file: str = "config.json") -> bool:
    """Whether a folder or hub id has a file; as a rule the one that makes a folder a model."""
    quiet = {
        "_raise_exceptions_for_missing_entries": False,
        "_raise_exceptions_for_connection_errors": not is_offline_mode(),
    }
    return cached_file(path, file, subfolder=folder, **quiet) is not None
