"""Small segmenters, built from a configuration: nothing is fetched.

Those of transformers are used as their authors do: their loss, their post-processing, at about two
million parameters. The built-in one is this library's own and no standard.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Protocol

import torch
from torch import Tensor, nn
from transformers import (
    DetrConfig,
    Mask2FormerConfig,
    Mask2FormerForUniversalSegmentation,
    Mask2FormerImageProcessorPil,
    MaskFormerConfig,
    MaskFormerForInstanceSegmentation,
    MaskFormerImageProcessorPil,
    SegformerConfig,
    SegformerForSemanticSegmentation,
    SegformerImageProcessorPil,
    SwinConfig,
)

from pandiff.codec.labels import MAX_LABEL
from pandiff.codec.offsets import Offsets
from pandiff.evaluation.downstream.examples import Example
from pandiff.models.segmenter import PATCH, PanopticSegmenter
from pandiff.taxonomy import VOID, Taxonomy
from pandiff.training.config import Optim
from pandiff.training.segmenter_task import losses_at

WIDTH, QUERIES = 64, 40
"""Channels of the decoders, and segments that one image may have."""
STAGES = ("stage1", "stage2", "stage3", "stage4")
IGNORED = 255
"""Label of void in a semantic map, as SegFormer has it."""
CODING = Offsets(MAX_LABEL)
"""How the built-in segmenter writes instances."""
THING_WEIGHT = 4.0
"""Of a thing's pixels in the built-in segmenter's cross-entropy, against 1 of stuff's."""
STANDARD = Optim(weight_decay=0.05, betas=(0.9, 0.999))


class Learner(Protocol):
    """One kind of segmenter.

    Attributes:
        semantic: whether it finds categories alone, without instances.
        optim: decays and the largest norm of the gradient; the rate is a setting.
    """

    semantic: bool
    optim: Optim

    def network(self, taxonomy: Taxonomy, size: int) -> nn.Module:
        """A new network with weights from torch's global generator."""

    def processor(self, size: int) -> Any:
        """What prepares images for it, and reads its outputs; None for nothing."""

    def loss(self, network: nn.Module, pixels: Tensor, examples: Sequence[Example]) -> Tensor:
        """Its own loss of a batch; pixels (B, 3, S, S) in [-1, 1]."""


class Mask2Former:
    """Masked-attention mask transformer (Cheng et al. 2022, arXiv 2112.01527) on a small Swin."""

    semantic, optim = False, replace(STANDARD, clip=5.0)

    def network(self, taxonomy: Taxonomy, size: int) -> nn.Module:
        config = Mask2FormerConfig(
            backbone_config=swin(size),
            feature_size=WIDTH,
            mask_feature_size=WIDTH,
            hidden_dim=WIDTH,
            encoder_layers=1,
            encoder_feedforward_dim=2 * WIDTH,
            decoder_layers=4,
            dim_feedforward=2 * WIDTH,
            num_attention_heads=4,
            num_queries=QUERIES,
            train_num_points=512,
            **names(taxonomy),
        )
        return Mask2FormerForUniversalSegmentation(config)

    def processor(self, size: int) -> Any:
        return Mask2FormerImageProcessorPil(**preparation(size))

    def loss(self, network: nn.Module, pixels: Tensor, examples: Sequence[Example]) -> Tensor:
        return network(pixel_values=pixels, **masks(examples, pixels.device)).loss.sum()


class MaskFormer:
    """Per-pixel classification is not all you need (Cheng et al. 2021, arXiv 2107.06278)."""

    semantic, optim = False, STANDARD

    def network(self, taxonomy: Taxonomy, size: int) -> nn.Module:
        decoder = DetrConfig(
            d_model=WIDTH,
            decoder_layers=3,
            decoder_ffn_dim=2 * WIDTH,
            num_queries=QUERIES,
            decoder_attention_heads=4,
            encoder_attention_heads=4,
        )
        config = MaskFormerConfig(
            backbone_config=swin(size),
            decoder_config=decoder,
            fpn_feature_size=WIDTH,
            mask_feature_size=WIDTH,
            use_auxiliary_loss=True,
            output_hidden_states=True,  # of which the auxiliary loss is made
            **names(taxonomy),
        )
        return MaskFormerForInstanceSegmentation(config)

    def processor(self, size: int) -> Any:
        return MaskFormerImageProcessorPil(**preparation(size))

    def loss(self, network: nn.Module, pixels: Tensor, examples: Sequence[Example]) -> Tensor:
        return network(pixel_values=pixels, **masks(examples, pixels.device)).loss.sum()


class Segformer:
    """SegFormer (Xie et al. 2021, arXiv 2105.15203): categories alone, so that it has mIoU only."""

    semantic, optim = True, STANDARD

    def network(self, taxonomy: Taxonomy, size: int) -> nn.Module:
        config = SegformerConfig(
            hidden_sizes=[32, 64, 128, 192],
            depths=[2, 2, 2, 2],
            num_attention_heads=[1, 2, 4, 6],
            decoder_hidden_size=128,
            semantic_loss_ignore_index=IGNORED,
            **names(taxonomy),
        )
        return SegformerForSemanticSegmentation(config)

    def processor(self, size: int) -> Any:
        return SegformerImageProcessorPil(**preparation(size))

    def loss(self, network: nn.Module, pixels: Tensor, examples: Sequence[Example]) -> Tensor:
        labels = torch.stack([semantic(one) for one in examples]).to(pixels.device)
        return network(pixel_values=pixels, labels=labels).loss


class BuiltIn:
    """`PanopticSegmenter`: ours, no standard. Pixels of things weigh more: few steps must do."""

    semantic, optim = False, Optim(weight_decay=0.02, betas=(0.9, 0.99))

    def network(self, taxonomy: Taxonomy, size: int) -> nn.Module:
        network: nn.Module = PanopticSegmenter(taxonomy=taxonomy.to_coco())
        return network.to(memory_format=torch.channels_last)

    def processor(self, size: int) -> None:
        """Nothing: it reads pixels as they are."""

    def loss(self, network: nn.Module, pixels: Tensor, examples: Sequence[Example]) -> Tensor:
        assert isinstance(network, PanopticSegmenter)
        pairs = [dense(one, network.taxonomy) for one in examples]
        category, instance = (torch.stack(t).to(pixels.device) for t in zip(*pairs, strict=True))
        phase = torch.randint(PATCH**2, (len(pixels),)).to(pixels.device)
        isthing = torch.from_numpy(network.taxonomy.isthing).to(pixels.device)
        weight = 1 + (THING_WEIGHT - 1) * isthing
        return losses_at(network, pixels, category, instance, phase, CODING, weight)["loss"]


LEARNERS: dict[str, Learner] = {
    "mask2former": Mask2Former(),
    "maskformer": MaskFormer(),
    "segformer": Segformer(),
    "built-in": BuiltIn(),
}
"""The segmenters by name; the names are those of `settings.DEFAULT_STEPS`."""


def swin(size: int) -> SwinConfig:
    """A small Swin (Liu et al. 2021, arXiv 2103.14030) with four scales."""
    return SwinConfig(
        image_size=size,
        patch_size=4,
        embed_dim=32,
        depths=[1, 1, 2, 1],
        num_heads=[2, 4, 4, 8],
        window_size=4,
        drop_path_rate=0.0,
        out_features=list(STAGES),
    )


def names(taxonomy: Taxonomy) -> dict[str, Any]:
    """Labels 0, 1, ... and the names of the categories."""
    labels = {k: c.name for k, c in enumerate(taxonomy.categories)}
    return {"id2label": labels, "label2id": {name: k for k, name in labels.items()}}


def preparation(size: int) -> dict[str, Any]:
    """Images to [-1, 1] at the size of the training."""
    return {
        "size": {"height": size, "width": size},
        "image_mean": [0.5] * 3,
        "image_std": [0.5] * 3,
    }


def masks(examples: Sequence[Example], device: torch.device) -> dict[str, list[Tensor]]:
    """A mask (n, S, S) and a class (n,) for each segment of each example."""
    numbers = [torch.arange(1, len(e.classes) + 1)[:, None, None] for e in examples]
    pairs = zip(examples, numbers, strict=True)
    return {
        "mask_labels": [(e.segments == k).float().to(device) for e, k in pairs],
        "class_labels": [e.classes.to(device) for e in examples],
    }


def semantic(example: Example) -> Tensor:
    """(S, S) int64: the class of each pixel, IGNORED where it is void."""
    table = torch.cat([torch.tensor([IGNORED]), example.classes])
    return table[example.segments.long()]


def dense(example: Example, taxonomy: Taxonomy) -> tuple[Tensor, Tensor]:
    """(S, S) int64 each: the category's index, VOID where none is; the thing's number, or 0."""
    category = torch.cat([torch.tensor([VOID]), example.classes + 1])
    numbers = torch.arange(len(category)).clamp(max=MAX_LABEL)
    numbers[~torch.from_numpy(taxonomy.isthing)[category]] = 0
    where = example.segments.long()
    return category[where], numbers[where]
