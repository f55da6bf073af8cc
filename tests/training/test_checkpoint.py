"""Checkpoints: what is saved comes back, and an interruption leaves the old one or the new."""

from __future__ import annotations

import json
from pathlib import Path
from typing import NamedTuple

import pytest
import torch
from safetensors.torch import load_file
from torch import nn

from pandiff.errors import InputError
from pandiff.training import checkpoint
from pandiff.training.checkpoint import load_checkpoint, save_checkpoint
from pandiff.training.config import Optim
from pandiff.training.ema import Ema
from pandiff.training.optimizer import make_optimizer


class Parts(NamedTuple):
    network: nn.Module
    ema: Ema
    optimizer: torch.optim.Optimizer


def parts(width: int = 3, steps: int = 0) -> Parts:
    torch.manual_seed(width)
    network = nn.Sequential(nn.Linear(2, width), nn.BatchNorm1d(width))
    made = Parts(network, Ema(network), torch.optim.AdamW(network.parameters(), lr=0.1))
    for _ in range(steps):
        network(torch.randn(8, 2)).square().sum().backward()
        made.optimizer.step()
        made.optimizer.zero_grad()
        made.ema.update(network, 0.5)
    return made


def save(folder: Path, step: int) -> None:
    save_checkpoint(folder, *parts(steps=step), {"step": step})


def step_in(folder: Path) -> int | None:
    state = load_checkpoint(folder, *parts())
    return state["step"] if state else None


def test_round_trip(tmp_path: Path) -> None:
    mine, other = parts(steps=3), parts()
    save_checkpoint(tmp_path / "checkpoint", *mine, {"step": 3})
    assert load_checkpoint(tmp_path / "checkpoint", *other) == {"step": 3}
    for a, b in [(mine.network, other.network), (mine.ema.model, other.ema.model)]:
        torch.testing.assert_close(dict(a.state_dict()), dict(b.state_dict()), rtol=0, atol=0)
    states = [p.optimizer.state_dict()["state"] for p in (mine, other)]
    torch.testing.assert_close(*states, rtol=0, atol=0)


def test_nothing_there(tmp_path: Path) -> None:
    assert load_checkpoint(tmp_path / "checkpoint", *parts()) is None


def test_only_inert_files(tmp_path: Path) -> None:
    save(tmp_path / "checkpoint", 1)
    assert [p.name for p in tmp_path.iterdir()] == ["checkpoint"]
    assert {p.suffix for p in (tmp_path / "checkpoint").iterdir()} == {".safetensors", ".json"}


def test_a_half_written_one_is_ignored(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "checkpoint"
    save(folder, 1)
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(checkpoint, "save_file", interrupt)
        save(folder, 2)
    assert folder.with_suffix(".new").exists()
    assert step_in(folder) == 1
    save(folder, 3)
    assert step_in(folder) == 3
    assert not folder.with_suffix(".new").exists()


@pytest.mark.parametrize("renames", [0, 1])
def test_interrupted_between_the_renames(
    renames: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of the old one moved away, and the new one moved in."""
    folder, left = tmp_path / "checkpoint", [None] * renames
    save(folder, 1)
    replace = checkpoint.os.replace

    def stop_later(old: Path, new: Path) -> None:
        if not left:
            raise KeyboardInterrupt
        left.pop()
        replace(old, new)

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(checkpoint.os, "replace", stop_later)
        save(folder, 2)
    assert step_in(folder) == 1
    save(folder, 3)
    assert step_in(folder) == 3
    assert [p.name for p in tmp_path.iterdir()] == ["checkpoint"]


def interrupt(*arguments: object) -> None:
    raise KeyboardInterrupt


def test_another_network(tmp_path: Path) -> None:
    save(tmp_path / "checkpoint", 1)
    with pytest.raises(InputError, match="use another --out or settings"):
        load_checkpoint(tmp_path / "checkpoint", *parts(width=4))


def test_a_broken_file(tmp_path: Path) -> None:
    save(tmp_path / "checkpoint", 1)
    (tmp_path / "checkpoint/network.safetensors").write_bytes(b"broken")
    with pytest.raises(InputError, match="a checkpoint of this network"):
        load_checkpoint(tmp_path / "checkpoint", *parts())
    (tmp_path / "checkpoint/state.json").write_text(json.dumps({"step": 1})[:-1])
    with pytest.raises(InputError):
        load_checkpoint(tmp_path / "checkpoint", *parts())


def frozen_parts(scale: float) -> Parts:
    """A network with a frozen submodule, whose weights are `scale`."""
    torch.manual_seed(0)
    frozen = nn.Sequential(nn.Linear(2, 4), nn.BatchNorm1d(4)).requires_grad_(False)
    nn.init.constant_(frozen[0].weight, scale)
    network = nn.Sequential(frozen, nn.Linear(4, 3))
    return Parts(network, Ema(network), make_optimizer(Optim(), network))


def test_frozen_parameters_are_not_stored_and_stay_as_they_are(tmp_path: Path) -> None:
    mine, other = frozen_parts(1.0), frozen_parts(2.0)
    nn.init.constant_(mine.network[1].weight, 7.0)
    mine.network[0][1].running_mean.fill_(5.0)
    mine.ema.update(mine.network, 0.5)
    save_checkpoint(tmp_path / "checkpoint", *mine, {"step": 1})
    trained = {"1.weight", "1.bias"}
    buffers = {f"0.1.{name}" for name, _ in mine.network[0][1].named_buffers()}
    for name in ("network", "ema"):
        assert load_file(tmp_path / f"checkpoint/{name}.safetensors").keys() == trained | buffers
    load_checkpoint(tmp_path / "checkpoint", *other)
    assert (other.network[0][0].weight == 2).all() and (other.network[1].weight == 7).all()
    assert (other.ema.model[0][0].weight == 2).all() and (
        other.network[0][1].running_mean == 5
    ).all()
    assert torch.equal(other.ema.model[1].weight, mine.ema.model[1].weight)


def test_an_optimizer_of_other_parameters(tmp_path: Path) -> None:
    save(tmp_path / "checkpoint", 1)
    network, ema, _ = parts()
    other = torch.optim.AdamW([network[0].weight])
    with pytest.raises(InputError, match="a checkpoint of this network"):
        load_checkpoint(tmp_path / "checkpoint", network, ema, other)
