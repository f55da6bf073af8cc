"""What a sample is given: an image, a map, or parts of either; into the state and out again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from diffusers import AutoencoderKL
from PIL import Image
from torch import Tensor
from torch.nn.functional import adaptive_avg_pool2d, max_pool2d

from pandiff.codec import PanopticCodec
from pandiff.data.frame import Frame
from pandiff.errors import InputError
from pandiff.models.encoders import encode_pixels, to_pixels
from pandiff.panoptic import PanopticMap
from pandiff.pipeline.blend import blend
from pandiff.pipeline.merge import merge_maps
from pandiff.rgb import to_rgb
from pandiff.state import StateLayout
from pandiff.taxonomy import VOID

Mask = Image.Image | np.ndarray


@dataclass(frozen=True, eq=False)
class Known:
    """Where a given map and a given image hold.

    Attributes:
        map: (H, W) bool, the known pixels of the map; None for all of them.
        image: the same of the image.
    """

    map: np.ndarray | None = None
    image: np.ndarray | None = None

    def __post_init__(self) -> None:
        for name in ("map", "image"):
            mask = getattr(self, name)
            object.__setattr__(self, name, None if mask is None else read_mask(mask))

    @property
    def masks(self) -> list[np.ndarray]:
        """Those that are not None."""
        return [mask for mask in (self.map, self.image) if mask is not None]

    @classmethod
    def of(cls, mask: Mask | Known | None) -> Known:
        """One mask for both."""
        if isinstance(mask, Known):
            return mask
        known = None if mask is None else read_mask(mask)
        return cls(known, known)


@dataclass(frozen=True, eq=False)
class Given:
    """What one sample is given.

    Attributes:
        map: a layout.
        image: an image.
        known: where they hold; everywhere by default.

    Raises:
        InputError: if their sizes differ, a mask has nothing to hold, or nothing is left to make.
    """

    map: PanopticMap | None = None
    image: Image.Image | None = None
    known: Known = field(default_factory=Known)

    def __post_init__(self) -> None:
        _check_sizes(self.map, self.image, self.known)
        masks = self.known.masks
        if not masks and self.map is not None and self.image is not None:
            raise InputError("a map or an image", "both, whole", "leave out what is to be made")
        of_map = self.map is not None and self.known.map is not None
        of_image = self.image is not None and self.known.image is not None
        if masks and not of_map and not of_image:
            raise InputError("a map or an image with the known mask", "none", "pass what is known")

    @classmethod
    def of(
        cls,
        panoptic: PanopticMap | None,
        image: Image.Image | None,
        known: Known,
        strength: float | None,
    ) -> Given:
        """What a sample is given; with a strength, an image without a mask is not kept at all."""
        _check_sizes(panoptic, image, known)
        varied = strength is not None and not known.masks
        return cls(panoptic, None if varied else image, known)

    @property
    def size(self) -> tuple[int, int] | None:
        """(width, height) in pixels; None where nothing is given."""
        source = self.map if self.map is not None else self.image
        return None if source is None else source.size

    @property
    def has_whole_map(self) -> bool:
        return self.map is not None and self.known.map is None

    @property
    def has_whole_image(self) -> bool:
        return self.image is not None and self.known.image is None

    def with_kept(self, panoptic: PanopticMap, mask: np.ndarray) -> Given:
        """The same, and some pixels of a map that was made from it.

        Args:
            panoptic: the map, with what was given of it put back.
            mask: (H, W) bool, the pixels; what is given of the map stays given beside them.
        """
        if not mask.any():
            return self
        if self.map is not None and self.known.map is not None:
            mask = mask | self.known.map
        seen = np.isin(panoptic.ids, panoptic.ids[mask])  # nothing comes from the other segments
        part = panoptic.with_ids(np.where(seen, panoptic.ids, VOID))
        return Given(part, self.image, Known(mask, self.known.image))

    def finish(self, image: Image.Image, panoptic: PanopticMap) -> tuple[Image.Image, PanopticMap]:
        """What was made, with what was given put back."""
        return self.finish_image(image), self.finish_map(panoptic)

    def finish_image(self, made: Image.Image | None) -> Image.Image:
        """The image that was made, with what was given put back; None where that is whole."""
        mask = self.known.image
        if self.image is None or made is None:
            whole = self.image or made
            assert whole is not None
            return whole
        return self.image if mask is None else blend(self.image, made, mask)

    def finish_map(self, made: PanopticMap | None) -> PanopticMap:
        """The same of the map."""
        mask = self.known.map
        if self.map is None or made is None:
            whole = self.map or made
            assert whole is not None
            return whole
        return self.map if mask is None else merge_maps(self.map, made, mask)


def _check_sizes(panoptic: PanopticMap | None, image: Image.Image | None, known: Known) -> None:
    """InputError if they are of several sizes, or of none."""
    found = {name: one.size for name, one in (("map", panoptic), ("image", image)) if one}
    if 0 in [side for size in found.values() for side in size]:
        raise InputError("an image of at least one pixel", "none", "pass another")
    odd = [mask.shape[::-1] for mask in known.masks if mask.shape[::-1] not in found.values()]
    if odd and len(set(found.values())) == 1:  # else it is not the mask that differs
        found["known mask"] = odd[0]
    if len(set(found.values())) > 1:
        got = ", ".join(f"{name} {w} x {h}" for name, (w, h) in found.items())
        raise InputError("map, image and known mask of one size", got, "resize them")


def read_mask(mask: Mask) -> np.ndarray:
    """A mask as (H, W) bool: the lighter half of an image's grays, an array's not zero.

    Raises:
        InputError: if it is no such array.
    """
    if isinstance(mask, Image.Image):
        return np.asarray(to_rgb(mask, behind="black").convert("L")) >= 128
    array = np.asarray(mask)
    if array.ndim != 2 or array.dtype.kind not in "biuf":
        got = f"{array.shape} {array.dtype}"
        raise InputError("a known mask of shape (H, W)", got, "True where the pixel is kept")
    return array != 0


@dataclass(frozen=True)
class Encoder:
    """From the world of things people use to the state.

    Attributes:
        vae, codec: image to latent, map to bits.
        layout: where they lie in the state.
        cells: side of the latent in cells.
        image_size: side of the model's square in pixels.
        device: where the state lives.
    """

    vae: AutoencoderKL
    codec: PanopticCodec
    layout: StateLayout
    cells: int
    image_size: int
    device: torch.device

    def encode(self, samples: Sequence[Given]) -> tuple[Tensor, Tensor]:
        """The clean state (B, C, h, w) that holds what is given, and its known mask."""
        side = self.cells * self.layout.ratio
        latents = torch.zeros(len(samples), self.layout.image_channels, self.cells, self.cells)
        panoptic = torch.zeros(len(samples), self.layout.map_channels, side, side)
        known_image = torch.zeros(len(samples), 1, self.cells, self.cells)
        known_map = torch.zeros(len(samples), 1, side, side)
        latents = latents.to(self.device)
        with_image = [k for k, g in enumerate(samples) if g.image is not None]
        if with_image:
            latents[with_image] = self.images([samples[k].image for k in with_image])
        for k, one in enumerate(samples):
            if one.image is not None:
                known_image[k] = self._cells(one.known.image, self.cells, margin=True)
            if one.map is not None:
                panoptic[k], labelled = self._map(one.map, side)
                known_map[k] = self._cells(one.known.map, side, margin=False) * labelled
        known = self.layout.join_known(known_image, known_map).to(self.device)
        return self.layout.join(latents, panoptic.to(self.device)), known

    def images(self, images: Sequence[Image.Image | None]) -> Tensor:
        """Whitened latents (B, C, h, w) of images of any size."""
        placed = [Frame(i.size, self.image_size).place(i) for i in images if i is not None]
        pixels = torch.stack([to_pixels(i) for i in placed])
        return encode_pixels(self.vae, pixels.to(self.device, self.vae.dtype))

    def _map(self, panoptic: PanopticMap, side: int) -> tuple[Tensor, Tensor]:
        """The map's channels (C, side, side), and where they say something (1, side, side).

        A model that knows no void cannot be given it: such cells are free.
        """
        square = Frame(panoptic.size, max(panoptic.size)).place_map(panoptic)
        encoded = self.codec.encode(square, (side, side))
        if self.codec.void:
            return encoded, torch.ones(1, side, side)
        labels = self.codec.prepare(square, (side, side))
        return encoded, torch.from_numpy(np.asarray(labels.category) != VOID).float()[None]

    def _cells(self, known: np.ndarray | None, side: int, margin: bool) -> Tensor:
        """(1, side, side): 1 for the cells that are known whole.

        With a margin the cells beside unknown ones are unknown too: a cell of a latent has seen
        pixels around it, and would betray what is to be replaced.
        """
        if known is None:
            return torch.ones(1, side, side)
        mask = Image.fromarray(known.astype(np.uint8) * 255)
        placed = Frame(mask.size, max(mask.size)).place(mask)
        square = torch.from_numpy(np.asarray(placed)[..., 0] > 0).float()[None]
        fine = adaptive_avg_pool2d(square, max(side, self.image_size))
        whole = (adaptive_avg_pool2d((fine >= 1).float(), side) >= 1).float()
        return 1 - max_pool2d(1 - whole, 3, stride=1, padding=1) if margin else whole
