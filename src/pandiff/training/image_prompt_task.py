"""Training of image prompts for a diffusion model that stays as it is."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from PIL import Image
from torch import Tensor, nn
from torch.utils.data import Dataset
from transformers import Swinv2Model

from pandiff.context import Context
from pandiff.data.encoded import EncodedDataset, Encoding
from pandiff.data.images import ImageDataset
from pandiff.draw import grid
from pandiff.errors import InputError
from pandiff.models.encoders import to_images
from pandiff.models.image_prompt import image_prompts
from pandiff.models.unified import UnifiedPDM
from pandiff.training.config import TrainConfig
from pandiff.training.network import Network, Sizes
from pandiff.training.pdm_data import PREVIEWS
from pandiff.training.pdm_task import PdmTask
from pandiff.training.task import Tensors


class Prompted(nn.Module):
    """A frozen diffusion network and the Swin-V2 of its image prompts.

    Of the network the weights that read the Swin-V2's features are trained, without their bias:
    zeros stand for no image prompt, and then all stays as it was.

    Args:
        transformer: the network, which takes image prompts.
        image_encoder: the Swin-V2.
    """

    def __init__(self, transformer: UnifiedPDM, image_encoder: Swinv2Model) -> None:
        super().__init__()
        self.transformer = transformer.requires_grad_(False)
        self.transformer.image_prompt_embed.weight.requires_grad_(True)
        self.image_encoder = image_encoder.float().requires_grad_(True)
        self.layout, self.config = transformer.layout, transformer.config

    def forward(
        self, x: Tensor, t: Tensor, context: Context, known: Tensor | None = None
    ) -> Tensor:
        """As `UnifiedPDM.forward`."""
        out: Tensor = self.transformer(x, t, context, known)
        return out


class PromptedImages(Dataset[Any]):
    """Encoded samples with the pixels of their images.

    Args:
        encoded: the samples.
        images: of the same folder.
    """

    def __init__(self, encoded: EncodedDataset, images: ImageDataset) -> None:
        self.encoded, self.images = encoded, images

    def __len__(self) -> int:
        return len(self.encoded)

    def __getitems__(self, indices: list[int]) -> Tensors:
        return {**self.encoded.__getitems__(indices), **self.images.__getitems__(indices)}


class ImagePromptTask(PdmTask):
    """The losses of a diffusion model whose image prompts alone learn.

    As IP-Adapter (Ye et al. 2023, arXiv 2308.06721) does, but the encoder learns too: what it
    tells must be what the frozen network understands.

    Args:
        config: the run's settings; `init` names the model, `image_encoder` another Swin-V2 to
            start from.
        data: a dataset folder, encoded once into `cache`.
        device: where the frozen encoders run.
        cache: file for the encoded data.
    """

    def __init__(
        self, config: TrainConfig, data: str | Path, device: torch.device, cache: Path
    ) -> None:
        if config.init is None:
            raise InputError("an init, the model that stays", "none", "name it")
        super().__init__(config, data, device, cache)
        self.network = Prompted(self.network, self.encoders.image_encoder)
        self.dataset = PromptedImages(self.dataset, ImageDataset(Path(data), config.size))

    def _make_network(self, sizes: Sizes) -> Network:
        network = super()._make_network(sizes)
        if not isinstance(network, UnifiedPDM) or self.encoders.image_encoder is None:
            raise InputError("a unified network and a Swin-V2", "others", "name other models")
        return network

    def _encoding(self) -> Encoding:
        return replace(super()._encoding(), image_encoder=None)

    def _context(self, batch: Tensors, draws: Tensors) -> Context:
        context = super()._context(batch, draws)
        length = self.network.config.image_prompt_length
        prompts = image_prompts(self.network.image_encoder, batch["pixels"], length)
        return replace(context, image=prompts * draws["prompted"][:, None, None])

    @torch.inference_mode()
    def preview(self, network: nn.Module) -> Image.Image:
        """Images, and beneath what is made like them."""
        batch = self.dataset.__getitems__(list(range(min(PREVIEWS, len(self.dataset)))))
        seen = to_images(batch["pixels"])
        pipe = self.pipeline(network)
        pipe.set_progress_bar_config(disable=True)
        made = pipe([""] * len(seen), image_prompt=seen, generator=torch.Generator().manual_seed(0))
        maps = [self.dataset.images.folder.panoptic(k) for k in range(len(seen))]
        return grid([*seen, *made.images], maps=[*maps, *made.maps], columns=len(seen))

    def pipeline(self, network: nn.Module) -> Any:
        pipe = super().pipeline(network.transformer)
        pipe.image_encoder = network.image_encoder
        return pipe
