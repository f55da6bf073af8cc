"""Images and captions of a dataset folder, read as they are asked for."""

from __future__ import annotations

from pathlib import Path

import torch
from PIL import Image
from torch import Tensor
from torch.utils.data import Dataset

from pandiff.coco import PanopticFolder
from pandiff.models.encoders import to_pixels


def fit(image: Image.Image, size: int) -> Image.Image:
    """Scale the short side to `size` and cut the middle square."""
    if image.size == (size, size):
        return image
    scale = size / min(image.size)
    width, height = (max(size, round(side * scale)) for side in image.size)
    left, top = (width - size) // 2, (height - size) // 2
    image = image.resize((width, height), Image.Resampling.LANCZOS)
    return image.crop((left, top, left + size, top + size))


class ImageDataset(Dataset[Tensor]):
    """The images of a folder as (3, size, size) float32 in [-1, 1].

    Args:
        data: a dataset folder.
        size: side in pixels.
    """

    def __init__(self, data: Path, size: int) -> None:
        self.folder, self.size = PanopticFolder.open(data), size

    def __len__(self) -> int:
        return len(self.folder)

    def __getitem__(self, index: int) -> Tensor:
        return to_pixels(fit(self.folder.image(index), self.size))

    def __getitems__(self, indices: list[int]) -> dict[str, Tensor]:
        return {"pixels": torch.stack([self[k] for k in indices])}
