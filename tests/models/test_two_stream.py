"""The two-stream network: the backbone's images at first, live weights, a frozen part kept once."""

from __future__ import annotations

import copy
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor

from pandiff import InputError
from pandiff.context import Context
from pandiff.models.backbones import BACKBONES, load_backbone
from pandiff.models.two_stream import TwoStreamPDM
from pandiff.models.uvit import UViT

Inputs = tuple[Tensor, Tensor, Context, Tensor]


def two_stream(model: Any, **changes: Any) -> TwoStreamPDM:
    torch.manual_seed(1)
    backbone = BACKBONES[type(model).__name__].adapt(model)
    arguments = {"map_channels": 2, "ratio": 2, "image_prompt_dim": 5, **changes}
    return TwoStreamPDM(backbone, **arguments)


@pytest.fixture
def each_network(image_model: Any) -> TwoStreamPDM:
    """Over every backbone."""
    return two_stream(image_model)


@pytest.fixture
def network(typical_model: Any) -> TwoStreamPDM:
    """Over one backbone of each class."""
    return two_stream(typical_model)


@pytest.fixture
def inputs(latents: Tensor, levels: Tensor, context: Context) -> Inputs:
    """For a map of 2 channels at twice the side."""
    g = torch.Generator().manual_seed(3)
    x = torch.cat([latents, torch.randn(3, 8, 8, 8, generator=g)], dim=1)
    t = torch.stack([levels, torch.tensor([0, 700, 1000])], dim=1)
    known = (torch.rand(3, 5, 8, 8, generator=g) > 0.5).float()
    prompts = torch.randn(3, 4, 5, generator=g)
    return x, t, Context(context.text, context.mask, context.pooled, prompts), known


def trainable(network: TwoStreamPDM) -> dict[str, torch.nn.Parameter]:
    return {n: p for n, p in network.named_parameters() if p.requires_grad}


def frozen(network: TwoStreamPDM) -> dict[str, Tensor]:
    return {k: v.clone() for k, v in network.backbone.model.state_dict().items()}


def train(network: TwoStreamPDM, inputs: Inputs, steps: int = 1) -> None:
    """Some steps, and a gradient of the next."""
    optimizer = torch.optim.AdamW(trainable(network).values(), lr=1e-3)
    for step in range(steps + 1):
        (network.train()(*inputs) - 1).square().mean().backward()
        if step < steps:
            optimizer.step()
            optimizer.zero_grad()


def stirred(network: TwoStreamPDM) -> TwoStreamPDM:
    """With no trained weight left at zero."""
    with torch.no_grad():
        for p in trainable(network).values():
            p.add_(0.05 * torch.randn_like(p))
    return network.eval()


@pytest.mark.parametrize("grad", [True, False])
@pytest.mark.parametrize("autocast", [True, False])
def test_at_first_the_image_is_the_backbones(
    each_network: TwoStreamPDM, inputs: Inputs, grad: bool, autocast: bool
) -> None:
    x, t, context, known = inputs
    with torch.set_grad_enabled(grad), torch.autocast("cpu", torch.bfloat16, enabled=autocast):
        image, _ = each_network.layout.split(each_network(x, t, context, known))
        alone = each_network.backbone(each_network.layout.split(x)[0], t[:, 0], context)
    assert torch.equal(image, alone.to(image.dtype))


def test_every_trained_weight_lives_after_one_step(
    each_network: TwoStreamPDM, inputs: Inputs
) -> None:
    train(each_network, inputs)
    largest = max(p.grad.abs().max() for p in trainable(each_network).values())  # type: ignore[union-attr]
    dead = [
        name
        for name, p in trainable(each_network).items()
        if p.grad is None or not p.grad.abs().max() > 1e-7 * largest
    ]
    assert not dead


def test_frozen_weights_stay(network: TwoStreamPDM, inputs: Inputs) -> None:
    before = frozen(network)
    train(network, inputs, steps=2)
    assert not any(m.training for m in network.backbone.modules())
    assert network.map_norm.training
    assert all(p.grad is None for p in network.backbone.parameters())
    after = frozen(network)
    assert all(torch.equal(before[k], after[k]) for k in before)
    image, _ = network.layout.split(network(*inputs))
    alone = network.backbone(inputs[0][:, :4], inputs[1][:, 0], inputs[2])
    assert not torch.equal(image, alone)  # the feedback has learnt something


def test_no_graph_before_the_first_feedback(network: TwoStreamPDM, inputs: Inputs) -> None:
    x, t, context, _ = inputs
    backbone = network.backbone
    image = backbone.run(0, backbone.blocks[0], backbone.embed(x[:, :4], t[:, 0], context))
    assert not image.patches.requires_grad


@pytest.mark.parametrize("ratio", [1, 2, 4, 8])
@pytest.mark.parametrize("patching", ["single", "multi"])
def test_shapes(ratio: int, patching: str) -> None:
    network = two_stream(UViT(8, embed_dim=16, depth=3, num_heads=1, clip_dim=6, num_clip_token=4),
                         ratio=ratio, patching=patching, image_prompt_dim=None)  # fmt: skip
    x = torch.randn(2, network.layout.channels, 8, 8)
    with torch.no_grad():
        out = network(x, torch.tensor([[1, 2], [3, 4]]), Context(torch.randn(2, 4, 6)))
    assert out.shape == x.shape


@pytest.mark.parametrize(
    "which",
    ["image", "map", "image level", "map level", "text", "image known", "map known", "prompt"],
)
def test_both_streams_depend_on_everything(
    network: TwoStreamPDM, inputs: Inputs, which: str
) -> None:
    x, t, context, known = (v.clone() if isinstance(v, Tensor) else v for v in inputs)
    if which in ("image", "map"):
        network.layout.split(x)[which == "map"].add_(1)
    if which.endswith("level"):
        t[:, int(which == "map level")] = 500
    if which == "text":
        context = Context(context.text + 1, context.mask, context.pooled, context.image)
    if which.endswith("known"):
        part = known[:, :1] if which == "image known" else known[:, 1:]
        part.neg_().add_(1)
    if which == "prompt":
        context = context.without_image()
    stirred(network)
    with torch.no_grad():
        change = network(x, t, context, known) - network(*inputs)
    for part in network.layout.split(change):
        assert part.abs().max() > 1e-4


def test_none_is_zeros(network: TwoStreamPDM, inputs: Inputs) -> None:
    x, t, context, known = inputs
    stirred(network)
    zeros = Context(context.text, context.mask, context.pooled, torch.zeros(3, 4, 5))
    with torch.no_grad():
        assert torch.equal(
            network(x, t, zeros, torch.zeros_like(known)), network(x, t, context.without_image())
        )


def test_a_sample_does_not_depend_on_its_batch(network: TwoStreamPDM, inputs: Inputs) -> None:
    stirred(network)
    with torch.no_grad():
        out = network(*inputs)
        for k in range(3):
            alone = network(*(v[k : k + 1] for v in inputs))
            torch.testing.assert_close(out[k : k + 1], alone, rtol=1e-4, atol=1e-4)


def test_the_config_tells_what_others_ask(network: TwoStreamPDM) -> None:
    c = network.config
    assert (c.sample_size, c.ratio, c.image_channels, c.map_channels) == (8, 2, 4, 2)
    assert (c.patch_size, c.patching, c.context_dim) == (2, "multi", 6)
    assert (c.image_prompt_dim, c.image_prompt_length) == (5, 4)
    assert c.image_prediction == network.backbone.spec.prediction
    assert c.context_length == network.backbone.spec.context_length


def same(one: TwoStreamPDM, other: TwoStreamPDM, inputs: Inputs) -> bool:
    with torch.no_grad():
        return torch.equal(one.eval()(*inputs), other.eval()(*inputs))


def names(folder: Path) -> set[str]:
    return {p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file()}


WEIGHTS = "diffusion_pytorch_model.safetensors"


def test_a_saved_folder_holds_the_frozen_weights_once(
    network: TwoStreamPDM, inputs: Inputs, tmp_path: Path
) -> None:
    train(network, inputs)
    network.save_pretrained(tmp_path / "a")
    inside = {"config.json", WEIGHTS}
    assert names(tmp_path / "a") == inside | {f"backbone/{name}" for name in inside}
    trained = load_file(tmp_path / "a" / WEIGHTS)
    assert trained.keys() == network.state_dict().keys()
    assert trained.keys() >= trainable(network).keys()
    assert not any(k.startswith("frozen") for k in trained)
    shutil.move(tmp_path / "a", tmp_path / "b")
    loaded = TwoStreamPDM.from_pretrained(tmp_path / "b")
    assert same(network, loaded, inputs)
    assert trainable(loaded).keys() == trainable(network).keys()
    assert not loaded.training
    loaded.save_pretrained(tmp_path / "c")  # and so it goes on
    assert names(tmp_path / "c") == names(tmp_path / "b")


def test_a_saved_folder_may_name_the_backbones(
    typical_model: Any, inputs: Inputs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    typical_model.save_pretrained("image-model/transformer")
    network = TwoStreamPDM(load_backbone("image-model"), 2, 2, image_prompt_dim=5)
    train(network, inputs)
    network.save_pretrained("a", with_backbone=False)
    assert names(tmp_path / "a") == {"config.json", WEIGHTS}
    monkeypatch.chdir("/")
    loaded = TwoStreamPDM.from_pretrained(tmp_path / "a")
    assert same(network, loaded, inputs)
    loaded.save_pretrained(tmp_path / "b")  # in one piece, unless from the hub
    assert (tmp_path / "b/backbone" / WEIGHTS).exists()
    shutil.rmtree(tmp_path / "image-model")
    assert same(network, TwoStreamPDM.from_pretrained(tmp_path / "b"), inputs)
    with pytest.raises(InputError, match="image-model"):
        TwoStreamPDM.from_pretrained(tmp_path / "a")
    at_hand = TwoStreamPDM.from_pretrained(tmp_path / "a", backbone=network.backbone)
    assert same(network, at_hand, inputs)


def test_a_backbone_from_the_hub_is_only_named(
    inputs: Inputs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A hub id is any name that is no folder; here the hub is the working folder."""
    network = two_stream(UViT(8, embed_dim=16, depth=3, num_heads=1, clip_dim=6, num_clip_token=4))
    network.backbone.model.save_pretrained(tmp_path / "someone/uvit")
    reference = network.backbone.reference
    network.backbone.reference = type(reference)("UViT", "someone/uvit")
    network.save_pretrained(tmp_path / "a")
    assert names(tmp_path / "a") == {"config.json", WEIGHTS}
    monkeypatch.chdir(tmp_path)
    assert same(network, TwoStreamPDM.from_pretrained("a"), inputs)


def test_frozen_weights_must_lie_somewhere(typical_model: Any, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="one of neither; save it too"):
        two_stream(typical_model).save_pretrained(tmp_path, with_backbone=False)


def test_a_checkpoint_resumes(network: TwoStreamPDM, inputs: Inputs, typical_model: Any) -> None:
    """By `state_dict` alone, strictly, in a fresh network and inside another module."""
    train(network, inputs)
    other = two_stream(typical_model)
    assert not same(network, other, inputs)
    other.load_state_dict(network.state_dict())
    assert same(network, other, inputs)
    wrapped, again = torch.nn.ModuleDict({"n": network}), two_stream(typical_model)
    torch.nn.ModuleDict({"n": again}).load_state_dict(wrapped.state_dict())
    assert same(network, again, inputs)
    state = network.state_dict()
    state.pop("map_norm.weight")
    with pytest.raises(RuntimeError, match="map_norm"):
        other.load_state_dict(state)


def test_copies_share_the_frozen_part_alone(network: TwoStreamPDM) -> None:
    """An average of the weights costs no second backbone."""
    average = copy.deepcopy(network)
    assert average.backbone is network.backbone
    assert not set(map(id, trainable(network).values())) & set(map(id, trainable(average).values()))
    assert average.state_dict().keys() == network.state_dict().keys()


def test_gradient_checkpointing_changes_nothing(each_network: TwoStreamPDM, inputs: Inputs) -> None:
    stirred(each_network)
    grads = []
    for enable in (False, True):
        if enable:
            each_network.enable_gradient_checkpointing()
        each_network.zero_grad()
        each_network(*inputs).square().mean().backward()
        grads.append([p.grad for p in trainable(each_network).values()])
    for one, other in zip(*grads, strict=True):
        torch.testing.assert_close(one, other)


def test_a_backbone_in_half_precision(typical_model: Any, inputs: Inputs, tmp_path: Path) -> None:
    """Its memory is halved; what is trained stays in float32."""
    typical_model.save_pretrained(tmp_path)
    backbone = load_backbone(tmp_path, dtype=torch.bfloat16)
    network = TwoStreamPDM(backbone, 2, 2, image_prompt_dim=5)
    assert {p.dtype for p in trainable(network).values()} == {torch.float32}
    out = network(*inputs)
    assert out.dtype == torch.float32
    alone = backbone(inputs[0][:, :4], inputs[1][:, 0], inputs[2])
    assert torch.equal(network.layout.split(out)[0], alone.float())
    train(network, inputs)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_stored_half_weights_load_as_asked(
    network: TwoStreamPDM, inputs: Inputs, tmp_path: Path, dtype: torch.dtype
) -> None:
    network.to(torch.bfloat16).save_pretrained(tmp_path)
    loaded = TwoStreamPDM.from_pretrained(tmp_path, dtype=dtype)
    assert {p.dtype for p in loaded.parameters()} == {dtype}
    x, t, context, known = inputs
    half = x.to(dtype), t, context.map(lambda v: v.to(dtype)), known.to(dtype)
    assert loaded(*half).dtype == dtype


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"patching": "none"}, "patching to be one of 'single', 'multi', got 'none'"),
        ({"ratio": 3}, "ratio to be one of 1, 2, 4, 8, got 3"),
        ({"image_prompt_length": 5}, "image_prompt_length to be a square number, got 5"),
        ({"sample_size": 7}, "sample_size"),
    ],
)
def test_wrong_arguments_are_refused(
    typical_model: Any, wrong: dict[str, Any], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        two_stream(typical_model, **wrong)


def test_image_prompts_for_a_network_without_them(typical_model: Any, inputs: Inputs) -> None:
    x, t, context, known = inputs
    network = two_stream(typical_model, image_prompt_dim=None)
    with pytest.raises(InputError, match="takes image prompts"):
        network(x, t, context, known)


def test_other_sizes_than_the_backbones(typical_model: Any, inputs: Inputs) -> None:
    if isinstance(typical_model, UViT):
        pytest.skip("its position table has one size")
    network = two_stream(typical_model, sample_size=12)
    x = torch.randn(3, network.layout.channels, 12, 12)
    with torch.no_grad():
        out = network(x, inputs[1], inputs[2])
        alone = network.backbone(x[:, :4], inputs[1][:, 0], inputs[2])
    assert torch.equal(network.layout.split(out)[0], alone)
