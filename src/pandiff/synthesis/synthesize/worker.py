"""One process's share of the work: candidates for its slots, judged, written and noted."""

from __future__ import annotations

import base64
import io
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Any

from PIL import Image

from pandiff.coco import save_sample
from pandiff.draw.paint import render
from pandiff.synthesis.synthesize.crew import Crew
from pandiff.synthesis.synthesize.duplicates import Mark
from pandiff.synthesis.synthesize.journal import Journal, Line
from pandiff.synthesis.synthesize.judge import BAD, Judge, Verdict
from pandiff.synthesis.synthesize.ledger import Ledger
from pandiff.synthesis.synthesize.maker import Candidate, Failure, Maker, Task
from pandiff.synthesis.synthesize.options import Options
from pandiff.synthesis.synthesize.plan import Plan

SHOWN = 1000
"""Of these first slots the report takes its examples."""
THUMB = 96
"""Side of an example in pixels."""


class Worker:
    """Makes the candidates of its process's slots.

    Args:
        make, judge, plan: what makes candidates, looks at them, and says what is asked.
        journal, ledger: where they are noted.
        out: the dataset folder.
        options: how they are made.
        crew: which slots are its own.
        warn: told of bad samples, a line each.
    """

    def __init__(
        self,
        make: Maker,
        judge: Judge,
        plan: Plan,
        journal: Journal,
        ledger: Ledger,
        out: Path,
        options: Options,
        crew: Crew,
        warn: Callable[[str], None],
    ) -> None:
        self._make, self._judge, self._plan = make, judge, plan
        self._journal, self._ledger, self._out, self._options = journal, ledger, out, options
        self._crew, self._warn = crew, warn
        self._round, self._queue = -1, deque[int]()
        self.made = self.dropped = 0

    @property
    def slots(self) -> range:
        """The slots of this process."""
        return range(self._crew.rank, self._options.count, self._crew.world)

    @property
    def keeps_best(self) -> bool:
        """Whether a slot without a candidate that passes has a sample all the same."""
        return self._options.keep_best

    def step(self) -> bool:
        """Make one batch; False if there is nothing to do at present.

        Raises:
            InputError: if nothing can be made at all.
            OSError: if there is no room on the disk.
        """
        tasks = self._tasks()
        if not tasks:
            return False
        for task, made in zip(tasks, self._make(tasks), strict=True):
            if not self._ledger.is_settled(task.slot):
                self._note(task, made)
        return True

    def _tasks(self) -> list[Task]:
        """The next candidate of each of the first slots; then, where there is room, those after."""
        slots, size = self._front(), self._options.batch_size
        ahead = [
            (slot, self._ledger.slots[slot].tried + k)
            for k in range(size)
            for slot in slots
            if self._ledger.slots[slot].tried + k < self._options.most
        ]
        return [self._task(slot, attempt) for slot, attempt in ahead[:size]]

    def _task(self, slot: int, attempt: int) -> Task:
        caption = self._plan(slot, attempt // self._options.tries)
        return Task.of(self._options.sampling.seed, slot, attempt, caption)

    def _front(self) -> list[int]:
        """The first slots that need candidates, one batch of them at most."""
        if self._round != self._ledger.round:
            self._round = self._ledger.round
            self._queue = deque(filter(self._crew.has, self._ledger.open))
        front: list[int] = []
        while self._queue and len(front) < self._options.batch_size:
            slot = self._queue.popleft()
            if not self._ledger.is_settled(slot):
                front.append(slot)
        self._queue.extendleft(reversed(front))
        return front

    def _note(self, task: Task, made: Candidate | Failure) -> None:
        if isinstance(made, Failure):
            self._warn(f"sample {task.slot + 1}, try {task.attempt + 1}: {made.why}; dropped")
            verdict = Verdict({}, BAD, made.why, None)
        else:
            verdict = self._judge(task.caption, made)
        self.made, self.dropped = self.made + 1, self.dropped + (verdict.reason is not None)
        line = self._line(task, made, verdict)
        self._ledger.add(line, self._journal.add(line))

    def _line(self, task: Task, made: Candidate | Failure, verdict: Verdict) -> Line:
        """A candidate's line in the journal; its files are written first if it is to be kept."""
        line: Line = {
            "slot": task.slot,
            "attempt": task.attempt,
            "seed": task.seed,
            "prompt": task.caption.text,
            "reason": verdict.reason,
            "why": verdict.why,
            "scores": verdict.scores,
            "shortfall": verdict.shortfall,
        }
        if isinstance(made, Failure):
            return line
        if task.slot < SHOWN:
            line["thumb"] = thumb(made)
        if verdict.reason is None and self._options.thresholds.near_duplicates is not None:
            line["mark"] = Mark.of(made.image, made.panoptic).to_json()
        if self._is_kept(task, verdict):
            line["entry"] = self._save(task, made, verdict)
        return line

    def _is_kept(self, task: Task, verdict: Verdict) -> bool:
        if verdict.reason is None:
            return True
        best = self._ledger.slots[task.slot]
        return self._options.keep_best and best.is_better(verdict.shortfall, task.attempt)

    def _save(self, task: Task, made: Candidate, verdict: Verdict) -> dict[str, Any]:
        number, text = task.slot + 1, task.caption.text
        manifest = {
            "prompt": text,
            "seed": task.seed,
            **self._options.sampling.record(),
            "candidate": task.attempt,
            **verdict.scores,
        }
        name = f"{number:012d}.{self._options.image_format}"
        captions = [text] if text else []
        return save_sample(self._out, number, name, made.image, made.panoptic, captions, manifest)


def thumb(made: Candidate) -> str:
    """A small picture of a sample, image beside map, as a JPEG in base64."""
    side = (THUMB, THUMB)
    picture = Image.new("RGB", (2 * THUMB + 2, THUMB), "white")
    picture.paste(made.image.convert("RGB").resize(side, Image.Resampling.BOX), (0, 0))
    picture.paste(render(made.panoptic.resize(side)), (THUMB + 2, 0))
    data = io.BytesIO()
    picture.save(data, "JPEG", quality=80)
    return base64.b64encode(data.getvalue()).decode()
