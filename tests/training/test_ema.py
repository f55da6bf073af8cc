"""The average: it follows the weights, copies buffers and shares what is frozen."""

from __future__ import annotations

import torch
from torch import nn

from pandiff.training.ema import Ema


def network() -> nn.Sequential:
    torch.manual_seed(0)
    frozen = nn.Linear(2, 3).requires_grad_(False)
    return nn.Sequential(frozen, nn.BatchNorm1d(3), nn.Linear(3, 2))


def test_the_average_goes_a_share_of_the_way() -> None:
    trained = network()
    ema = Ema(trained)
    before = ema.model[2].weight.clone()
    nn.init.constant_(trained[2].weight, 3.0)
    ema.update(trained, 0.75)
    torch.testing.assert_close(ema.model[2].weight, 0.75 * before + 0.25 * 3)


def test_buffers_are_copied() -> None:
    trained = network()
    ema = Ema(trained)
    trained(torch.randn(8, 2))
    assert not torch.equal(ema.model[1].running_mean, trained[1].running_mean)
    ema.update(trained, 0.75)
    assert torch.equal(ema.model[1].running_mean, trained[1].running_mean)


def test_the_average_is_for_inference_and_a_copy_of_what_is_trained() -> None:
    trained = network()
    ema = Ema(trained)
    assert not ema.model.training and trained.training
    assert not any(p.requires_grad for p in ema.model.parameters())
    assert trained[2].weight.requires_grad
    assert ema.model[2].weight.data_ptr() != trained[2].weight.data_ptr()


def test_frozen_parameters_are_shared_and_left_alone() -> None:
    trained = network()
    ema = Ema(trained)
    assert ema.model[0].weight is trained[0].weight
    before = trained[0].weight.clone()
    ema.update(trained, 0.5)
    assert torch.equal(trained[0].weight, before)
