"""The page on many GPUs and the script for Slurm: their commands are such as exist."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
from pathlib import Path

from pandiff.cli import parse
from pandiff.training.settings import read_settings

BLOCK = re.compile(r"^```bash\n(.*?)^```$", re.MULTILINE | re.DOTALL)
SCRIPT = "scripts/launch_slurm.sh"
FAKES = {
    "scontrol": 'echo node7; echo node8; [ "$1 $2 $3" = "show hostnames node[7-8]" ]',
    "srun": 'shift; "$@"',
    "torchrun": 'printf "%s\\n" "$@"',
}


def commands(root: Path) -> list[list[str]]:
    """The commands of the page, as words."""
    text = (root / "docs/distributed.md").read_text(encoding="utf-8")
    lines = "".join(BLOCK.findall(text)).replace("\\\n", " ").splitlines()
    return [shlex.split(line) for line in lines]


def arguments(command: list[str], root: Path) -> list[str]:
    """What of a command is pandiff's."""
    if SCRIPT in command:
        return ["train", *command[command.index(SCRIPT) + 1 :]]
    return command[command.index("pandiff") + 1 :]


def launch(root: Path, folder: Path, **environment: str) -> list[str]:
    """What the script gives to torchrun, in a job on two nodes."""
    for name, text in FAKES.items():
        (folder / name).write_text(f"#!/bin/sh\n{text}\n")
        (folder / name).chmod(0o755)
    path = os.pathsep.join([str(folder), os.environ["PATH"]])
    job = {"SLURM_JOB_ID": "60031", "SLURM_JOB_NODELIST": "node[7-8]", "SLURM_CPUS_PER_TASK": "4"}
    command = ["bash", str(root / SCRIPT), "--preset", "scenes", "--out", "a run"]
    environment = {**os.environ, **job, "PATH": path, **environment}
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_pages_commands_are_understood(root: Path) -> None:
    found = commands(root)
    assert {c[0] for c in found if "=" not in c[0]} == {"pandiff", "torchrun", "sbatch"}
    for command in found:
        args = parse(arguments(command, root))
        read_settings(args.preset, args.config, args.settings)


def test_torchrun_knows_its_options(root: Path) -> None:
    from torch.distributed.run import get_args_parser

    for command in (c for c in commands(root) if "torchrun" in c):
        start = command.index("torchrun") + 1
        get_args_parser().parse_args(command[start:])


def test_the_script_is_bash(root: Path) -> None:
    subprocess.run(["bash", "-n", root / SCRIPT], check=True)
    assert os.access(root / SCRIPT, os.X_OK)


def test_the_script_starts_torchrun(root: Path, tmp_path: Path) -> None:
    from torch.distributed.run import get_args_parser

    words = launch(root, tmp_path)
    args = get_args_parser().parse_args(words)
    assert (args.nnodes, args.nproc_per_node, args.module) == ("2", "gpu", True)
    assert (args.rdzv_endpoint, args.rdzv_id) == ("node7:20031", "60031")
    given = ["train", "--preset", "scenes", "--out", "a run"]
    assert [args.training_script, *args.training_script_args] == ["pandiff", *given]
    assert "3" in launch(root, tmp_path, PROCESSES="3")


def test_the_script_needs_a_job(root: Path) -> None:
    environment = {k: v for k, v in os.environ.items() if not k.startswith("SLURM")}
    done = subprocess.run(["bash", root / SCRIPT], env=environment, capture_output=True, text=True)
    assert done.returncode != 0
    assert "start this with sbatch" in done.stderr


def test_links_lead_somewhere(root: Path) -> None:
    text = (root / "docs/distributed.md").read_text(encoding="utf-8")
    targets = re.findall(r"\]\((?!https?://|#)([^)\s#]+)", text)
    assert targets and not [t for t in targets if not (root / "docs" / t).exists()]
