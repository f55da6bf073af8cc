"""The study: each arm with each seed is trained, scored on unseen real pairs, and kept.

real, generated --arm--> pairs --fit--> segmenter --test images--> maps --test maps--> scores
rival: labelled real --fit--> segmenter --generated images--> maps: the arm's pairs
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

from pandiff.coco import Progress
from pandiff.evaluation.downstream.examples import (
    BATCH,
    Examples,
    FolderExamples,
    chosen,
    relabelled,
)
from pandiff.evaluation.downstream.fitting import fit
from pandiff.evaluation.downstream.learners import LEARNERS
from pandiff.evaluation.downstream.report import write_report
from pandiff.evaluation.downstream.runs import (
    MODELS,
    SCORES,
    Run,
    fingerprint,
    name,
    read_runs,
    save_model,
    write_run,
)
from pandiff.evaluation.downstream.settings import (
    GENERATED,
    LABELLED,
    REAL,
    RIVAL,
    Settings,
    Sources,
    check_arms,
)
from pandiff.evaluation.machine import machine
from pandiff.evaluation.score import GROUPS, MapScores
from pandiff.evaluation.segmenters import Segmenter, find_segmenter

Bars = Callable[[str], Progress]


class Study:
    """One test set, the pairs to learn from, and the folder of what is finished.

    Args:
        sources: the dataset folders.
        settings: of every training.
        out: where the results go.
        device: where segmenters train and predict.
        bars: gives a progress bar for each kind of work.

    Raises:
        InputError: if a folder cannot be read or has other categories, or `out` holds runs of
            other settings or data.
    """

    def __init__(
        self,
        sources: Sources,
        settings: Settings,
        out: Path,
        device: torch.device | str = "cpu",
        bars: Bars = lambda what: iter,
    ) -> None:
        self.settings, self.out, self.device, self.bars = settings, out, device, bars
        self.test = FolderExamples(sources.test, settings.size)
        self.taxonomy = self.test.taxonomy
        paths = {REAL: sources.real, GENERATED: sources.generated}
        self.pairs = {
            role: FolderExamples(path, settings.size, self.taxonomy)
            for role, path in paths.items()
            if path is not None
        }
        given = {role: path for role, path in paths.items() if path} | {"test": sources.test}
        self.setup = asdict(settings) | {f"{r}_data": fingerprint(p) for r, p in given.items()}
        self.finished = read_runs(out, self.setup)

    def run(self, arm: str, seed: int) -> Run:
        """The run of an arm and a seed: the finished one, or a new one."""
        if (arm, seed) in self.finished:
            return self.finished[arm, seed]
        start, what = time.monotonic(), f"{arm}, seed {seed}"
        parts = self.parts(arm, seed)
        fitted = fit(
            parts, self.taxonomy, self.settings, seed, device=self.device, progress=self.bars(what)
        )
        learner = LEARNERS[self.settings.segmenter]
        processor = learner.processor(self.settings.size)
        save_model(self.out, name(arm, seed), fitted.network, processor)
        scores = self.score(self.segmenter(arm, seed))
        run = Run(
            arm, seed, self.setup, sum(map(len, parts)), scores, round(fitted.loss, 4),
            round(time.monotonic() - start, 1), round(fitted.seconds_per_step, 4), machine(),
        )  # fmt: skip
        write_run(self.out, run)
        self.finished[arm, seed] = run
        return run

    def parts(self, arm: str, seed: int) -> Sequence[Examples]:
        """What an arm learns from; the rival's segmenter is trained first."""
        if arm == LABELLED:
            return [chosen(self.pairs[REAL], self.settings.labelled, seed)]
        if arm == RIVAL:
            self.run(LABELLED, seed)
            images = self.pairs[GENERATED]
            starts = self.bars(f"maps of the rival, seed {seed}")(range(0, len(images), BATCH))
            return [relabelled(images, self.segmenter(LABELLED, seed), starts)]
        return [self.pairs[role] for role in ((REAL, GENERATED) if arm == "both" else (arm,))]

    def segmenter(self, arm: str, seed: int) -> Segmenter:
        """The segmenter of a finished run."""
        folder = self.out / MODELS / name(arm, seed)
        return find_segmenter(folder, self.taxonomy, self.device)

    def score(self, segmenter: Segmenter) -> dict[str, float]:
        """PQ of all, things and stuff, and mIoU, on the test pairs."""
        scores = MapScores(self.taxonomy)
        for start in range(0, len(self.test), BATCH):
            numbers = range(start, min(start + BATCH, len(self.test)))
            maps = segmenter([self.test.image(k) for k in numbers])
            for k, found in zip(numbers, maps, strict=True):
                scores.add(self.test.panoptic(k), found)
        metrics = scores.metrics()
        quality = {f"pq_{group}": metrics["pq"][group]["pq"] for group in GROUPS}
        semantic = LEARNERS[self.settings.segmenter].semantic
        return ({} if semantic else quality) | {SCORES[-1]: metrics["miou"]}


def downstream(
    sources: Sources,
    out: Path,
    arms: tuple[str, ...],
    seeds: tuple[int, ...],
    settings: Settings,
    *,
    device: torch.device | str = "cpu",
    command: str = "",
    bars: Bars = lambda what: iter,
) -> dict[str, Any]:
    """Train and score each arm with each seed; write `out/downstream.json` and `report.html`.

    Finished runs are kept: the same call goes on, and one with more arms or seeds adds them.

    Args:
        sources: the dataset folders.
        out: a new folder, or that of a study of the same settings.
        arms: of `settings.ARMS`.
        seeds: one or more.
        settings: of every training.
        device: where segmenters train and predict.
        command: that started this, for the record.
        bars: gives a progress bar for each kind of work.

    Returns:
        What downstream.json holds.

    Raises:
        InputError: if an arm is not known or lacks its folder, a folder cannot be read or has
            other categories, or `out` holds runs of other settings or data.
    """
    check_arms(arms, sources)
    study = Study(sources, settings, out, device, bars)
    for seed in seeds:
        for arm in arms:
            study.run(arm, seed)
    return write_report(study, command)
