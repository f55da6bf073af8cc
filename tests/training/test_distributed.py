"""Two real processes do as one does, in either layout; a run goes on in another layout."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from pandiff.training.config import TrainConfig

Make = Callable[..., TrainConfig]
TASKS = ("vae", "clip", "pdm")
LAYOUTS = ("ddp", "fsdp")
FROZEN = "trunk.in_blocks"
SCRIPT = Path(__file__).with_name("two_processes.py")

spec = importlib.util.spec_from_file_location("two_processes", SCRIPT)
assert spec is not None and spec.loader is not None
two_processes = importlib.util.module_from_spec(spec)
spec.loader.exec_module(two_processes)


def torchrun(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Run two processes on the CPU."""
    command = [sys.executable, "-m", "torch.distributed.run", "--nproc_per_node", "2"]
    done = subprocess.run(
        [str(a) for a in (*command, *arguments)],
        env={**os.environ, "ACCELERATE_USE_CPU": "true", "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert done.returncode == 0, done.stderr
    return done


class Runs:
    """Trainings by one process and by two, in folders named after them."""

    def __init__(self, folder: Path, data: Path) -> None:
        self.folder, self.data = folder, data
        self.jobs: list[dict[str, Any]] = []

    def job(self, out: str, config: TrainConfig, **options: Any) -> dict[str, Any]:
        file = self.folder / f"{out}-{config.parallel}.json"
        file.write_text(json.dumps(config.to_dict()))
        places = {"file": file, "data": self.data, "out": self.folder / out}
        return {**{k: str(v) for k, v in places.items()}, **options}

    def by_one(self, out: str, config: TrainConfig, **options: Any) -> None:
        two_processes.train(**self.job(out, config, **options))

    def by_two(self, out: str, config: TrainConfig, **options: Any) -> None:
        self.jobs.append(self.job(out, config, **options))

    def launch(self) -> None:
        (self.folder / "jobs.json").write_text(json.dumps(self.jobs))
        torchrun(SCRIPT, self.folder / "jobs.json")

    def log(self, out: str) -> list[dict[str, float]]:
        return [json.loads(x) for x in (self.folder / out / "log.jsonl").read_text().splitlines()]

    def weights(self, out: str, name: str) -> dict[str, torch.Tensor]:
        return load_file(self.folder / out / f"checkpoint/{name}.safetensors")

    def model(self, out: str) -> dict[str, torch.Tensor]:
        (file,) = (self.folder / out / "model/transformer").glob("*.safetensors")
        return load_file(file)

    def assert_same(self, out: str, other: str, outliers: float) -> None:
        """Losses, moments and weights of two runs are the same, up to rounding.

        Where a gradient is nothing but rounding, as of a bias before a normalisation, Adam's steps
        are so too, and a share of `outliers` of the weights may differ. Of the moments 0.001 may.
        """
        mine, theirs = ([line["loss"] for line in self.log(name)] for name in (out, other))
        assert mine == pytest.approx(theirs, rel=1e-4)
        bounds = {
            "optimizer": (1e-3, 1e-5, 0.001),
            "network": (0, 2e-5, outliers),
            "ema": (0, 2e-5, outliers),
        }
        for name, (rtol, atol, most) in bounds.items():
            one, two = (self.weights(run, name) for run in (out, other))
            assert one.keys() == two.keys()
            odd = sum(
                int(((one[k] - v).abs() > atol + rtol * v.abs()).sum()) for k, v in two.items()
            )
            share = odd / sum(v.numel() for v in one.values())
            assert share <= most, f"{share:.4f} of {name} differ"


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory, toy_data: Path, tiny_config: Make) -> Runs:
    """All trainings of this file in one launch: two processes take long to start."""
    made = Runs(tmp_path_factory.mktemp("runs"), toy_data)
    for name, config in settings(tiny_config).items():
        made.by_one(f"{name}-one", config)
        for layout in LAYOUTS:
            made.by_two(f"{name}-{layout}", replace(config, parallel=layout))
    vae, pdm = (tiny_config(task, steps=3, save_every=2) for task in ("vae", "pdm"))
    made.by_two("accumulate-ddp", replace(vae, accumulate=2))
    ddp, fsdp = pdm, replace(pdm, parallel="fsdp")
    made.by_two("from-ddp-to-fsdp", ddp, stop=3)
    made.by_two("from-ddp-to-fsdp", fsdp)
    made.by_one("from-one-to-fsdp", pdm, stop=3)
    made.by_two("from-one-to-fsdp", fsdp)
    made.by_two("from-fsdp-to-one", fsdp, stop=3)
    made.by_one("untrained", replace(pdm, steps=1, optim=replace(pdm.optim, lr=0.0)))
    made.by_one("frozen-one", pdm, frozen=FROZEN)
    for config in (ddp, fsdp):
        made.by_two(f"frozen-{config.parallel}", config, frozen=FROZEN, stop=3)
        made.by_two(f"frozen-{config.parallel}", config, frozen=FROZEN)
    made.launch()
    made.by_one("from-fsdp-to-one", pdm)
    return made


def settings(tiny_config: Make) -> dict[str, TrainConfig]:
    """What is trained by one process and by two, in either layout."""
    tasks = {task: tiny_config(task, steps=3, save_every=2) for task in TASKS}
    tasks["vae"] = replace(tasks["vae"], preview_every=3)
    muon = replace(tasks["pdm"].optim, name="muon")
    return {
        **tasks,
        "bf16": replace(tasks["pdm"], precision="bf16"),
        "muon": replace(tasks["pdm"], optim=muon),
    }


@pytest.mark.slow
def test_there_are_two_processes(runs: Runs) -> None:
    reports = [json.loads((runs.folder / f"rank{k}.json").read_text()) for k in range(2)]
    assert [r["processes"] for r in reports] == [2, 2]
    assert len({os.getpid(), *(r["pid"] for r in reports)}) == 3
    for layout in LAYOUTS:
        assert {line["processes"] for line in runs.log(f"pdm-{layout}")} == {2}
    assert {line["processes"] for line in runs.log("pdm-one")} == {1}


@pytest.mark.slow
@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("task", TASKS)
def test_two_processes_are_as_one(task: str, layout: str, runs: Runs) -> None:
    runs.assert_same(f"{task}-{layout}", f"{task}-one", outliers=0.0 if task == "pdm" else 0.002)


@pytest.mark.slow
@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize(("name", "near"), [("muon", 1e-4), ("bf16", 1e-2)])
def test_they_are_so_up_to_the_rounding_of_bf16(
    name: str, near: float, layout: str, runs: Runs
) -> None:
    """In which Muon makes its steps orthogonal."""
    one, two = ([x["loss"] for x in runs.log(f"{name}-{k}")] for k in ("one", layout))
    assert two == pytest.approx(one, rel=near)
    assert two != pytest.approx([x["loss"] for x in runs.log(f"pdm-{layout}")], rel=1e-6)


@pytest.mark.slow
def test_micro_batches_of_two_processes(runs: Runs) -> None:
    """On one processor 0.014 of the weights differ, on others fewer than 0.002."""
    runs.assert_same("accumulate-ddp", "vae-one", outliers=0.02)


@pytest.mark.slow
@pytest.mark.parametrize("way", ["ddp-to-fsdp", "one-to-fsdp", "fsdp-to-one"])
def test_a_run_goes_on_in_another_layout(way: str, runs: Runs) -> None:
    runs.assert_same(f"from-{way}", "pdm-one", outliers=0.0)
    assert [line["step"] for line in runs.log(f"from-{way}")] == [1, 2, 3]
    assert len({line["processes"] for line in runs.log(f"from-{way}")}) == 1 + ("one" in way)


@pytest.mark.slow
@pytest.mark.parametrize("layout", LAYOUTS)
def test_frozen_weights_are_neither_trained_nor_stored(layout: str, runs: Runs) -> None:
    runs.assert_same(f"frozen-{layout}", "frozen-one", outliers=0.0)
    stored = runs.weights(f"frozen-{layout}", "network").keys()
    assert stored == {k for k in runs.weights("pdm-one", "network") if not k.startswith(FROZEN)}
    assert runs.weights(f"frozen-{layout}", "ema").keys() == stored
    exported = runs.model(f"frozen-{layout}")
    assert exported.keys() == runs.weights("pdm-one", "network").keys()
    kept = {k: v for k, v in runs.model("untrained").items() if k.startswith(FROZEN)}
    torch.testing.assert_close({k: exported[k] for k in kept}, kept, rtol=0, atol=0)


@pytest.mark.slow
def test_pictures_and_exports_of_shards_are_whole(runs: Runs) -> None:
    for layout in LAYOUTS:
        (picture,) = (runs.folder / f"vae-{layout}/previews").iterdir()
        assert picture.name == "0000003.png"
        exported = runs.model(f"pdm-{layout}")
        torch.testing.assert_close(exported, runs.weights(f"pdm-{layout}", "ema"), rtol=0, atol=0)


@pytest.mark.slow
def test_the_command_prints_once(tiny_config: Make, toy_data: Path, tmp_path: Path) -> None:
    file, out = tmp_path / "settings.json", tmp_path / "run"
    file.write_text(json.dumps(tiny_config("vae", steps=1, parallel="fsdp").to_dict()))
    command = ["-m", "pandiff", "train", "--config", file, "--data", toy_data, "--out", out]
    done = torchrun(*command)
    assert done.stdout == f"model: {out / 'model'}\n"
    lines = [x for x in done.stderr.splitlines() if x.startswith(("step", "Writing", "Loading"))]
    assert [x.split("  ")[0] for x in lines] == ["step 1/1"]
