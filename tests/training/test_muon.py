"""Muon against torch's, and its orthogonal steps."""

from __future__ import annotations

import pytest
import torch

from pandiff.training import muon
from pandiff.training.muon import Muon, orthogonal


@pytest.mark.parametrize("shape", [(8, 24), (24, 8), (16, 16)])
def test_equals_torch_where_bf16_is_fast(
    shape: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(muon, "multiplies_bf16", lambda device: True)
    generator = torch.Generator().manual_seed(0)
    start = torch.randn(shape, generator=generator)
    ours, theirs = (torch.nn.Parameter(start.clone()) for _ in range(2))
    mine = Muon([{"params": [ours], "weight_decay": 0.1}], lr=0.01, momentum=0.9)
    reference = torch.optim.Muon(
        [theirs], lr=0.01, weight_decay=0.1, momentum=0.9, adjust_lr_fn="match_rms_adamw"
    )
    for _ in range(3):
        gradient = torch.randn(shape, generator=generator)
        ours.grad, theirs.grad = gradient.clone(), gradient.clone()
        mine.step()
        reference.step()
    assert torch.equal(ours, theirs)


@pytest.mark.parametrize("shape", [(8, 24), (24, 8), (16, 16)])
def test_a_step_is_nearly_orthogonal(shape: tuple[int, int]) -> None:
    matrix = torch.randn(shape, generator=torch.Generator().manual_seed(1))
    out = orthogonal(matrix, torch.float32)
    left, _, right = torch.linalg.svd(matrix, full_matrices=False)
    assert torch.linalg.svdvals(out).sub(1).abs().max() < 0.5
    assert (out - left @ right).norm() < 0.35 * (left @ right).norm()
    rounded = orthogonal(matrix, torch.bfloat16).float()
    assert (out - rounded).norm() < 0.1 * out.norm()


def test_no_bf16_where_it_is_slow(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []
    monkeypatch.setattr(muon, "multiplies_bf16", lambda device: False)
    monkeypatch.setattr(muon, "orthogonal", lambda matrix, dtype: seen.append(dtype) or matrix)
    parameter = torch.nn.Parameter(torch.zeros(2, 2))
    parameter.grad = torch.ones(2, 2)
    Muon([{"params": [parameter], "weight_decay": 0.0}], lr=1.0, momentum=0.0).step()
    assert seen == [torch.float32]
