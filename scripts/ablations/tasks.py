"""The tasks that variants are trained by: the library's, reading one cache, and two of its own."""

from __future__ import annotations

import copy
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.data import Dataset

from ablations.image_alone import ImageAlone, as_backbone
from pandiff.codec import PanopticCodec
from pandiff.data.encoded import Encoding
from pandiff.diffusion import NoiseSchedule, StreamSchedules
from pandiff.models.uvit import UViT
from pandiff.training.config import TrainConfig
from pandiff.training.network import Network, Sizes, make_network
from pandiff.training.pdm_data import FolderData
from pandiff.training.pdm_task import PdmTask
from pandiff.training.task import Tensors


class SharedData(FolderData):
    """A folder that is encoded once for each resolution of the map, whatever the coding.

    The labels that are cached are the same for every coding.
    """

    def read(self, encoding: Encoding) -> tuple[Dataset[Any], bool]:
        self.cache = self.cache.with_name(f"encoded-{encoding.map_size}.safetensors")
        return super().read(replace(encoding, codec=PanopticCodec(self.taxonomy)))


class Ablation(PdmTask):
    """A pdm that is kept at hand when its training is over.

    Attributes:
        averaged: the trained network.
        seconds: of processor time that its steps took, in all.
        taken: steps of this process.
        map_noise: deviation of the map's noise in training.
    """

    averaged: Any
    seconds = 0.0
    taken = 0
    _start: float | None = None
    map_noise = 1.0

    def __init__(
        self, config: TrainConfig, data: str | Path, out: Path, device: torch.device
    ) -> None:
        super().__init__(config, data, device, Path(data).parent / "encoded")

    def _open(self, data: str | Path, cache: Path) -> SharedData:
        return SharedData(Path(data), cache)

    def losses(self, network: nn.Module, batch: Tensors, draws: Tensors) -> Tensors:
        self._start = self._start or time.process_time()
        self.taken += 1
        return super().losses(network, batch, draws)

    def export(self, network: nn.Module, folder: Path) -> None:
        if self._start is not None:
            self.seconds = time.process_time() - self._start
        self.averaged = copy.deepcopy(network).eval()
        folder.mkdir(parents=True)


class MismatchedNoise(Ablation):
    """Trained as the released code is: on plain levels, with map noise of deviation 2.

    Its sampling starts from a deviation of 1.
    """

    map_noise = 2.0

    def __init__(
        self, config: TrainConfig, data: str | Path, out: Path, device: torch.device
    ) -> None:
        super().__init__(config, data, out, device)
        self.schedules = StreamSchedules(self.schedules.image, NoiseSchedule())

    def draw(self, n: int, generator: torch.Generator) -> Tensors:
        draws = super().draw(n, generator)
        return {**draws, "noise": louder(self.layout.split(draws["noise"]), self.map_noise)}


def louder(noise: tuple[Tensor, Tensor], factor: float) -> Tensor:
    """The noise of a state, the map's part scaled."""
    return torch.cat([noise[0], noise[1] * factor], dim=1)


class BackboneTask(Ablation):
    """A U-ViT on images alone, to be the frozen backbone of a two-stream network."""

    def _make_network(self, sizes: Sizes) -> Network:
        m = self.config.model
        torch.manual_seed(self.config.seed)
        model = UViT(
            img_size=self.config.size // sizes.latent_factor,
            in_chans=sizes.image_channels,
            patch_size=m["patch_size"],
            embed_dim=m["width"],
            depth=m["depth"],
            num_heads=m["heads"],
            clip_dim=sizes.context_dim,
            num_clip_token=m["context_length"],
        )
        network: Any = ImageAlone(model, sizes.map_channels, self.config.ratio)
        return network

    def export(self, network: nn.Module, folder: Path) -> None:
        super().export(network, folder)
        self.averaged.model.save_pretrained(folder)


class TwoStreamTask(Ablation):
    """Two streams on what `BackboneTask` trained."""

    def _make_network(self, sizes: Sizes) -> Network:
        model = UViT.from_pretrained(self.config.backbone)
        return make_network(self.config, sizes, lambda: as_backbone(model))
