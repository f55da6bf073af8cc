"""Optimisers: who steps which parameter, and by how much."""

from __future__ import annotations

import pytest
import torch

from pandiff.errors import InputError
from pandiff.models.unified import UnifiedPDM
from pandiff.training.config import Optim
from pandiff.training.optimizer import MuonAdamW, make_optimizer


def network() -> UnifiedPDM:
    torch.manual_seed(0)
    return UnifiedPDM(sample_size=8, image_channels=2, map_channels=3, ratio=2, patch_size=4,
                      width=16, depth=3, heads=2, context_dim=6, context_length=4)  # fmt: skip


def step(optim: Optim) -> tuple[dict[str, torch.Tensor], torch.optim.Optimizer]:
    """What one step on random gradients adds to each parameter."""
    model = network()
    before = {n: p.detach().clone() for n, p in model.named_parameters()}
    optimizer = make_optimizer(optim, model)
    for k, p in enumerate(model.parameters()):
        p.grad = torch.randn(p.shape, generator=torch.Generator().manual_seed(k))
    optimizer.step()
    return {n: p.detach() - before[n] for n, p in model.named_parameters()}, optimizer


def test_muon_takes_the_matrices_of_the_blocks_and_no_others() -> None:
    adamw, _ = step(Optim("adamw", lr=0.1, weight_decay=0.0))
    muon, optimizer = step(Optim("muon", lr=0.1, weight_decay=0.0))
    assert isinstance(optimizer, MuonAdamW)
    other = {n for n in adamw if not torch.equal(adamw[n], muon[n])}
    trunk = {n for n, v in adamw.items() if n.startswith("trunk.") and v.ndim == 2}
    assert trunk and other == trunk


def test_muons_steps_are_orthogonal_and_as_large_as_adamws() -> None:
    change = step(Optim("muon", lr=0.1, weight_decay=0.0))[0]["trunk.mid_block.mlp.fc1.weight"]
    values = torch.linalg.svdvals(change)
    assert values.max() < 3 * values.min()  # the iteration leaves them between 0.7 and 1.2
    assert change.square().mean().sqrt() == pytest.approx(0.2 * 0.1, rel=0.25)


def test_the_state_round_trips() -> None:
    _, optimizer = step(Optim("muon"))
    fresh = make_optimizer(Optim("muon"), network())
    fresh.load_state_dict(optimizer.state_dict())
    ours, theirs = optimizer.state_dict()["state"], fresh.state_dict()["state"]
    assert ours.keys() == theirs.keys()
    torch.testing.assert_close(ours, theirs, rtol=0, atol=0)


def test_every_parameter_is_in_one_group() -> None:
    model = network()
    groups = make_optimizer(Optim("muon"), model).param_groups
    ids = [id(p) for g in groups for p in g["params"]]
    assert sorted(ids) == sorted(id(p) for p in model.parameters())


def test_an_unknown_name() -> None:
    with pytest.raises(InputError, match="adamw or muon"):
        Optim("sgd")
