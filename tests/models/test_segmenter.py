"""The segmenter network: shapes, gradients, one packing for training and use."""

from __future__ import annotations

import pytest
import torch

from pandiff.data.scenes import TAXONOMY
from pandiff.models.segmenter import PATCH, PanopticSegmenter, at_phase, unpack


@pytest.fixture
def network() -> PanopticSegmenter:
    torch.manual_seed(0)
    return PanopticSegmenter(taxonomy=TAXONOMY.to_coco(), widths=(8, 16, 24))


def test_shapes(network: PanopticSegmenter) -> None:
    assert network.side_multiple == 8
    logits, offsets = unpack(network(torch.zeros(2, 3, 16, 24)))
    assert logits.shape == (2, TAXONOMY.num_classes, 16, 24)
    assert offsets.shape == (2, 2, 16, 24)


def test_the_default_is_small() -> None:
    network = PanopticSegmenter(taxonomy=TAXONOMY.to_coco())
    assert sum(p.numel() for p in network.parameters()) < 1.5e6


def test_each_sample_has_its_phase() -> None:
    output = torch.randn(PATCH**2, 5 * PATCH**2, 3, 4)
    whole = torch.cat(unpack(output), dim=1)
    part = at_phase(output, torch.arange(PATCH**2))
    for k in range(PATCH**2):
        row, column = divmod(k, PATCH)
        assert torch.equal(whole[k, :, row::PATCH, column::PATCH], part[k])


def test_every_parameter_has_a_gradient(network: PanopticSegmenter) -> None:
    torch.manual_seed(1)
    with torch.no_grad():
        for p in network.parameters():
            p.add_(0.05 * torch.randn_like(p))
    network(torch.randn(2, 3, 16, 16)).square().sum().backward()
    dead = [n for n, p in network.named_parameters() if p.grad is None or not p.grad.any()]
    assert dead == []
