"""Feature networks and CLIP score: what they take and give, and words where one is missing."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor, nn
from transformers import (
    BitImageProcessorPil,
    CLIPImageProcessorPil,
    Dinov2Config,
    Dinov2Model,
)

from pandiff.data.scenes import TAXONOMY, make_scene
from pandiff.errors import InputError
from pandiff.evaluation.clip_score import ClipScore
from pandiff.evaluation.distances import frechet_distance
from pandiff.evaluation.features import InceptionFeatures, SegmenterFeatures, TransformerFeatures
from pandiff.models.segmenter import PanopticSegmenter
from pandiff.models.small import small_clip, train_tokenizer

IMAGES = [Image.fromarray(make_scene(1, k, 64).image) for k in range(5)]
PROMPTS = [make_scene(1, k, 64).captions[0].text for k in range(5)]


class Detector(nn.Module):
    """As the standard detector is called; its features are mean colors."""

    def forward(self, images: Tensor, return_features: bool = False) -> Tensor:
        assert images.dtype == torch.uint8 and return_features
        return images.float().mean(dim=(2, 3))


class Other(nn.Module):
    def forward(self, images: Tensor) -> Tensor:
        return images.float()


def scripted(network: nn.Module, path: Path) -> Path:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        torch.jit.script(network).save(str(path))
    return path


def test_the_standard_detector(tmp_path: Path) -> None:
    features = InceptionFeatures(scripted(Detector(), tmp_path / "inception.pt"))
    expected = [np.asarray(image).mean(axis=(0, 1)) for image in IMAGES]
    assert np.allclose(features(IMAGES), expected, atol=1e-3)
    assert features.name == "inception" and features(IMAGES).dtype == np.float32


def test_a_detector_that_is_absent(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"standard Inception detector.*no file .*--features"):
        InceptionFeatures(tmp_path / "inception-2015-12-05.pt")


def test_a_detector_that_is_another(tmp_path: Path) -> None:
    (tmp_path / "weights.pt").write_bytes(b"no archive")
    with pytest.raises(InputError, match="expected a TorchScript module that takes uint8"):
        InceptionFeatures(tmp_path / "weights.pt")
    with pytest.raises(InputError, match="expected a TorchScript module that takes uint8"):
        InceptionFeatures(scripted(Other(), tmp_path / "other.pt"))(IMAGES)


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("clip") / "tiny.clip"
    torch.manual_seed(0)
    tokenizer = train_tokenizer(PROMPTS, 80, 12)
    ends = tokenizer.bos_token_id, tokenizer.eos_token_id
    small_clip(len(tokenizer), *ends, image_size=32, length=12, width=32, layers=1).save_pretrained(
        path
    )
    tokenizer.save_pretrained(path)
    side = {"height": 32, "width": 32}
    CLIPImageProcessorPil(size={"shortest_edge": 32}, crop_size=side).save_pretrained(path)
    return path


@pytest.fixture(scope="module")
def dino(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("dino")
    config = Dinov2Config(hidden_size=24, num_hidden_layers=1, num_attention_heads=2, image_size=28)
    Dinov2Model(config).save_pretrained(path)
    side = {"height": 28, "width": 28}
    BitImageProcessorPil(size={"shortest_edge": 28}, crop_size=side).save_pretrained(path)
    return path


@pytest.mark.parametrize(("kind", "width"), [("clip", 32), ("dino", 24)])
def test_models_of_the_hub(kind: str, width: int, request: pytest.FixtureRequest) -> None:
    features = TransformerFeatures(request.getfixturevalue(kind))
    found = features(IMAGES)
    assert found.shape == (5, width) and found.dtype == np.float32
    alone = np.concatenate([features([image]) for image in IMAGES])
    assert np.allclose(alone, found, atol=1e-4)
    assert frechet_distance(found, found) == pytest.approx(0, abs=1e-4)
    assert "." not in features.name


def test_features_of_the_segmenter() -> None:
    network = PanopticSegmenter(taxonomy=TAXONOMY.to_coco(), widths=(8, 12)).eval()
    features = SegmenterFeatures(network)
    assert features(IMAGES).shape == (5, 24)
    assert not network.encoder[-1]._forward_hooks


def test_clip_score_in_closed_form(clip: Path) -> None:
    score = ClipScore(clip)
    found = score(IMAGES, PROMPTS)
    assert found.shape == (5,) and (found >= 0).all() and (found <= 100).all()
    network, tokenizer = score._network, score._tokenizer
    pixels = score._processor(images=IMAGES[2], return_tensors="pt")["pixel_values"]
    with torch.inference_mode():
        out = network(pixel_values=pixels, **tokenizer(PROMPTS[2], return_tensors="pt"))
    cosine = float((out.image_embeds * out.text_embeds).sum())
    assert found[2] == pytest.approx(100 * max(cosine, 0), abs=1e-2)


def test_long_prompts_are_cut_as_the_model_reads_them(clip: Path) -> None:
    score = ClipScore(clip)
    assert np.isfinite(score(IMAGES[:1], ["word " * 100])).all()


def test_no_text_tower(dino: Path, clip: Path) -> None:
    with pytest.raises(InputError, match="expected a CLIP"):
        ClipScore(dino)


def test_models_that_are_none(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="expected a model of image features at"):
        TransformerFeatures(tmp_path)
