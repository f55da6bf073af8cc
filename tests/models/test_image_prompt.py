"""Image prompts: what a Swin-V2 of any size sees, as tokens."""

from __future__ import annotations

import pytest
import torch
from transformers import Swinv2Config, Swinv2Model

from pandiff.models.image_prompt import MEAN, STD, encode_image_prompts, image_features, small_swin


@pytest.fixture(scope="module")
def swin() -> Swinv2Model:
    torch.manual_seed(0)
    return small_swin(32, 4, 24, (1, 1), 4).eval()


@torch.no_grad()
def test_features_are_the_last_stage_of_normalised_pixels(swin: Swinv2Model) -> None:
    pixels = torch.rand(2, 3, 32, 32) * 2 - 1
    mean, std = (torch.tensor(v)[:, None, None] for v in (MEAN, STD))
    expected = swin((pixels * 0.5 + 0.5 - mean) / std).last_hidden_state
    features = image_features(swin, pixels)
    assert features.shape == (2, 48, 4, 4)
    torch.testing.assert_close(features.flatten(2).transpose(1, 2), expected)


@torch.no_grad()
def test_features_keep_their_places(swin: Swinv2Model) -> None:
    """A change in the lower left corner changes what is seen there most."""
    pixels = torch.zeros(1, 3, 32, 32)
    changed = pixels.clone()
    changed[..., 24:, :8] = 1
    difference = (image_features(swin, changed) - image_features(swin, pixels)).abs().sum(1)[0]
    assert divmod(int(difference.argmax()), 4) == (3, 0)


@pytest.mark.parametrize("length", [1, 4, 16])
def test_tokens_are_means_over_parts(swin: Swinv2Model, length: int) -> None:
    pixels = torch.rand(2, 3, 32, 32) * 2 - 1
    tokens = encode_image_prompts(swin, pixels, length)
    assert tokens.shape == (2, length, swin.config.hidden_size)
    assert not tokens.requires_grad
    with torch.no_grad():
        features = image_features(swin, pixels)
    torch.testing.assert_close(tokens.mean(1), features.mean((2, 3)))
    side = int(length**0.5)
    part = features[..., -4 // side :, -4 // side :].mean((2, 3))
    torch.testing.assert_close(tokens[:, -1], part)


def test_images_of_another_size_are_resized(swin: Swinv2Model) -> None:
    pixels = torch.linspace(-1, 1, 32).expand(1, 3, 32, 32)
    large = torch.nn.functional.interpolate(pixels, (128, 128), mode="bicubic").clamp(-1, 1)
    tokens, others = (encode_image_prompts(swin, p, 4) for p in (pixels, large))
    torch.testing.assert_close(others, tokens, rtol=0, atol=0.05)


def test_swin_v2_tiny_at_its_full_size() -> None:
    """The settings of microsoft/swinv2-tiny-patch4-window8-256, on images of 512 px."""
    config = Swinv2Config(
        image_size=256, patch_size=4, embed_dim=96, depths=[2, 2, 6, 2], num_heads=[3, 6, 12, 24],
        window_size=8, drop_path_rate=0.2,
    )  # fmt: skip
    swin = Swinv2Model(config, add_pooling_layer=False).eval()
    assert 27e6 < sum(p.numel() for p in swin.parameters()) < 29e6
    tokens = encode_image_prompts(swin, torch.rand(2, 3, 512, 512) * 2 - 1, 4)
    assert tokens.shape == (2, 4, 768)
    assert tokens.isfinite().all()
    assert (tokens[0] - tokens[1]).abs().max() > 0
