"""The unified network whose blocks are modulated by levels, text and image prompt."""

from __future__ import annotations

import torch
from torch import Tensor

from pandiff.context import Context
from pandiff.models.layers import TokenPool
from pandiff.models.unified import UnifiedPDM


def network(modulation: bool, trained: bool = False) -> UnifiedPDM:
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
        image_prompt_dim=5,
        modulation=modulation,
    ).eval()
    if trained:
        with torch.no_grad():
            for p in model.parameters():
                p.add_(0.05 * torch.randn_like(p))
    return model


def inputs(model: UnifiedPDM) -> tuple[Tensor, Tensor, Context]:
    g = torch.Generator().manual_seed(1)
    x = torch.randn(2, model.layout.channels, 8, 8, generator=g)
    text, image = torch.randn(2, 4, 6, generator=g), torch.randn(2, 4, 5, generator=g)
    return x, torch.tensor([[5, 900], [300, 0]]), Context(text, image=image)


def test_a_network_that_grows_it_is_the_same_at_first() -> None:
    plain, grown = network(False, trained=True), network(True)
    missing, unexpected = grown.load_state_dict(plain.state_dict(), strict=False)
    assert not unexpected and all("modulation" in n or "pools" in n for n in missing)
    with torch.no_grad():
        assert torch.equal(plain(*inputs(plain)), grown(*inputs(grown)))


def test_every_parameter_receives_a_gradient() -> None:
    model = network(True)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    for _ in range(3):  # the layers that start at zero hold back what lies before them
        optimizer.zero_grad()
        (model(*inputs(model)) - 1).square().mean().backward()
        optimizer.step()
    assert not [n for n, p in model.named_parameters() if p.grad is None or not p.grad.any()]


def test_text_and_prompt_reach_every_token_without_attention() -> None:
    for modulation in (False, True):
        model = network(modulation, trained=True)
        with torch.no_grad():
            for name, p in model.named_parameters():
                if "attn.proj" in name:
                    p.zero_()
            x, t, context = inputs(model)
            before = model(x, t, context)
            for other in (
                Context(context.text + 1, image=context.image),
                Context(context.text, image=context.image + 1),
            ):
                change = (model(x, t, other) - before).abs()
                assert (change.amax((0, 1)) > 1e-5).all() == modulation


def test_a_pool_does_not_see_padding() -> None:
    torch.manual_seed(0)
    pool, tokens = TokenPool(8), torch.randn(2, 4, 8)
    mask = torch.tensor([[True, True, False, False]] * 2)
    torch.testing.assert_close(pool(tokens, mask), pool(tokens[:, :2]))
    assert pool(tokens, torch.zeros_like(mask)).isfinite().all()
