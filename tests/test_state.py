"""The layout of the state is exact in both directions."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from pandiff.state import StateLayout

RATIOS = (1, 2, 4, 8)
layouts = st.builds(
    StateLayout,
    image_channels=st.integers(1, 5),
    map_channels=st.integers(1, 4),
    ratio=st.sampled_from(RATIOS),
)


@given(layouts, st.integers(1, 3), st.integers(1, 4), st.integers(1, 4), st.integers(0, 2**31))
def test_unpack_inverts_join(layout: StateLayout, b: int, h: int, w: int, seed: int) -> None:
    g = torch.Generator().manual_seed(seed)
    image = torch.randn(b, layout.image_channels, h, w, generator=g)
    panoptic = torch.randn(b, layout.map_channels, h * layout.ratio, w * layout.ratio, generator=g)
    z = layout.join(image, panoptic)
    assert z.shape == (b, layout.channels, h, w)
    back = layout.unpack(z)
    assert torch.equal(back[0], image)
    assert torch.equal(back[1], panoptic)
    assert torch.equal(layout.join(*back), z)


@given(layouts, st.integers(0, 2**31))
def test_expand_known_masks_what_masking_outside_would(layout: StateLayout, seed: int) -> None:
    g = torch.Generator().manual_seed(seed)
    z = torch.randn(2, layout.channels, 3, 2, generator=g)
    r = layout.ratio
    image_known = (torch.rand(2, 1, 3, 2, generator=g) > 0.5).float()
    map_known = (torch.rand(2, 1, 3 * r, 2 * r, generator=g) > 0.5).float()
    known = layout.join_known(image_known, map_known)
    assert known.shape == (2, layout.known_channels, 3, 2)
    image, panoptic = layout.unpack(z)
    expected = layout.join(image * image_known, panoptic * map_known)
    assert torch.equal(z * layout.expand_known(known), expected)


@pytest.mark.parametrize("ratio", RATIOS)
def test_per_stream_gives_each_channel_its_streams_value(ratio: int) -> None:
    layout = StateLayout(3, 2, ratio)
    values = torch.tensor([[1.0, 2.0], [3.0, 4.0]])
    image, panoptic = layout.split(layout.per_stream(values).expand(-1, -1, 2, 2))
    assert image.shape == (2, 3, 2, 2)
    assert panoptic.shape == (2, 2 * ratio**2, 2, 2)
    for k in range(2):
        assert (image[k] == values[k, 0]).all()
        assert (panoptic[k] == values[k, 1]).all()


def test_split_gives_views() -> None:
    layout = StateLayout(1, 1, 2)
    z = torch.zeros(1, layout.channels, 2, 2)
    layout.split(z)[1].fill_(1)
    assert z.sum() == 16
