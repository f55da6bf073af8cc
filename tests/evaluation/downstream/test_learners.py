"""The segmenters: each learns, bears void, and is read back as transformers reads it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from pandiff.evaluation.downstream.examples import Example, FolderExamples
from pandiff.evaluation.downstream.fitting import fit
from pandiff.evaluation.downstream.learners import (
    IGNORED,
    LEARNERS,
    BuiltIn,
    Segformer,
    dense,
    masks,
    semantic,
)
from pandiff.evaluation.downstream.runs import save_model
from pandiff.evaluation.downstream.settings import DEFAULT_RATES, DEFAULT_STEPS, Settings
from pandiff.evaluation.score import MapScores
from pandiff.evaluation.segmenters import OwnSegmenter, TransformerSegmenter, find_segmenter
from pandiff.taxonomy import Category, Taxonomy

Make = Callable[..., Path]
VOID = Example(
    torch.zeros(3, 32, 32, dtype=torch.uint8),
    torch.zeros(32, 32, dtype=torch.int16),
    torch.zeros(0, dtype=torch.int64),
)


def test_the_names_are_those_of_the_settings() -> None:
    assert LEARNERS.keys() == DEFAULT_STEPS.keys() == DEFAULT_RATES.keys()


@pytest.mark.parametrize("name", LEARNERS)
def test_its_loss_reaches_the_weights(name: str, make: Make) -> None:
    examples, learner = FolderExamples(make("a"), 32), LEARNERS[name]
    network = learner.network(examples.taxonomy, 32).train()
    with torch.no_grad():  # blocks that begin as the identity pass no gradient on
        for p in network.parameters():
            p.add_(0.01 * torch.randn_like(p))
    pixels = torch.randn(3, 3, 32, 32)
    loss = learner.loss(network, pixels, [examples[0], VOID, examples[1]])
    assert loss.ndim == 0
    assert loss.isfinite()
    loss.backward()
    reached = [p for p in network.parameters() if p.grad is not None and p.grad.any()]
    assert sum(p.numel() for p in reached) > 0.8 * sum(p.numel() for p in network.parameters())


@pytest.mark.parametrize("name", [n for n in LEARNERS if n != "built-in"])
def test_it_is_read_back(name: str, make: Make, tmp_path: Path) -> None:
    examples, learner = FolderExamples(make("a"), 32), LEARNERS[name]
    network = learner.network(examples.taxonomy, 32).eval()
    folder = save_model(tmp_path, "one", network, learner.processor(32))
    segmenter = TransformerSegmenter(folder, examples.taxonomy)
    assert segmenter.known.tolist() == [False, True, True]
    (panoptic,) = segmenter([examples.image(0)])
    assert panoptic.size == (32, 32)
    image = segmenter._processor(images=[examples.image(0)], return_tensors="pt")["pixel_values"]
    assert torch.allclose(image[0], examples[0].pixels / 127.5 - 1, atol=1e-5)


def test_the_built_in_one_is_read_back(make: Make, tmp_path: Path) -> None:
    examples = FolderExamples(make("a"), 32)
    network = BuiltIn().network(examples.taxonomy, 32).eval()
    folder = save_model(tmp_path, "one", network, None)
    segmenter = find_segmenter(folder, examples.taxonomy)
    assert isinstance(segmenter, OwnSegmenter)
    again = segmenter.network.state_dict()
    assert all(torch.equal(again[k], v) for k, v in network.state_dict().items())


def test_the_built_in_one_learns_things(make: Make, tmp_path: Path) -> None:
    """Two balls of one color are two segments after a short training."""
    examples = FolderExamples(make("a", count=8), 32)
    settings = Settings("built-in", 60, 4, 32)
    folder = save_model(
        tmp_path, "one", fit([examples], examples.taxonomy, settings, 0).network, None
    )
    scores = MapScores(examples.taxonomy)
    found = find_segmenter(folder, examples.taxonomy)([examples.image(k) for k in range(8)])
    for k, panoptic in enumerate(found):
        scores.add(examples.panoptic(k), panoptic)
    assert scores.metrics()["pq"]["things"]["pq"] > 0.5


def test_segformer_learns(make: Make, tmp_path: Path) -> None:
    """Two categories of two colors: after some steps most pixels are right."""
    examples = FolderExamples(make("a", count=8), 32)
    fitted = fit([examples], examples.taxonomy, Settings("segformer", 40, 4, 32), 0)
    folder = save_model(tmp_path, "one", fitted.network, Segformer().processor(32))
    found = TransformerSegmenter(folder, examples.taxonomy)([examples.image(k) for k in range(8)])
    right = [
        (panoptic.category_index == examples.panoptic(k).category_index).mean()
        for k, panoptic in enumerate(found)
    ]
    assert sum(right) / 8 > 0.9


@pytest.mark.parametrize("name", ["mask2former", "maskformer"])
def test_panoptic_losses_fall(name: str, make: Make) -> None:
    examples = FolderExamples(make("a", count=2), 32)
    first, last = (
        fit([examples], examples.taxonomy, Settings(name, steps, 2, 32), 0).loss
        for steps in (2, 30)
    )
    assert last < 0.7 * first


def test_masks_and_labels() -> None:
    segments = torch.tensor([[0, 1], [2, 2]], dtype=torch.int16)
    one = Example(torch.zeros(3, 2, 2), segments, torch.tensor([4, 9]))
    labels = masks([one], torch.device("cpu"))
    assert labels["mask_labels"][0].tolist() == [[[0, 1], [0, 0]], [[0, 0], [1, 1]]]
    assert labels["class_labels"][0].tolist() == [4, 9]
    assert semantic(one).tolist() == [[IGNORED, 4], [9, 9]]


def test_dense_labels() -> None:
    """Things keep their numbers, stuff has none, void has neither."""
    taxonomy = Taxonomy((Category(7, "grass", False), Category(3, "ball", True)))
    segments = torch.tensor([[0, 1], [2, 3]], dtype=torch.int16)
    one = Example(torch.zeros(3, 2, 2), segments, torch.tensor([1, 0, 1]))
    category, instance = dense(one, taxonomy)
    assert category.tolist() == [[0, 2], [1, 2]]
    assert instance.tolist() == [[0, 1], [0, 3]]
