"""Our U-ViT is the published one."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from torch import Tensor

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


@pytest.mark.parametrize("flag", [False, True])
def test_save_and_load(tmp_path: Path, flag: bool) -> None:
    model = UViT(
        img_size=4, embed_dim=16, depth=3, num_heads=2, clip_dim=6, num_clip_token=3,
        mlp_time_embed=flag, conv=flag, qkv_bias=flag,
    )  # fmt: skip
    model.save_pretrained(tmp_path)
    inputs = torch.randn(2, 4, 4, 4), torch.tensor([1, 900]), torch.randn(2, 3, 6)
    loaded = UViT.from_pretrained(tmp_path)
    assert torch.equal(loaded(*inputs), model.eval()(*inputs))
    assert (tmp_path / "diffusion_pytorch_model.safetensors").exists()
