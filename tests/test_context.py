"""Context: rows of conditioning."""

from __future__ import annotations

import torch

from pandiff.context import Context


def some(rows: int, image: bool = False) -> Context:
    g = torch.Generator().manual_seed(rows)
    text = torch.randn(rows, 3, 4, generator=g)
    mask = torch.ones(rows, 3, dtype=torch.bool)
    return Context(text, mask, None, torch.randn(rows, 2, 5, generator=g) if image else None)


def test_cat_joins_rows_and_fills_missing_image_prompts_with_zeros() -> None:
    one, other = some(2), some(3, image=True)
    both = Context.cat([one, other])
    assert len(both) == 5
    assert torch.equal(both.text, torch.cat([one.text, other.text]))
    assert both.mask is not None and both.mask.shape == (5, 3)
    assert both.pooled is None
    assert both.image is not None and other.image is not None
    assert torch.equal(both.image, torch.cat([torch.zeros(2, 2, 5), other.image]))
    assert Context.cat([one, one]).image is None


def test_rows_are_chosen_in_every_part() -> None:
    context = some(3, image=True)
    row = context[torch.tensor([2])]
    assert torch.equal(row.text, context.text[2:])
    assert row.image is not None and context.image is not None
    assert torch.equal(row.image, context.image[2:])
    again = row.expand(4)
    assert len(again) == 4 and again.mask is not None and again.mask.shape == (4, 3)


def test_without_image_leaves_the_text() -> None:
    context = some(2, image=True)
    assert context.without_image().image is None
    assert context.without_image().text is context.text
