"""CLIP score: does an image fit its prompt? (Hessel et al. 2021, arXiv 2104.08718)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from transformers import AutoImageProcessor, AutoModel, AutoTokenizer

from pandiff.errors import InputError
from pandiff.evaluation.features import space_name
from pandiff.pipeline import reading


class ClipScore:
    """100 max(cos(image, prompt), 0) of a CLIP, as most papers report it.

    Args:
        name: hub id or folder of a CLIP with both towers, its tokenizer and image processor.
        device: where it runs.

    Raises:
        InputError: if there is none of this name, or it has no text tower.
    """

    def __init__(self, name: str | Path, device: torch.device | str = "cpu") -> None:
        self.name, self._device = space_name(name), device
        with reading("a CLIP with its tokenizer and image processor", name):
            self._processor = AutoImageProcessor.from_pretrained(name)
            self._tokenizer = AutoTokenizer.from_pretrained(name)
            self._network = AutoModel.from_pretrained(name, dtype=torch.float32).eval().to(device)
        if not hasattr(self._network, "get_text_features"):
            got = f"{name}, a {type(self._network).__name__}"
            raise InputError("a CLIP with a text tower", got, "name one such as openai/clip-vit-b")
        self._length = self._network.config.text_config.max_position_embeddings

    @torch.inference_mode()
    def __call__(self, images: Sequence[Image.Image], prompts: Sequence[str]) -> np.ndarray:
        """(B,) float32, 0..100; prompts are those that the images were made of."""
        pixels = self._processor(images=list(images), return_tensors="pt")["pixel_values"]
        words = self._tokenizer(
            list(prompts),
            padding=True,
            truncation=True,
            max_length=self._length,
            return_tensors="pt",
        )
        text = self._network.get_text_features(
            input_ids=words["input_ids"].to(self._device),
            attention_mask=words["attention_mask"].to(self._device),
        ).pooler_output
        image = self._network.get_image_features(pixel_values=pixels.to(self._device)).pooler_output
        cosine = torch.cosine_similarity(image.float(), text.float())
        return (100 * cosine.clamp(min=0)).cpu().numpy()
