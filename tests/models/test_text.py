"""Text encoders: each set does what the library that its backbone comes from does."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers import PixArtAlphaPipeline, SD3Transformer2DModel, StableDiffusion3Pipeline
from transformers import CLIPTextConfig, CLIPTextModel

from pandiff.context import Context
from pandiff.errors import InputError
from pandiff.models.text import TextEncoders, encoder_class, text_encoders
from pandiff.pipeline.encoders import load_text

PROMPTS = ["a red box", "Two RED dogs, and three blue birds! " * 12, ""]
SETS = {"sd15": (77, 32, None), "pixart": (120, 48, None), "sd3": (77 + 256, 48, 16 + 24)}
"""Length, width and pooled width of the contexts."""


@pytest.fixture(scope="module", params=list(SETS))
def text(request: pytest.FixtureRequest, hub: Path) -> TextEncoders:
    return loaded(hub / request.param)


def loaded(path: Path) -> TextEncoders:
    text = load_text(str(path))
    for encoder in text.encoders:
        encoder.eval()
    return text


def test_shapes(text: TextEncoders) -> None:
    assert (text.length, text.dim, text.pooled_dim) in SETS.values()
    ids = text.tokenize(PROMPTS)
    assert ids.shape == (3, sum(text.lengths))
    assert ids.dtype == torch.int64
    context = text.encode_prompts(PROMPTS)
    assert context.text.shape == (3, text.length, text.dim)
    assert context.text.dtype == torch.float32
    assert context.image is None
    assert not context.text.requires_grad
    if text.pooled_dim is None:
        assert context.pooled is None
    else:
        assert context.pooled is not None
        assert context.pooled.shape == (3, text.pooled_dim)


def test_tokens_hold_all_that_a_context_needs(text: TextEncoders) -> None:
    """A dataset keeps tokens alone."""
    with torch.no_grad():
        assert_same(text.encode(text.tokenize(PROMPTS)), text.encode_prompts(PROMPTS))


def test_null_is_the_empty_prompt(text: TextEncoders) -> None:
    assert_same(text.null(), text.encode_prompts([""]))


def test_another_length(text: TextEncoders) -> None:
    shorter = text.with_length(text.length - 20)
    long, short = text.encode_prompts(PROMPTS), shorter.encode_prompts(PROMPTS)
    assert short.text.shape[1] == shorter.length == text.length - 20
    assert sum(shorter.lengths) == sum(text.lengths) - 20
    torch.testing.assert_close(short.text[0, :5], long.text[0, :5])


def test_components_make_the_same_encoders(text: TextEncoders) -> None:
    parts = text.components()
    names = ["", "_2", "_3"][: len(text.encoders)]
    assert sorted(parts) == sorted(f"{p}{n}" for p in ("tokenizer", "text_encoder") for n in names)
    again = text_encoders(
        [parts[f"tokenizer{n}"] for n in names], [parts[f"text_encoder{n}"] for n in names]
    )
    assert_same(again.encode_prompts(PROMPTS), text.encode_prompts(PROMPTS))


def test_clip_is_the_last_hidden_state(hub: Path) -> None:
    text = loaded(hub / "sd15")
    context = text.encode_prompts(PROMPTS)
    clip = CLIPTextModel.from_pretrained(hub / "sd15/text_encoder").eval()
    with torch.no_grad():
        expected = clip(input_ids=text.tokenize(PROMPTS)).last_hidden_state
    assert torch.equal(context.text, expected)
    assert context.mask is None


@torch.no_grad()
def test_t5_reads_its_mask(hub: Path) -> None:
    text = loaded(hub / "pixart")
    context = text.encode_prompts(PROMPTS)
    options = {"padding": "max_length", "max_length": 120, "truncation": True}
    inputs = text.tokenizers[0]([p.lower().strip() for p in PROMPTS], **options)
    ids, mask = torch.tensor(inputs.input_ids), torch.tensor(inputs.attention_mask)
    expected = text.encoders[0](input_ids=ids, attention_mask=mask).last_hidden_state
    assert torch.equal(context.text, expected)
    assert context.mask is not None
    assert torch.equal(context.mask, mask.bool())
    assert [int(n) for n in context.mask.sum(1)] == [8, 120, 1]


@torch.no_grad()
def test_t5_as_pixart_does(hub: Path) -> None:
    text = loaded(hub / "pixart")
    context, null = text.encode_prompts(PROMPTS), text.null()
    pipe = PixArtAlphaPipeline(
        text.tokenizers[0], text.encoders[0], vae=None, transformer=None, scheduler=None
    )
    theirs, mask, negative, negative_mask = pipe.encode_prompt(PROMPTS)
    assert context.mask is not None and null.mask is not None
    torch.testing.assert_close(context.text, theirs)
    torch.testing.assert_close(null.text.expand(3, -1, -1), negative)
    assert torch.equal(context.mask, mask.bool())
    assert torch.equal(null.mask.expand(3, -1), negative_mask.bool())


@pytest.mark.parametrize("with_t5", [True, False])
@torch.no_grad()
def test_three_encoders_as_stable_diffusion_3_does(
    with_t5: bool, hub: Path, tmp_path: Path
) -> None:
    folder = shutil.copytree(hub / "sd3", tmp_path / "sd3")
    if not with_t5:
        shutil.rmtree(folder / "text_encoder_3")
    text = loaded(folder)
    if not with_t5:
        text = text_encoders(text.tokenizers, text.encoders, dim=48)
    transformer = SD3Transformer2DModel(
        sample_size=8, num_layers=1, attention_head_dim=8, num_attention_heads=2,
        joint_attention_dim=48, caption_projection_dim=16, pooled_projection_dim=40,
    )  # fmt: skip
    absent: dict[str, Any] = {"text_encoder_3": None, "tokenizer_3": None}
    pipe = StableDiffusion3Pipeline(
        transformer=transformer, scheduler=None, vae=None, **{**absent, **text.components()}
    )
    prompt, negative, pooled, negative_pooled = pipe.encode_prompt(PROMPTS, None, None)
    for context, theirs, vector in (
        (text.encode_prompts(PROMPTS), prompt, pooled),
        (text.null().expand(3), negative, negative_pooled),
    ):
        assert context.mask is None
        torch.testing.assert_close(context.text, theirs)
        torch.testing.assert_close(context.pooled, vector)
    assert bool(text.encode_prompts(PROMPTS).text[:, 77:].any()) == with_t5


def test_stable_diffusion_3_without_its_t5_is_as_wide(hub: Path) -> None:
    text = loaded(hub / "sd3")
    two = text_encoders(text.tokenizers[:2], text.encoders[:2])
    assert (two.length, two.dim) == (77 + 256, 4096)
    assert two.with_length(90).encode_prompts(["a"]).text.shape == (1, 90, 4096)


def test_wrong_sets(hub: Path) -> None:
    clip, t5, sd3 = (loaded(hub / name) for name in ("sd15", "pixart", "sd3"))
    with pytest.raises(InputError, match=r"known set \(CLIPTextModel; T5.*got CLIPTextModel, T5"):
        text_encoders([], [clip.encoders[0], t5.encoders[0]])
    with pytest.raises(InputError, match="77 tokens or more, got 30"):
        sd3.with_length(30)
    with pytest.raises(InputError, match="width 40 or more, got 39"):
        text_encoders(sd3.tokenizers[:2], sd3.encoders[:2], dim=39)


@pytest.mark.parametrize("config", [{}, {"architectures": ["BertModel"]}])
def test_unknown_architectures(config: dict[str, Any]) -> None:
    with pytest.raises(InputError, match=r"CLIPTextModel, CLIPModel, .*T5EncoderModel"):
        encoder_class(config)


@torch.inference_mode()
def test_clip_l_at_its_full_size(hub: Path) -> None:
    config = CLIPTextConfig(
        vocab_size=49408, hidden_size=768, intermediate_size=3072, num_hidden_layers=12,
        num_attention_heads=12, projection_dim=768,
    )  # fmt: skip
    tokenizers = loaded(hub / "sd15").tokenizers
    text = text_encoders(tokenizers, [CLIPTextModel(config).eval()])
    assert (text.length, text.dim) == (77, 768)
    context = text.encode(torch.randint(0, 49408, (2, 77)))
    assert context.text.shape == (2, 77, 768)
    assert context.text.isfinite().all()
    assert context.text.std() > 0.1


def assert_same(one: Context, other: Context) -> None:
    for name in ("text", "mask", "pooled"):
        a, b = getattr(one, name), getattr(other, name)
        assert (a is None) == (b is None)
        if a is not None:
            assert torch.equal(a, b)
