"""Map patching: shapes, inverses and locality."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from pandiff.models.patching import PATCHINGS, patchify, unpatchify

every = pytest.mark.parametrize("name", PATCHINGS)
ratios = pytest.mark.parametrize("ratio", [1, 2, 4, 8])


@given(st.integers(1, 3), st.sampled_from([1, 2, 4]), st.integers(1, 4), st.integers(1, 4))
def test_unpatchify_inverts_patchify(channels: int, patch: int, h: int, w: int) -> None:
    x = torch.randn(2, channels, h * patch, w * patch)
    tokens = patchify(x, patch)
    assert tokens.shape == (2, h * w, channels * patch**2)
    assert torch.equal(unpatchify(tokens, patch, (h, w)), x)


def test_a_token_is_its_patch_and_tokens_run_along_rows() -> None:
    x = torch.arange(24.0).view(1, 1, 4, 6)
    assert patchify(x, 2)[0, 1].tolist() == [2, 3, 8, 9]
    assert patchify(x, 2)[0, 3].tolist() == [12, 13, 18, 19]


@every
@ratios
def test_shapes(name: str, ratio: int) -> None:
    patching = PATCHINGS[name](channels=3, patch=2, ratio=ratio, width=16)
    x = torch.randn(2, 4, 4 * ratio, 6 * ratio)
    tokens = patching.read(x)
    assert tokens.shape == (2, 6, 16)
    assert patching.write(tokens, x).shape == (2, 3, 4 * ratio, 6 * ratio)


@every
@ratios
def test_a_token_reads_its_own_patch_alone_and_all_of_it(name: str, ratio: int) -> None:
    torch.manual_seed(0)
    patching = PATCHINGS[name](channels=2, patch=2, ratio=ratio, width=16)
    side = 2 * ratio
    x = torch.randn(1, 3, 2 * side, 3 * side, requires_grad=True)
    patching.read(x)[0, 4].sum().backward()  # row 1, column 1
    assert x.grad is not None
    touched = torch.zeros_like(x, dtype=torch.bool)
    touched[..., side:, side : 2 * side] = True
    assert (x.grad[touched] != 0).all()
    assert (x.grad[~touched] == 0).all()


@every
@ratios
def test_a_token_is_written_where_it_was_read(name: str, ratio: int) -> None:
    """Its influence on the map is greatest in its own patch and gone two patches further."""
    torch.manual_seed(0)
    patching = PATCHINGS[name](channels=2, patch=2, ratio=ratio, width=16)
    side, grid = 2 * ratio, (1, 5)
    x = torch.randn(1, 3, side, 5 * side)
    tokens = torch.randn(1, 5, 16)
    moved = tokens.clone()
    moved[0, 2] += 1
    change = (patching.write(moved, x) - patching.write(tokens, x)).abs()
    by_patch = change.unflatten(3, (grid[1], side)).mean((0, 1, 2, 4))
    assert by_patch.argmax() == 2
    assert by_patch[0] == by_patch[4] == 0
