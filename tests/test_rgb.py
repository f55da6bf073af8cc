"""Pictures of any mode as RGB: 16 bits, and what is transparent."""

from __future__ import annotations

from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from pandiff.data.frame import Frame
from pandiff.models.encoders import to_pixels
from pandiff.rgb import to_rgb

RAMP = np.arange(256, dtype=np.uint8).reshape(16, 16)
GRAY = Image.fromarray(RAMP).convert("RGB")
RED = (255, 0, 0)


def deep(mode: str) -> Image.Image:
    """The ramp in 16 bits."""
    levels = RAMP.astype(np.float64) * 257
    if mode == "F":
        return Image.fromarray(levels.astype(np.float32))
    if mode == "I":
        return Image.fromarray(levels.astype(np.int32))
    order = ">u2" if mode == "I;16B" else "<u2"
    return Image.frombytes(mode, (16, 16), levels.astype(order).tobytes())


def same(one: Image.Image, other: Image.Image) -> bool:
    return one.mode == other.mode == "RGB" and one.tobytes() == other.tobytes()


@pytest.mark.parametrize("mode", ["I;16", "I;16L", "I;16B", "I", "F"])
def test_sixteen_bits_are_scaled_to_eight(mode: str) -> None:
    assert deep(mode).mode == mode
    assert same(to_rgb(deep(mode)), GRAY)


def test_a_dark_picture_of_sixteen_bits_is_dark() -> None:
    dark = Image.frombytes("I;16", (2, 1), np.array([200, 255], "<u2").tobytes())
    assert np.asarray(to_rgb(dark)).max() == 1


@pytest.mark.parametrize("mode", ["I", "F"])
def test_up_to_255_these_have_eight_bits(mode: str) -> None:
    assert same(to_rgb(Image.fromarray(RAMP).convert(mode)), GRAY)


def test_a_sixteen_bit_png() -> None:
    file = BytesIO()
    deep("I;16").save(file, "PNG")
    assert same(to_rgb(Image.open(file)), GRAY)


def half_clear(mode: str) -> Image.Image:
    """Two red pixels, the right one transparent."""
    image = Image.new("RGBA", (2, 1), (*RED, 255))
    image.putpixel((1, 0), (*RED, 0))
    if mode != "P":
        return image.convert(mode)
    palette = Image.new("P", (2, 1))
    palette.putpalette([*RED, *RED])
    palette.putpixel((1, 0), 1)
    palette.info["transparency"] = 1
    return palette


@pytest.mark.parametrize("mode", ["RGBA", "RGBa", "LA", "PA", "P"])
def test_what_is_transparent_is_white(mode: str) -> None:
    image = Image.new("PA", (2, 1), 0) if mode == "PA" else half_clear(mode)
    if mode == "PA":
        image.putpixel((0, 0), (0, 255))
    left, right = np.asarray(to_rgb(image))[0].tolist()
    assert left != [255, 255, 255]
    assert right == [255, 255, 255]
    assert np.asarray(to_rgb(image, behind="black"))[0, 1].tolist() == [0, 0, 0]


def test_half_transparent_pixels_are_mixed_with_white() -> None:
    assert to_rgb(Image.new("RGBA", (1, 1), (0, 0, 0, 51))).getpixel((0, 0)) == (204, 204, 204)


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGB", "CMYK", "YCbCr", "HSV"])
def test_other_modes_are_as_pil_converts_them(mode: str) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (8, 8, 3), dtype=np.uint8)
    image = Image.fromarray(noise).convert(mode)
    assert same(to_rgb(image), image.convert("RGB"))


def test_whoever_takes_a_picture_takes_every_mode() -> None:
    """The square of a model, and what its VAE reads."""
    assert same(Frame((16, 16), 16).place(deep("I;16")), GRAY)
    assert to_pixels(deep("I;16")).equal(to_pixels(GRAY))
    assert to_pixels(half_clear("RGBA"))[:, 0, 1].tolist() == [1, 1, 1]
