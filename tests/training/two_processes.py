"""Runs trainings in each process that torchrun starts; see test_distributed.py."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

from torch import distributed as dist

from pandiff.training import loop
from pandiff.training.settings import read_settings
from pandiff.training.task import Task
from pandiff.training.tracker import Tracker

make_task, log = loop.make_task, Tracker.log


def train(file: str, data: str, out: str, stop: int | None = None, frozen: str = "") -> None:
    """Train with the settings of a file.

    Args:
        file, data, out: see `pandiff train`.
        stop: the step at which the run is interrupted.
        frozen: beginning of the names of parameters that are not trained.
    """

    def make_frozen(*arguments: object) -> Task:
        task = make_task(*arguments)
        for name, parameter in task.network.named_parameters():
            parameter.requires_grad_(not (frozen and name.startswith(frozen)))
        return task

    def interrupt(self: Tracker, step: int, *others: object) -> None:
        if step == stop:
            raise KeyboardInterrupt
        log(self, step, *others)

    loop.make_task, Tracker.log = make_frozen, interrupt
    try:
        loop.train(read_settings(None, Path(file)), Path(data), Path(out))
    except KeyboardInterrupt:
        return
    finally:
        loop.make_task, Tracker.log = make_task, log


def main(jobs: Path) -> None:
    """Do the jobs of a file, one after another, and report who did them."""
    for job in json.loads(jobs.read_text()):
        train(**job)
    report = {"pid": os.getpid(), "processes": dist.get_world_size()}
    jobs.with_name(f"rank{dist.get_rank()}.json").write_text(json.dumps(report))
    dist.destroy_process_group()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
