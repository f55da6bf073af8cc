"""Training of a VAE's decoder on latents as a diffusion model makes them."""

from __future__ import annotations

from pathlib import Path

import torch
from diffusers import AutoencoderKL
from PIL import Image
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn.functional import l1_loss, mse_loss, relu
from torch.utils.data import Dataset

from pandiff.data.images import ImageDataset
from pandiff.draw import grid
from pandiff.errors import InputError
from pandiff.models.discriminator import PatchDiscriminator
from pandiff.models.encoders import decode_latents, encode_pixels, latent_factor, to_images
from pandiff.pipeline import reading, resolve
from pandiff.training.config import TrainConfig
from pandiff.training.task import Tensors, check_filled
from pandiff.training.vae_task import CROP, GRADIENT_WEIGHT, differences

JUDGED_WEIGHT = 0.05
"""Weight of what the discriminator says of an image and of its features, against the pixels."""
ENCODED = 0.3
"""Share of the samples whose latent is the encoder's own."""
NOISE = 0.1
"""Most noise on a latent, in its standard deviations."""


class MadeLatents(Dataset[Tensor]):
    """Images of a folder, each with its latent as the encoder gives it and as a model makes it.

    Args:
        images: the images.
        file: what `scripts/make_latents.py` writes.
        vae: the encoder.
        device: where it runs, once.

    Raises:
        InputError: if the file cannot be read, or its shapes or numbers do not fit.
    """

    def __init__(
        self, images: ImageDataset, file: Path, vae: AutoencoderKL, device: torch.device
    ) -> None:
        self.images = images
        self.index, self.made = _read(file)
        side = images.size // latent_factor(vae)
        expected = (vae.config.latent_channels, side, side)
        if self.made.shape[1:] != expected or int(self.index.max()) >= len(images):
            got = f"{tuple(self.made.shape[1:])}, {int(self.index.max()) + 1} images or more"
            raise InputError(
                f"latents of shape {expected} of {len(images)} images", got, "make them anew"
            )
        self.encoded = torch.cat([self._encode(k, vae, device) for k in self.index.split(32)])

    @torch.inference_mode()
    def _encode(self, index: Tensor, vae: AutoencoderKL, device: torch.device) -> Tensor:
        pixels = torch.stack([self.images[k] for k in index.tolist()])
        return encode_pixels(vae, pixels.to(device)).cpu()

    def __len__(self) -> int:
        return len(self.index)

    def __getitems__(self, indices: list[int]) -> Tensors:
        pixels = torch.stack([self.images[int(self.index[k])] for k in indices])
        return {"pixels": pixels, "encoded": self.encoded[indices], "made": self.made[indices]}


def _read(file: Path) -> tuple[Tensor, Tensor]:
    with reading("latents", file):
        tensors = load_file(file)
        index, made = tensors["index"], tensors["latents"].float()
    if index.ndim != 1 or made.ndim != 4 or not 0 < len(index) == len(made):
        got = f"{tuple(index.shape)} and {tuple(made.shape)}"
        raise InputError("an index (N,) and latents (N, C, h, w)", got, "make them anew")
    return index, made


class JudgedVae(nn.Module):
    """A VAE whose encoder is frozen, and what judges its decoder.

    Args:
        vae: the VAE.
    """

    def __init__(self, vae: AutoencoderKL) -> None:
        super().__init__()
        self.vae = vae.requires_grad_(False)
        for part in (vae.post_quant_conv, vae.decoder):
            if part is not None:
                part.requires_grad_(True)
        channels = vae.config.latent_channels
        self.discriminator = PatchDiscriminator(latent_factor(vae), channels)


class DecoderTask:
    """The VAE's own losses on crops, and those of a discriminator that sees the latent as well.

    Latents that a diffusion model makes are not quite those of images: what a decoder makes of
    them is soft. Here it learns what they stand for. The encoder stays, and with it all that was
    trained on its latents. Both losses of the discriminator are hinge losses, and the features of
    its layers are compared too (Larsen et al. 2016, arXiv 1512.09300).

    Args:
        config: the run's settings; `init` must name a folder with a VAE, `latents` a file.
        data: a dataset folder.
        device: where the encoder runs.
    """

    def __init__(self, config: TrainConfig, data: Path, device: torch.device) -> None:
        if not config.init:
            raise InputError("a model with the VAE to start from", "none", "pass --init")
        if not config.latents:
            raise InputError(
                "latents that a model made", "none", "pass --latents (scripts/make_latents.py)"
            )
        if config.parallel == "fsdp":
            raise InputError("parallel ddp for a decoder", "fsdp", "it is small")
        if config.size < CROP:
            raise InputError(f"a size of {CROP} px or more", str(config.size), "change --size")
        with reading("a VAE to start from", config.init):
            vae = AutoencoderKL.from_pretrained(
                resolve(config.init), subfolder="vae", dtype=torch.float32
            )
        images = ImageDataset(data, config.size)
        check_filled(images, data)
        self.dataset = MadeLatents(images, Path(config.latents), vae.to(device), device)
        self.network = JudgedVae(vae)
        self.factor = latent_factor(vae)
        self.cells = config.size // self.factor
        self.cut = CROP // self.factor

    def draw(self, n: int, generator: torch.Generator) -> Tensors:
        channels = self.dataset.made.shape[1]
        return {
            "corner": torch.randint(self.cells - self.cut + 1, (n, 2), generator=generator),
            "encoded": torch.rand(n, 1, 1, 1, generator=generator) < ENCODED,
            "scale": torch.rand(n, 1, 1, 1, generator=generator) * NOISE,
            "noise": torch.randn(n, channels, self.cut, self.cut, generator=generator),
        }

    def losses(self, network: nn.Module, batch: Tensors, draws: Tensors) -> Tensors:
        assert isinstance(network, JudgedVae)
        latents = torch.where(draws["encoded"], batch["encoded"], batch["made"])
        corners = draws["corner"].tolist()
        latents = _crops(latents, corners, self.cut) + draws["scale"] * draws["noise"]
        pixels = _crops(batch["pixels"], [[self.factor * a for a in c] for c in corners], CROP)
        output = decode_latents(network.vae, latents)
        pixel = l1_loss(output, pixels)
        edge = l1_loss(differences(output), differences(pixels))
        judge = network.discriminator
        real, truth = judge(pixels, latents)
        made, _ = judge(output.detach(), latents)
        judged = torch.stack(
            [relu(1 - r).mean() + relu(1 + m).mean() for r, m in zip(real, made, strict=True)]
        ).sum()
        fixed = {name: p.detach() for name, p in judge.named_parameters()}
        verdicts, features = functional_call(judge, fixed, (output, latents))
        fooled = -torch.stack([v.mean() for v in verdicts]).sum()
        likeness = torch.stack(
            [l1_loss(f, t.detach()) for f, t in zip(features, truth, strict=True)]
        ).sum()
        seen = JUDGED_WEIGHT * (0.5 * fooled + likeness)
        loss = pixel + GRADIENT_WEIGHT * edge + mse_loss(output, pixels) + seen + judged
        return {"loss": loss, "l1": pixel, "edge": edge, "judged": judged, "features": likeness}

    @torch.inference_mode()
    def preview(self, network: nn.Module) -> Image.Image:
        assert isinstance(network, JudgedVae)
        some = self.dataset.__getitems__(list(range(min(8, len(self.dataset)))))
        shown = [
            decode_latents(network.vae, some[name].to(network.vae.device))
            for name in ("encoded", "made")
        ]
        return grid([i for p in (some["pixels"], *shown) for i in to_images(p)], columns=8)

    def export(self, network: nn.Module, folder: Path) -> None:
        assert isinstance(network, JudgedVae)
        network.vae.save_pretrained(folder / "vae")


def _crops(images: Tensor, corners: list[list[int]], side: int) -> Tensor:
    """The square at each corner of each image (B, C, H, W)."""
    pairs = zip(images, corners, strict=True)
    return torch.stack([one[:, y : y + side, x : x + side] for one, (y, x) in pairs])
