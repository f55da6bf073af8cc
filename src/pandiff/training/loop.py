"""The training loop: one for every task. The same call resumes."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import torch
from accelerate import Accelerator
from accelerate.state import AcceleratorState
from accelerate.utils import InitProcessGroupKwargs
from torch import Tensor, nn
from torch.utils.data import DataLoader

from pandiff.coco import write_json
from pandiff.collectives import mean_over_ranks
from pandiff.data.shards import ShardDataset, is_shards
from pandiff.errors import InputError
from pandiff.precision import resolve_precision
from pandiff.training.checkpoint import load_checkpoint, replace_folder, save_checkpoint
from pandiff.training.clip_task import ClipTask
from pandiff.training.config import TrainConfig
from pandiff.training.ema import Ema
from pandiff.training.image_prompt_task import ImagePromptTask
from pandiff.training.optimizer import make_optimizer
from pandiff.training.parallel import Layout, make_layout
from pandiff.training.pdm_task import PdmTask
from pandiff.training.progress import Pace
from pandiff.training.resume import check_batch, check_same
from pandiff.training.sampler import StepSampler
from pandiff.training.segmenter_task import SegmenterTask
from pandiff.training.shard_sampler import ShardSampler
from pandiff.training.swin_task import SwinTask
from pandiff.training.task import Task, Tensors, check_filled
from pandiff.training.text_task import TextTask
from pandiff.training.tracker import Tracker
from pandiff.training.vae_task import VaeTask


def make_task(config: TrainConfig, data: str | Path, out: Path, device: torch.device) -> Task:
    """The task that the settings name."""
    if config.task != "pdm" and is_shards(data):
        raise InputError("a dataset folder", f"shards in {data}", "only a pdm trains on shards")
    torch.manual_seed(config.seed)
    folder = Path(data)
    if config.task == "vae":
        return VaeTask(config, folder, device)
    if config.task == "clip":
        return ClipTask(config, folder)
    if config.task == "text":
        return TextTask(config, folder)
    if config.task == "swin":
        return SwinTask(config, folder, device)
    if config.task == "pdm":
        return PdmTask(config, data, device, out / "encoded.safetensors")
    if config.task == "image-prompt":
        return ImagePromptTask(config, folder, device, out / "encoded.safetensors")
    if config.task == "segmenter":
        return SegmenterTask(config, folder, device)
    raise InputError(
        "a task of vae, clip, text, swin, pdm, image-prompt, segmenter",
        repr(config.task),
        "choose one",
    )


MakeTask = Callable[[TrainConfig, str | Path, Path, torch.device], Task]
"""Called as `make_task` is."""


def train(config: TrainConfig, data: str | Path, out: Path, make: MakeTask | None = None) -> Path:
    """Train, or go on where `out` left off, and export the averaged weights.

    Args:
        config: the settings; those of a run that is resumed must be the same, `steps` aside.
        data: a dataset folder; for a pdm also shards, or their address.
        out: the run's folder: checkpoint/, model/, previews/, log.jsonl, config.json.
        make: makes the task; by default the one that the settings name.

    Returns:
        The folder of the exported model.

    Raises:
        InputError: if `out` holds a run with other settings, or one of them makes no sense.
    """
    accelerator = _accelerator(config)
    check_batch(config, accelerator.num_processes)
    check_same(config, out)
    with accelerator.main_process_first():  # which may encode the data, once for all
        task = (make or make_task)(config, data, out, accelerator.device)
    check_filled(task.dataset, data)
    if accelerator.is_main_process:
        write_json(out / "config.json", config.to_dict())
    layout = make_layout(config.parallel, accelerator)
    objective, ema = layout.prepare(_Objective(task), task.network)
    optimizer = make_optimizer(config.optim, task.network)
    state = load_checkpoint(out / "checkpoint", task.network, ema, optimizer)
    start = int(state["step"]) if state else 0
    run = _Run(config, out, accelerator, layout, task, objective, ema, optimizer, start)
    run.steps()
    run.finish()
    accelerator.wait_for_everyone()
    return out / "model"


class _Objective(nn.Module):
    """A task's losses as a module, which is wrapped for many processes and for bf16.

    So a task may use its network in any way, not by its `forward` alone.
    """

    def __init__(self, task: Task) -> None:
        super().__init__()
        self.task, self.network = task, task.network

    def forward(self, batch: Tensors, draws: Tensors) -> Tensors:
        return self.task.losses(self.network, batch, draws)


class _Run:
    """The state of a run between two steps."""

    def __init__(
        self,
        config: TrainConfig,
        out: Path,
        accelerator: Accelerator,
        layout: Layout,
        task: Task,
        objective: nn.Module,
        ema: Ema,
        optimizer: torch.optim.Optimizer,
        start: int,
    ) -> None:
        self.config, self.out, self.accelerator, self.layout = config, out, accelerator, layout
        self.task, self.network, self.objective = task, task.network, objective
        self.ema, self.optimizer, self.start = ema, optimizer, start
        self.tracker = Tracker(out, start, enabled=accelerator.is_main_process)

    def steps(self) -> None:
        """Run the steps from the start to the end."""
        pace = Pace(self.start, self.config.steps)
        for step, batch in enumerate(self._loader(), start=self.start):
            scalars = self._step(step, batch)
            done = step + 1
            if done % self.config.log_every == 0:
                pace.update(done)
                self._log(done, scalars, pace)
            if done % self.config.save_every == 0 or done == self.config.steps:
                self._save(done)
            if done % self.config.preview_every == 0:
                self._preview(done)

    def _loader(self) -> DataLoader[Any]:
        a, c = self.accelerator, self.config
        dataset, mine = self.task.dataset, (a.process_index, a.num_processes)
        sampler = (
            ShardSampler(dataset.order(c.seed), c.batch_size, self.start, c.steps, *mine)
            if isinstance(dataset, ShardDataset)
            else StepSampler(len(dataset), c.batch_size, c.seed, self.start, c.steps, *mine)
        )
        return DataLoader(dataset, batch_sampler=sampler, num_workers=c.workers, collate_fn=_as_is)

    def _step(self, step: int, batch: Tensors) -> Tensors:
        rate = self.config.optim.rate(step, self.config.steps)
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        several = self._gradient(step, batch)
        norm = self.layout.clip(self.network, self.config.optim.clip)
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        self.ema.update(self.network, self.config.optim.ema_decay(step))
        scalars = {k: torch.stack([s[k] for s in several]).mean() for k in several[0]}
        return {**scalars, "norm": norm, "lr": torch.tensor(rate)}

    def _gradient(self, step: int, batch: Tensors) -> list[Tensors]:
        """The gradient of a step; its processes meet at the last micro-batch."""
        *first, last = self._parts(step, batch)
        with self.accelerator.no_sync(self.objective):
            several = [self._backward(*part) for part in first]
        return [*several, self._backward(*last)]

    def _backward(self, part: Tensors, draws: Tensors) -> Tensors:
        """Add the gradient of one micro-batch; returns its scalars."""
        scalars = self.objective(part, draws)
        self.accelerator.backward(scalars["loss"] / self.config.accumulate)
        return {k: v.detach() for k, v in scalars.items()}

    def _parts(self, step: int, batch: Tensors) -> list[tuple[Tensors, Tensors]]:
        """The micro-batches of a step, each with what is drawn for it.

        All ranks draw for the whole batch and take their rows, so that a step is the same for
        any number of processes.
        """
        generator = torch.Generator().manual_seed(self.config.step_seed(step))
        draws = self.task.draw(self.config.batch_size, generator)
        a, n = self.accelerator, self.config.accumulate
        mine = {k: v.chunk(a.num_processes)[a.process_index] for k, v in draws.items()}
        batch = {k: v.to(a.device, non_blocking=True) for k, v in batch.items()}
        mine = {k: v.to(a.device, non_blocking=True) for k, v in mine.items()}
        return [
            (
                {k: v.chunk(n)[i] for k, v in batch.items()},
                {k: v.chunk(n)[i] for k, v in mine.items()},
            )
            for i in range(n)
        ]

    def _log(self, done: int, scalars: Tensors, pace: Pace) -> None:
        device = self.accelerator.device
        means = mean_over_ranks(torch.stack([v.to(device).float() for v in scalars.values()]))
        values = {k: round(v, 6) for k, v in zip(scalars, means.tolist(), strict=True)}
        self.tracker.log(done, values, pace)

    def _save(self, done: int) -> None:
        folder, state = self.out / "checkpoint", {"step": done}
        save_checkpoint(folder, self.network, self.ema, self.optimizer, state)
        self.accelerator.wait_for_everyone()

    def _preview(self, done: int) -> None:
        network = self.layout.averaged(self.ema)
        if network is not None:
            folder = self.out / "previews"
            folder.mkdir(exist_ok=True)
            self.task.preview(network).save(folder / f"{done:07d}.png")

    def finish(self) -> None:
        """Export the averaged weights, whole or not at all."""
        self.tracker.close()
        network = self.layout.averaged(self.ema)
        if network is None:
            return
        fresh = self.out / "model.new"
        shutil.rmtree(fresh, ignore_errors=True)
        self.task.export(network, fresh)
        replace_folder(fresh, self.out / "model")


def _accelerator(config: TrainConfig) -> Accelerator:
    """Accelerate in this run's precision: by itself it keeps that of the process's first run.

    Processes wait an hour for one another, as the first one encodes, draws and exports alone.
    """
    AcceleratorState._reset_state()
    device = "cuda" if torch.cuda.is_available() else "cpu"
    patience = InitProcessGroupKwargs(timeout=timedelta(hours=1))
    return Accelerator(
        mixed_precision=resolve_precision(config.precision, device),
        cpu=device == "cpu",
        kwargs_handlers=[patience],
    )


def _as_is(batch: dict[str, Tensor]) -> dict[str, Tensor]:
    return batch
