"""Encoders from folders and from the hub, alone, and in a whole pipeline."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import torch
from diffusers import AutoencoderKL, DPMSolverMultistepScheduler
from huggingface_hub import constants
from safetensors.torch import load_file, save_file
from transformers import (
    CLIPTextConfig,
    CLIPTextModel,
    CLIPTokenizer,
    Swinv2Config,
    Swinv2ForImageClassification,
)
from transformers.utils import is_sentencepiece_available

from pandiff.codec import PanopticCodec
from pandiff.errors import InputError
from pandiff.models.encoders import (
    decode_latents,
    encode_pixels,
    latent_factor,
    latent_statistics,
    posterior,
)
from pandiff.models.image_prompt import encode_image_prompts
from pandiff.models.unified import UnifiedPDM
from pandiff.pipeline import Encoders, PanopticDiffusionPipeline, load_encoders
from pandiff.taxonomy import Category, Taxonomy

TAXONOMY = Taxonomy((Category(1, "ground", False), Category(7, "box", True)))
CLIP, PROJECTED, T5 = "CLIPTextModel", "CLIPTextModelWithProjection", "T5EncoderModel"
KINDS = {"sd15": [CLIP], "pixart": [T5], "sd3": [PROJECTED, PROJECTED, T5]}


@pytest.mark.parametrize("name", KINDS)
def test_folders(name: str, hub: Path) -> None:
    e = load_encoders(str(hub / name))
    assert [type(t).__name__ for t in e.text.encoders] == KINDS[name]
    assert e.image_encoder is None
    assert e.text_encoder is e.text.encoders[0]
    assert e.tokenizer is e.text.tokenizers[0]
    for network in (e.vae, *e.text.encoders):
        assert not network.training
        assert {p.dtype for p in network.parameters()} == {torch.float32}
        assert not any(p.requires_grad for p in network.parameters())


def test_the_hubs_weights_are_read(hub: Path) -> None:
    e = load_encoders(str(hub / "sd15"))
    stored = load_file(hub / "sd15/text_encoder/model.safetensors")
    read = e.text_encoder.state_dict()
    assert len(read) == len(stored) - 1  # the hub stores position_ids, too
    for name, tensor in read.items():
        assert torch.equal(tensor, stored[f"text_model.{name}"])


def test_latents_are_whitened_as_the_vae_says(hub: Path) -> None:
    sd15, sd3 = (load_encoders(str(hub / name)).vae for name in ("sd15", "sd3"))
    assert [float(s) for s in latent_statistics(sd15)[1].flatten()[:1]] == pytest.approx(
        [1 / 0.18215]
    )
    pixels = torch.rand(1, 3, 16, 16) * 2 - 1
    with torch.no_grad():
        raw = posterior(sd3, pixels).mode()
        torch.testing.assert_close(encode_pixels(sd3, pixels), (raw - 0.06) * 1.5)


def test_slow_tokenizers_are_read(hub: Path) -> None:
    tokenizer = load_encoders(str(hub / "sd15")).tokenizer
    assert isinstance(tokenizer, CLIPTokenizer)
    words = tokenizer.convert_ids_to_tokens(tokenizer("Red  dog!").input_ids)
    assert words == ["<|startoftext|>", "red</w>", "d", "o", "g</w>", "!</w>", "<|endoftext|>"]


def test_a_sentencepiece_file_alone(hub: Path, tmp_path: Path) -> None:
    """As PixArt has it; transformers would look for another package."""
    if is_sentencepiece_available():
        pytest.skip("only where sentencepiece is not installed")
    shutil.copytree(hub / "pixart", tmp_path, dirs_exist_ok=True)
    (tmp_path / "tokenizer/tokenizer.json").rename(tmp_path / "tokenizer/spiece.model")
    with pytest.raises(InputError, match=r"sentencepiece, for .*pip install sentencepiece"):
        load_encoders(str(tmp_path))


def test_each_from_elsewhere(hub: Path, tmp_path: Path) -> None:
    """Parts of other folders, and models that are alone in theirs."""
    alone = tmp_path / "alone"
    shutil.copytree(hub / "pixart/text_encoder", alone / "t5")
    shutil.copytree(hub / "pixart/tokenizer", alone / "t5", dirs_exist_ok=True)
    swin = str(hub / "swin")
    e = load_encoders(
        str(hub / "sd15"), vae=str(hub / "sd3"), text=str(hub / "pixart"), image_encoder=swin
    )
    f = load_encoders(str(hub / "sd15"), vae=str(hub / "sd3/vae"), text=str(alone / "t5"))
    for each in (e, f):
        assert each.vae.config.latent_channels == 16
        assert [type(t).__name__ for t in each.text.encoders] == [T5]
    prompts = ["a red box"]
    assert torch.equal(e.text.encode_prompts(prompts).text, f.text.encode_prompts(prompts).text)
    assert e.image_encoder is not None
    stored = load_file(hub / "swin/model.safetensors")
    for name, tensor in e.image_encoder.state_dict().items():
        assert torch.equal(tensor, stored[f"swinv2.{name}"])


def test_hub_ids(hub: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same by name, from what was downloaded before."""
    commit = "0123456789" * 4
    for name in (*KINDS, "swin"):
        repo = tmp_path / f"models--org--{name}"
        shutil.copytree(hub / name, repo / f"snapshots/{commit}")
        (repo / "refs").mkdir()
        (repo / "refs/main").write_text(commit)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    for name in KINDS:
        named = load_encoders(f"org/{name}", image_encoder="org/swin")
        folder = load_encoders(str(hub / name))
        assert named.image_encoder is not None
        assert load_encoders(f"org/{name}").image_encoder is None
        assert torch.equal(named.text.null().text, folder.text.null().text)
        for key, tensor in folder.vae.state_dict().items():
            assert torch.equal(named.vae.state_dict()[key], tensor)
    with pytest.raises(InputError, match="at 'org/none', got"):
        load_encoders("org/none")


@pytest.mark.parametrize(
    ("part", "change", "message"),
    [
        ("text_encoder", "weight", "a CLIPTextModel in .*text_encoder, got no embeddings"),
        ("text_encoder", "pickle", "a text encoder at .*safetensors"),
        ("text_encoder", "class", "a text encoder of CLIPTextModel, .*got BertModel"),
        ("text_encoder_3", "alone", "a tokenizer at .*tokenizer_3', got none of tokenizer.json"),
        ("vae", "gone", "vae, text_encoder and tokenizer at"),
        ("text_encoder", "gone", "text_encoder in .*, got none"),
        ("tokenizer", "gone", "a tokenizer at .*tokenizer'"),
        ("image_encoder", "class", "a Swin-V2 at .*, got bert"),
    ],
)
def test_what_is_not_whole(part: str, change: str, message: str, hub: Path, tmp_path: Path) -> None:
    path = tmp_path / "model"
    shutil.copytree(hub / "sd15", path)
    shutil.copytree(hub / "swin", path / "image_encoder")
    weights = path / part / "model.safetensors"
    if change == "alone":
        shutil.copytree(hub / "sd3/text_encoder_3", path / part)
    elif change == "gone":
        shutil.rmtree(path / part)
    elif change == "weight":
        tensors = load_file(weights)
        del tensors["text_model.embeddings.token_embedding.weight"]
        save_file(tensors, weights, metadata={"format": "pt"})
    elif change == "pickle":
        torch.save(load_file(weights), path / part / "pytorch_model.bin")
        weights.unlink()
    else:
        config = json.loads((path / part / "config.json").read_text())
        other = {"architectures": ["BertModel"], "model_type": "bert"}
        (path / part / "config.json").write_text(json.dumps({**config, **other}))
    with pytest.raises(InputError, match=message):
        load_encoders(str(path))


@pytest.mark.parametrize("name", KINDS)
def test_a_pipeline_keeps_its_text_encoders(name: str, hub: Path, tmp_path: Path) -> None:
    pipe = pipeline(load_encoders(str(hub / name)))
    pipe.save_pretrained(tmp_path)
    index = json.loads((tmp_path / "model_index.json").read_text())
    again = PanopticDiffusionPipeline.from_pretrained(tmp_path)
    for suffix, kind in zip(("", "_2", "_3"), [*KINDS[name], None, None], strict=False):
        assert index[f"text_encoder{suffix}"][1] == kind
        assert (tmp_path / f"text_encoder{suffix}").is_dir() == (kind is not None)
        assert (getattr(again, f"tokenizer{suffix}") is None) == (kind is None)
    outs = [p("a red box", num_inference_steps=2, generator=seeded()) for p in (pipe, again)]
    assert outs[0].images[0].size == (16, 16)
    assert outs[0].images[0].tobytes() == outs[1].images[0].tobytes()
    other = pipe("two dogs", num_inference_steps=2, generator=seeded())
    assert other.images[0].tobytes() != outs[0].images[0].tobytes()
    text = load_encoders(str(tmp_path)).text
    assert torch.equal(text.null().text, pipe.text.null().text)


@pytest.mark.parametrize("part", ["vae", "text_encoder", "transformer"])
def test_a_pipeline_reads_no_pickle(part: str, tiny_model: Path, tmp_path: Path) -> None:
    shutil.copytree(tiny_model, tmp_path, dirs_exist_ok=True)
    (weights,) = (tmp_path / part).glob("*.safetensors")
    name = "pytorch_model.bin" if part == "text_encoder" else "diffusion_pytorch_model.bin"
    torch.save(load_file(weights), tmp_path / part / name)
    weights.unlink()
    with pytest.raises(InputError, match="a whole pipeline at"):
        PanopticDiffusionPipeline.from_pretrained(tmp_path)


def test_a_pipeline_without_the_large_t5(hub: Path, tmp_path: Path) -> None:
    """Its network knows how wide and long the context is."""
    pipe = pipeline(load_encoders(str(hub / "sd3")))
    pipe.register_modules(text_encoder_3=None, tokenizer_3=None)
    pipe.save_pretrained(tmp_path)
    again = PanopticDiffusionPipeline.from_pretrained(tmp_path)
    context = again.text.null()
    assert context.text.shape == (1, 77 + 256, 48)
    assert not context.text[:, 77:].any()
    assert again("a", num_inference_steps=1).images[0].size == (16, 16)


@pytest.mark.slow
@torch.inference_mode()
def test_the_vae_of_stable_diffusion_at_its_full_size() -> None:
    """84 M parameters; one image of 256 px there and back."""
    vae = AutoencoderKL(
        block_out_channels=(128, 256, 512, 512),
        down_block_types=("DownEncoderBlock2D",) * 4,
        up_block_types=("UpDecoderBlock2D",) * 4,
        layers_per_block=2,
        sample_size=512,
    ).eval()
    assert 83e6 < sum(p.numel() for p in vae.parameters()) < 84e6
    assert latent_factor(vae) == 8
    pixels = torch.rand(1, 3, 256, 256) * 2 - 1
    latents = encode_pixels(vae, pixels)
    assert latents.shape == (1, 4, 32, 32)
    back = decode_latents(vae, latents)
    assert back.shape == pixels.shape
    assert latents.isfinite().all() and back.isfinite().all()


@pytest.mark.slow
def test_full_size_encoders_in_the_hubs_format(hub: Path, tmp_path: Path) -> None:
    """CLIP-L and Swin-V2-T: written, read back by `load_encoders`, used."""
    config = CLIPTextConfig(
        vocab_size=49408, hidden_size=768, intermediate_size=3072, num_hidden_layers=12,
        num_attention_heads=12, projection_dim=768,
    )  # fmt: skip
    CLIPTextModel(config).save_pretrained(tmp_path / "text_encoder")
    shutil.copytree(hub / "sd15/tokenizer", tmp_path / "tokenizer")
    shutil.copytree(hub / "sd15/vae", tmp_path / "vae")
    swin = Swinv2Config(
        image_size=256, patch_size=4, embed_dim=96, depths=[2, 2, 6, 2], num_heads=[3, 6, 12, 24],
        window_size=8,
    )  # fmt: skip
    Swinv2ForImageClassification(swin).save_pretrained(tmp_path / "image_encoder")
    e = load_encoders(str(tmp_path))
    context = e.text.encode_prompts(["a red box", ""])
    assert context.text.shape == (2, 77, 768)
    assert context.text.isfinite().all()
    assert e.image_encoder is not None
    tokens = encode_image_prompts(e.image_encoder, torch.rand(2, 3, 256, 256) * 2 - 1, 4)
    assert tokens.shape == (2, 4, 768)
    assert tokens.isfinite().all()


def pipeline(e: Encoders) -> PanopticDiffusionPipeline:
    """A tiny network with these encoders, for 16 px."""
    torch.manual_seed(0)
    codec = PanopticCodec(TAXONOMY)
    network = UnifiedPDM(
        sample_size=16 // latent_factor(e.vae),
        image_channels=e.vae.config.latent_channels,
        map_channels=codec.channels,
        ratio=2,
        width=32,
        depth=1,
        heads=2,
        context_dim=e.text.dim,
        context_length=e.text.length,
    )
    for weight in (network.image_unembed.weight, network.context_embed.weight):
        torch.nn.init.normal_(weight, std=0.5)
    pipe = PanopticDiffusionPipeline(
        vae=e.vae,
        **e.text.components(),
        transformer=network,
        scheduler=DPMSolverMultistepScheduler(),
        codec=codec.to_config(),
    )
    pipe.set_progress_bar_config(disable=True)
    return pipe


def seeded() -> torch.Generator:
    return torch.Generator().manual_seed(0)
