"""A network in shards: each process has its part, and the parts make the whole."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torch.distributed import init_device_mesh
from torch.distributed.fsdp import FSDPModule
from torch.distributed.tensor import DTensor

from pandiff.collectives import is_main
from pandiff.context import Context
from pandiff.models.backbones import UViTBackbone
from pandiff.models.two_stream import TwoStreamPDM
from pandiff.models.uvit import UViT
from pandiff.training.dtensors import gather, like, local, whole
from pandiff.training.ema import Ema
from pandiff.training.parallel import UNIT, shard

InTwo = Callable[[Callable[[int], None]], None]


class Net(nn.Module):
    """A block, a scalar, and a frozen layer."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.blocks = nn.ModuleList([nn.Linear(4, 3)])
        self.scale = nn.Parameter(torch.tensor(2.0))
        self.frozen = nn.Linear(3, 3).requires_grad_(False)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.frozen(self.blocks[0](x)).square().mean() * self.scale
        return out


def sharded() -> Net:
    net = Net()
    shard(net, init_device_mesh("cpu", (2,)))
    return net


def test_shards_are_parts_of_the_whole(in_two_processes: InTwo) -> None:
    before = Net().state_dict()

    def work(rank: int) -> None:
        net = sharded()
        assert isinstance(net.blocks[0], FSDPModule) and isinstance(net, FSDPModule)
        parts = {k for k, v in net.state_dict().items() if isinstance(v, DTensor)}
        assert parts == before.keys() - {"scale"}
        weight, name = net.get_parameter("blocks.0.weight"), "blocks.0.weight"
        assert len(local(weight)) == 2 - rank  # of three rows
        assert torch.equal(whole(weight), before[name])
        assert torch.equal(local(like(before[name], weight)), local(weight))

    in_two_processes(work)


def test_the_first_process_gathers(in_two_processes: InTwo) -> None:
    before = Net().state_dict()

    def work(rank: int) -> None:
        gathered = gather(sharded().state_dict())
        assert gathered.keys() == (before.keys() if is_main() else set())
        assert all(torch.equal(gathered[k], before[k]) for k in gathered)

    in_two_processes(work)


def test_gradients_are_averaged_and_frozen_weights_have_none(in_two_processes: InTwo) -> None:
    values, net = torch.randn(6, 4), Net()
    net(values).backward()
    expected = net.blocks[0].weight.grad

    def work(rank: int) -> None:
        net = sharded()
        net(values.chunk(2)[rank]).backward()
        torch.testing.assert_close(whole(net.blocks[0].weight.grad), expected)
        assert net.frozen.weight.grad is None

    in_two_processes(work)


def two_stream() -> TwoStreamPDM:
    torch.manual_seed(0)
    backbone = UViT(8, embed_dim=16, depth=3, num_heads=1, clip_dim=6, num_clip_token=4)
    network = TwoStreamPDM(UViTBackbone.adapt(backbone), map_channels=2, ratio=2)
    for p in network.parameters():
        p.data += 0.05 * torch.randn_like(p)
    return network


def test_two_streams_share_their_frozen_backbone(in_two_processes: InTwo) -> None:
    states, text = torch.randn(2, 12, 8, 8), torch.randn(2, 4, 6)
    levels = torch.tensor([[1000, 0], [345, 700]])

    def gradients(network: nn.Module, rows: slice) -> dict[str, Tensor]:
        network(states[rows], levels[rows], Context(text[rows])).square().mean().backward()
        named = network.named_parameters()
        return {name: whole(p.grad) for name, p in named if p.grad is not None}

    expected = gradients(two_stream(), slice(2))

    def work(rank: int) -> None:
        network = two_stream()
        ema, frozen = Ema(network), {p for p in network.parameters() if not p.requires_grad}
        for module in (network, ema.model):
            shard(module, init_device_mesh("cpu", (2,)), frozen)
        assert not any(isinstance(p, DTensor) for p in frozen)
        assert isinstance(network.map_blocks[0], FSDPModule)
        mine = gradients(network, slice(rank, rank + 1))
        torch.testing.assert_close(mine, expected, rtol=1e-3, atol=1e-5)
        ema.update(network, 0.5)
        assert ema.model.backbone is network.backbone

    in_two_processes(work)


@pytest.mark.parametrize(
    ("name", "unit"),
    [
        ("trunk.in_blocks.3", True),
        ("blocks.0", True),
        ("text_model.encoder.layers.11", True),
        ("transformer_blocks.0", True),
        ("trunk.mid_block", False),
        ("blocks.0.attn", False),
        ("level_embed.0", False),
    ],
)
def test_the_blocks_of_a_network_are_its_units(name: str, unit: bool) -> None:
    assert bool(UNIT.search(name)) == unit
