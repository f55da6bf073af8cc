"""The layers, against torch's own and their definitions."""

from __future__ import annotations

import math

import pytest
import torch
from torch.nn.functional import scaled_dot_product_attention

from pandiff.models.layers import GridMix, attention, grid_positions, timestep_embedding


def test_attention_equals_the_fused_kernel() -> None:
    g = torch.Generator().manual_seed(0)
    q, k, v = (torch.randn(2, 3, 7, 4, generator=g) for _ in range(3))
    torch.testing.assert_close(attention(q, k, v), scaled_dot_product_attention(q, k, v))


@pytest.mark.parametrize("width", [6, 7])
def test_timestep_embedding_is_cosines_then_sines(width: int) -> None:
    t = torch.tensor([0.0, 3.0])
    out = timestep_embedding(t, width)
    assert out.shape == (2, width)
    for k in range(3):
        angle = 3.0 * 10000.0 ** (-k / 3)
        assert out[1, k] == pytest.approx(math.cos(angle), abs=1e-5)
        assert out[1, 3 + k] == pytest.approx(math.sin(angle), abs=1e-5)
    assert torch.equal(out[0, :3], torch.ones(3))


def test_levels_that_differ_by_one_differ_in_embedding() -> None:
    out = timestep_embedding(torch.arange(1001), 32)
    assert (out.diff(dim=0).abs().amax(1) > 0.1).all()


def test_grid_positions_tell_rows_from_columns() -> None:
    p = grid_positions(3, 4, 16).view(3, 4, 16)
    assert (p[:, :1, :8] == p[:, :, :8]).all()  # rows in the first half
    assert (p[:1, :, 8:] == p[:, :, 8:]).all()
    flat = p.view(12, 16)
    assert torch.cdist(flat, flat).add(torch.eye(12)).min() > 0.1


def test_grid_mix_is_the_identity_at_first() -> None:
    x = torch.randn(2, 5 + 2 * 12, 8)
    assert torch.equal(GridMix(8)(x, (3, 4)), x)


def test_grid_mix_reaches_the_neighbours_in_the_same_stream_alone() -> None:
    mix = GridMix(2)
    torch.nn.init.ones_(mix.conv.weight)
    x = torch.zeros(1, 5 + 2 * 12, 2, requires_grad=True)
    token = 5 + 12 + 1 * 4 + 2  # map token at row 1, column 2 of a 3 x 4 grid
    mix(x, (3, 4))[0, token, 0].backward()
    assert x.grad is not None
    reached = x.grad[0, :, 0].nonzero().flatten().tolist()
    assert reached == [17 + 4 * row + col for row in range(3) for col in (1, 2, 3)]
    assert (x.grad[0, :, 1] == 0).all()
