"""Our U-ViT is the published one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor

from pandiff.errors import InputError
from pandiff.models.uvit import UViT

GOLDEN = ("uvit_t2i_small", "uvit_t2i_time_mlp")


def read_golden(path: Path) -> tuple[dict[str, int | bool], dict[str, Tensor]]:
    """Constructor's arguments and tensors."""
    with safe_open(path, "pt") as file:
        metadata = file.metadata()
        tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
    flags = {"True": True, "False": False}
    return {k: flags[v] if v in flags else int(v) for k, v in metadata.items()}, tensors


@pytest.mark.parametrize("name", GOLDEN)
def test_published_weights_give_the_published_output(shared: Path, name: str) -> None:
    arguments, tensors = read_golden(shared / "golden" / f"{name}.safetensors")
    model = UViT(**arguments)
    prefix = "weights."
    model.load_state_dict(
        {k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)}
    )
    with torch.no_grad():
        noise = model(*(tensors[f"input.{k}"] for k in ("latents", "timesteps", "context")))
    torch.testing.assert_close(noise, tensors["output.noise"], rtol=0, atol=1e-4)


@pytest.mark.parametrize("name", GOLDEN)
def test_the_sizes_are_read_off_the_weights(shared: Path, name: str) -> None:
    """From the file as it lies there: the weights' names stand behind a prefix."""
    path = shared / "golden" / f"{name}.safetensors"
    arguments, tensors = read_golden(path)
    heads, tokens = int(arguments["num_heads"]), int(arguments["num_clip_token"])
    model = UViT.from_official(path, num_heads=heads, num_clip_token=tokens)
    ours, theirs = dict(model.config), dict(UViT(**arguments).config)
    assert {k: ours[k] for k in arguments if k != "depth"} == {
        k: theirs[k] for k in arguments if k != "depth"
    }
    with torch.no_grad():
        noise = model(*(tensors[f"input.{k}"] for k in ("latents", "timesteps", "context")))
    torch.testing.assert_close(noise, tensors["output.noise"], rtol=0, atol=1e-4)


SMALL: dict[str, Any] = {
    "img_size": 4, "embed_dim": 16, "depth": 3, "num_heads": 2, "clip_dim": 6, "num_clip_token": 3,
}  # fmt: skip
SIZES = [
    {},
    {"depth": 7, "mlp_ratio": 2.0, "qkv_bias": True, "mlp_time_embed": True, "conv": False},
    {"img_size": 9, "patch_size": 3, "in_chans": 5, "clip_dim": 9, "num_clip_token": 8},
]


def inputs(model: UViT) -> tuple[Tensor, Tensor, Tensor]:
    c = model.config
    torch.manual_seed(1)
    latents = torch.randn(2, c.in_chans, c.img_size, c.img_size)
    return latents, torch.tensor([1, 900]), torch.randn(2, c.num_clip_token, c.clip_dim)


@pytest.mark.parametrize("changes", SIZES)
@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
@pytest.mark.parametrize("prefix", ["", "module.", "nnet.module."])
def test_official_files_load(
    tmp_path: Path, changes: dict[str, Any], suffix: str, prefix: str
) -> None:
    torch.manual_seed(0)
    model = UViT(**{**SMALL, **changes}).eval()
    weights = {prefix + k: v for k, v in model.state_dict().items()}
    path = tmp_path / f"weights{suffix}"
    save_file(weights, path) if suffix == ".safetensors" else torch.save(weights, path)
    loaded = UViT.from_official(path, num_heads=2, num_clip_token=model.config.num_clip_token)
    with torch.no_grad():
        assert torch.equal(loaded(*inputs(model)), model(*inputs(model)))
    for key in ("depth", "mlp_ratio", "img_size", "patch_size", "conv", "qkv_bias"):
        assert loaded.config[key] == model.config[key]


def test_heads_and_text_follow_the_published_rule() -> None:
    with torch.device("meta"):
        model = UViT.from_preset("S/2")
    weights = {k: torch.zeros(v.shape) for k, v in model.state_dict().items()}
    loaded = UViT.from_official(weights)
    assert loaded.config.num_heads == 8
    assert loaded.config.img_size == 32
    assert loaded.config.num_clip_token == 77


class Malice:
    """Unpickling it writes a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.path,)


def test_a_malicious_pickle_is_refused(tmp_path: Path) -> None:
    torch.save({"patch_embed.proj.weight": Malice(tmp_path / "owned")}, tmp_path / "bad.pth")
    with pytest.raises(InputError, match="a file of weights alone"):
        UViT.from_official(tmp_path / "bad.pth")
    assert not (tmp_path / "owned").exists()


def test_what_is_no_u_vit_is_refused(tmp_path: Path) -> None:
    torch.manual_seed(0)
    weights = UViT(**SMALL).state_dict()
    with pytest.raises(InputError, match="text-to-image U-ViT, got no patch_embed"):
        UViT.from_official({"conv.weight": torch.zeros(1)})
    without_text = {k: v for k, v in weights.items() if "context" not in k}
    with pytest.raises(InputError, match="got no context_embed"):
        UViT.from_official(without_text, num_heads=2, num_clip_token=3)
    with pytest.raises(InputError, match="pass num_heads"):
        UViT.from_official(weights)
    with pytest.raises(InputError, match="got 8 positions; pass num_clip_token"):
        UViT.from_official(weights, num_heads=2)
    odd = {**weights, "in_blocks.0.extra": torch.zeros(1)}
    with pytest.raises(InputError, match="Unexpected key"):
        UViT.from_official(odd, num_heads=2, num_clip_token=3)
    with pytest.raises(InputError, match="2 of them"):
        UViT.from_official({**weights, **{f"ema.{k}": v for k, v in weights.items()}})
    torch.save([1], tmp_path / "list.pth")
    for name in ("list.pth", "none.pth", "none.safetensors"):
        with pytest.raises(InputError, match=name):
            UViT.from_official(tmp_path / name)
    (tmp_path / "text.pth").write_text("hello")
    with pytest.raises(InputError, match="weights alone"):
        UViT.from_official(tmp_path / "text.pth")


@pytest.mark.parametrize(
    ("name", "millions"), [("S/2", 45), ("S/2-deep", 58), ("M", 131), ("L", 287)]
)
def test_presets_have_the_published_size(name: str, millions: int) -> None:
    """S/2 and S/2-deep: Table 1 of the paper; the others: its blocks, with text for classes."""
    with torch.device("meta"):
        model = UViT.from_preset(name, img_size=32)
    count = sum(p.numel() for p in model.parameters())
    assert round(count / 1e6) == pytest.approx(millions, abs=0.02 * millions)
    assert model.config.embed_dim == 64 * model.config.num_heads


def test_an_unknown_preset() -> None:
    with pytest.raises(InputError, match="S/2, S/2-deep, M, L, got 'XL'"):
        UViT.from_preset("XL")


@pytest.mark.parametrize("flag", [False, True])
def test_save_and_load(tmp_path: Path, flag: bool) -> None:
    model = UViT(**SMALL, mlp_time_embed=flag, conv=flag, qkv_bias=flag)
    model.save_pretrained(tmp_path)
    loaded = UViT.from_pretrained(tmp_path)
    assert torch.equal(loaded(*inputs(model)), model.eval()(*inputs(model)))
    assert (tmp_path / "diffusion_pytorch_model.safetensors").exists()
