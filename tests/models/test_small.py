"""The small encoders: a tokenizer that repeats itself, a VAE that reads pixel patches."""

import torch

from pandiff.models.encoders import decode_latents, encode_pixels, latent_factor
from pandiff.models.small import BOS, EOS, small_vae, train_tokenizer
from pandiff.models.text import tokenize

CAPTIONS = ["two red cars on a road", "3 sheep, one dog and a house", "people under umbrellas"] * 9


def test_tokenizer_is_the_same_each_time() -> None:
    first = train_tokenizer(CAPTIONS, 128, 30)
    for _ in range(4):
        again = train_tokenizer(CAPTIONS, 128, 30)
        assert again.backend_tokenizer.to_str() == first.backend_tokenizer.to_str()


def test_tokenizer_marks_begin_and_end_and_ignores_case() -> None:
    tokenizer = train_tokenizer(CAPTIONS, 128, 30)
    tokens = tokenizer.convert_ids_to_tokens(tokenizer("Two CARS")["input_ids"])
    assert tokens[0] == BOS
    assert tokens[-1] == EOS
    assert tokenizer("Two CARS")["input_ids"] == tokenizer("two cars")["input_ids"]


def test_tokenize_pads_and_cuts_to_length() -> None:
    tokenizer = train_tokenizer(CAPTIONS, 128, 30)
    ids = tokenize(tokenizer, ["a", "two red cars on a road and more and more"], 8)
    assert ids.shape == (2, 8)
    assert ids[1, -1] == tokenizer.eos_token_id


def test_latents_have_the_stated_factor() -> None:
    vae = small_vae(block_out_channels=(16,), pixel_patch=4)
    pixels = torch.rand(2, 3, 32, 32) * 2 - 1
    latents = encode_pixels(vae, pixels)
    assert latents.shape == (2, 4, 32 // latent_factor(vae), 32 // latent_factor(vae))
    assert decode_latents(vae, latents).shape == pixels.shape
