"""What was made, from the state to images and maps of people's sizes; `conditions.Encoder` back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from PIL import Image
from torch import Tensor

from pandiff.codec import PanopticCodec
from pandiff.data.frame import Frame
from pandiff.models.encoders import decode_latents, to_images
from pandiff.models.pixel_space import Vae
from pandiff.panoptic import PanopticMap
from pandiff.pipeline.conditions import Given
from pandiff.state import StateLayout


@dataclass(frozen=True)
class Decoder:
    """From the state to the world of things people use.

    Attributes:
        vae, codec: latent to image, bits to map.
        layout: where they lie in the state.
        image_size: side of the model's square in pixels.
    """

    vae: Vae
    codec: PanopticCodec
    layout: StateLayout
    image_size: int

    def frame(self, size: tuple[int, int] | None) -> Frame:
        """How a sample of (width, height) pixels lies in the square; None for all of it."""
        return Frame(size or (self.image_size, self.image_size), self.image_size)

    def images(
        self, z: Tensor, samples: Sequence[Given], frames: Sequence[Frame]
    ) -> list[Image.Image]:
        """The images of clean states (B, C, h, w), with what was given put back.

        Args:
            z: the states.
            samples: what each was given.
            frames: how each lies in the square.
        """
        made: list[Image.Image | None] = [None] * len(samples)
        if not all(g.has_whole_image for g in samples):
            squares = to_images(decode_latents(self.vae, self.layout.unpack(z)[0]))
            made = [f.cut(i) for f, i in zip(frames, squares, strict=True)]
        return [g.finish_image(i) for g, i in zip(samples, made, strict=True)]

    def maps(
        self, z: Tensor, samples: Sequence[Given], frames: Sequence[Frame]
    ) -> list[PanopticMap]:
        """The same of the maps."""
        made: list[PanopticMap | None] = [None] * len(samples)
        if not all(g.has_whole_map for g in samples):
            square = (self.image_size, self.image_size)
            squares = self.codec.decode_batch(self.layout.unpack(z)[1], square)
            made = [f.cut_map(m) for f, m in zip(frames, squares, strict=True)]
        return [g.finish_map(m) for g, m in zip(samples, made, strict=True)]
