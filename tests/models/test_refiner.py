"""The convolutions that correct both predictions cell by cell."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from pandiff.context import Context
from pandiff.models.layers import ModulatedConvs
from pandiff.models.refiner import Refiner
from pandiff.models.unified import UnifiedPDM


def network(refiner_width: int, modulation: bool = False) -> UnifiedPDM:
    torch.manual_seed(0)
    model = UnifiedPDM(
        sample_size=8,
        image_channels=3,
        map_channels=2,
        ratio=2,
        width=32,
        depth=3,
        heads=2,
        context_dim=6,
        context_length=4,
        modulation=modulation,
        refiner_width=refiner_width,
    ).eval()
    with torch.no_grad():
        for name, p in model.named_parameters():
            if not name.startswith("refiner"):
                p.add_(0.05 * torch.randn_like(p))
    return model


def inputs(model: UnifiedPDM) -> tuple[Tensor, Tensor, Context]:
    g = torch.Generator().manual_seed(1)
    x = torch.randn(2, model.layout.channels, 8, 8, generator=g)
    return x, torch.tensor([[5, 900], [300, 0]]), Context(torch.randn(2, 4, 6, generator=g))


@pytest.mark.parametrize("modulation", [False, True])
def test_a_network_that_grows_it_is_the_same_at_first(modulation: bool) -> None:
    plain, grown = network(0, modulation), network(8, modulation)
    missing, unexpected = grown.load_state_dict(plain.state_dict(), strict=False)
    assert not unexpected and all(n.startswith("refiner.") for n in missing)
    with torch.no_grad():
        assert torch.equal(plain(*inputs(plain)), grown(*inputs(grown)))


def test_every_parameter_of_it_learns() -> None:
    model = network(8)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    for _ in range(3):  # the layers that start at zero hold back what lies before them
        optimizer.zero_grad()
        (model(*inputs(model)) - 1).square().mean().backward()
        optimizer.step()
    grads = {n: p.grad for n, p in model.named_parameters() if n.startswith("refiner")}
    assert not [n for n, g in grads.items() if g is None or not g.any()]


def test_a_given_cell_of_the_map_corrects_the_image_beside_it_and_not_far_away() -> None:
    """Each stream follows the other at the side of the latent, not of a token."""
    torch.manual_seed(0)
    refiner = Refiner(seen=5, out=4, condition=6, width=8)
    with torch.no_grad():
        for p in refiner.parameters():
            p.add_(0.1 * torch.randn_like(p))
    parts, condition = [torch.randn(1, 2, 64, 64), torch.randn(1, 3, 64, 64)], torch.randn(1, 6)
    before = refiner(parts, condition)
    assert before.shape == (1, 4, 64, 64)
    parts[1][0, 1, 20, 20] += 1
    change = (refiner(parts, condition) - before).abs().amax(dim=1)[0]
    assert (change[19:22, 19:22] > 0).all()
    assert change[44:].max() == change[:, 44:].max() == 0


def test_the_level_modulates_it() -> None:
    torch.manual_seed(0)
    block, x = ModulatedConvs(4, 6), torch.randn(2, 4, 5, 5)
    assert torch.equal(block(x, torch.randn(2, 6)), x), "the identity at first"
    with torch.no_grad():
        for p in block.parameters():
            p.add_(0.1 * torch.randn_like(p))
    one, other = (block(x, k * torch.ones(2, 6)) for k in (0, 1))
    assert not torch.allclose(one, other)
