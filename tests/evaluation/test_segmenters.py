"""Segmenters of others: tiny random ones of each kind, and what is made of known outputs."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from PIL import Image
from transformers import (
    CLIPTokenizer,
    EomtConfig,
    EomtForUniversalSegmentation,
    EomtImageProcessorPil,
    Mask2FormerConfig,
    Mask2FormerForUniversalSegmentation,
    Mask2FormerImageProcessorPil,
    MaskFormerConfig,
    MaskFormerForInstanceSegmentation,
    MaskFormerImageProcessorPil,
    OneFormerConfig,
    OneFormerForUniversalSegmentation,
    OneFormerImageProcessorPil,
    OneFormerProcessor,
    SegformerConfig,
    SegformerForSemanticSegmentation,
    SegformerImageProcessorPil,
    SwinConfig,
)

from pandiff.data.scenes import TAXONOMY, make_scene
from pandiff.errors import InputError
from pandiff.evaluation.segmenters import (
    OwnSegmenter,
    Segmenter,
    TransformerSegmenter,
    find_segmenter,
)
from pandiff.models.segmenter import PanopticSegmenter
from pandiff.taxonomy import Category, Taxonomy

LABELS = {0: "sky-other-merged", 1: "automobile, car", 2: "grass", 3: "piano", 4: "dog"}
NAMES = {"id2label": LABELS, "label2id": {v: k for k, v in LABELS.items()}}
IMAGES = [Image.fromarray(make_scene(1, k, 64).image) for k in range(2)]
SWIN = {"image_size": 64, "embed_dim": 8, "depths": [1, 1, 1, 1], "num_heads": [1, 1, 1, 1],
        "window_size": 2, "out_features": ["stage1", "stage2", "stage3", "stage4"]}  # fmt: skip
SMALL = {"feature_size": 32, "mask_feature_size": 32, "hidden_dim": 32, "num_queries": 6}
SIZE = {"height": 64, "width": 64}


def segformer(path: Path) -> None:
    config = SegformerConfig(hidden_sizes=[8] * 4, depths=[1] * 4, num_attention_heads=[1] * 4,
                             decoder_hidden_size=8, **NAMES)  # fmt: skip
    SegformerForSemanticSegmentation(config).save_pretrained(path)
    SegformerImageProcessorPil(size=SIZE).save_pretrained(path)


def mask2former(path: Path) -> None:
    config = Mask2FormerConfig(backbone_config=SwinConfig(**SWIN), encoder_layers=1,
                               decoder_layers=2, encoder_feedforward_dim=16, dim_feedforward=16,
                               num_attention_heads=2, **SMALL, **NAMES)  # fmt: skip
    Mask2FormerForUniversalSegmentation(config).save_pretrained(path)
    Mask2FormerImageProcessorPil(size=SIZE, size_divisor=32).save_pretrained(path)


def maskformer(path: Path) -> None:
    from transformers import DetrConfig

    decoder = DetrConfig(d_model=32, decoder_layers=1, decoder_ffn_dim=16, num_queries=6,
                         decoder_attention_heads=2, encoder_attention_heads=2)  # fmt: skip
    config = MaskFormerConfig(fpn_feature_size=32, mask_feature_size=32, decoder_config=decoder,
                              backbone_config=SwinConfig(**SWIN), **NAMES)  # fmt: skip
    MaskFormerForInstanceSegmentation(config).save_pretrained(path)
    MaskFormerImageProcessorPil(size=SIZE, size_divisor=32).save_pretrained(path)


def eomt(path: Path) -> None:
    config = EomtConfig(hidden_size=16, num_hidden_layers=2, num_attention_heads=2, num_queries=6,
                        image_size=64, patch_size=16, num_blocks=1, **NAMES)  # fmt: skip
    EomtForUniversalSegmentation(config).save_pretrained(path)
    EomtImageProcessorPil(size={"shortest_edge": 64, "longest_edge": 64}).save_pretrained(path)


def oneformer(path: Path) -> None:
    config = OneFormerConfig(
        backbone_config=SwinConfig(**SWIN), num_queries=6, hidden_dim=32, mask_dim=32, conv_dim=32,
        encoder_layers=1, decoder_layers=2, encoder_feedforward_dim=16, dim_feedforward=16,
        num_attention_heads=2, text_encoder_width=32, text_encoder_num_layers=1,
        text_encoder_vocab_size=60, text_encoder_n_ctx=2, **NAMES,
    )  # fmt: skip
    OneFormerForUniversalSegmentation(config).save_pretrained(path)
    ends, letters = ["<|startoftext|>", "<|endoftext|>"], "abcdefghijklmnopqrstuvwxyz"
    words = [*letters, *(f"{c}</w>" for c in letters), *ends]
    infos = {str(k): {"name": name, "isthing": k in (1, 4)} for k, name in LABELS.items()}
    (path / "classes.json").write_text(json.dumps(infos))
    images = OneFormerImageProcessorPil(size=SIZE, repo_path=str(path), num_text=4, num_labels=5,
                                        class_info_file="classes.json")  # fmt: skip
    tokenizer = CLIPTokenizer(vocab={w: k for k, w in enumerate(words)}, merges=[])
    OneFormerProcessor(image_processor=images, tokenizer=tokenizer).save_pretrained(path)


@pytest.mark.parametrize("make", [segformer, mask2former, maskformer, eomt, oneformer])
def test_every_kind_gives_maps(make, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    torch.manual_seed(0)
    make(tmp_path)
    found: Segmenter = find_segmenter(tmp_path, TAXONOMY)
    assert isinstance(found, TransformerSegmenter)
    names = {c.name for c, known in zip(TAXONOMY.categories, found.known[1:], strict=True) if known}
    assert names == {"sky", "car", "grass", "dog"} and not found.known[0]
    maps = found([IMAGES[0], IMAGES[1].convert("L")])
    assert [m.size for m in maps] == [(64, 64)] * 2
    assert {s.category_id for m in maps for s in m.segments} <= {1, 2, 11, 14}


@pytest.fixture(scope="module")
def semantic(tmp_path_factory: pytest.TempPathFactory) -> TransformerSegmenter:
    path = tmp_path_factory.mktemp("segformer")
    segformer(path)
    return TransformerSegmenter(path, TAXONOMY)


def test_ids_of_theirs_become_ours(semantic: TransformerSegmenter) -> None:
    ids = np.full((6, 6), -1)
    ids[0], ids[1], ids[2], ids[3], ids[4] = 1, 2, 3, 4, 5
    infos = [{"id": k, "label_id": label, "score": 0.5} for k, label in
             ((1, 0), (2, 0), (3, 1), (4, 1), (5, 3))]  # fmt: skip
    found = semantic._map(ids, infos)
    assert sorted((s.category_id, s.area) for s in found.segments) == [(1, 12), (11, 6), (11, 6)]
    assert (found.ids[4:] == 0).all()
    assert {s.score for s in found.segments} == {0.5}


def test_nothing_found(semantic: TransformerSegmenter) -> None:
    assert not semantic._map(np.full((4, 4), -1), []).segments


def test_things_that_touch_are_one(semantic: TransformerSegmenter) -> None:
    labels = torch.tensor([[0, 0, 0, 0], [1, 1, 3, 1], [2, 2, 2, 2]])
    semantic._processor = SimpleNamespace(
        post_process_semantic_segmentation=lambda outputs, target_sizes: [labels]
    )
    (found,) = semantic._read_semantic(None, [(3, 4)])
    assert sorted(s.category_id for s in found.segments) == [1, 2, 11, 11]
    assert found.ids[1, 2] == 0


def test_the_built_in_segmenter_by_name() -> None:
    found = find_segmenter("scenes-segmenter", TAXONOMY)
    assert isinstance(found, OwnSegmenter) and found.known.sum() == 20
    assert found(IMAGES)[0].size == (64, 64)


def test_it_knows_its_own_categories_only() -> None:
    network = PanopticSegmenter(taxonomy=TAXONOMY.to_coco(), widths=(8, 8))
    others = Taxonomy((Category(1, "moon", False),))
    with pytest.raises(InputError, match="expected a segmenter for moon"):
        OwnSegmenter(network, "mine", others)


def test_none_of_this_name(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="expected a panoptic or semantic segmenter at"):
        find_segmenter(tmp_path, TAXONOMY)
