"""From prompts to a dataset: filtered, resumable, in any number of processes."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from pandiff.errors import InputError
from pandiff.evaluation.segmenters import Segmenter
from pandiff.pipeline import PanopticDiffusionPipeline
from pandiff.synthesis.synthesize.crew import Crew
from pandiff.synthesis.synthesize.folder import Folder
from pandiff.synthesis.synthesize.journal import Journal
from pandiff.synthesis.synthesize.judge import Judge
from pandiff.synthesis.synthesize.ledger import Ledger
from pandiff.synthesis.synthesize.maker import Maker
from pandiff.synthesis.synthesize.merge import merge
from pandiff.synthesis.synthesize.options import Options, digest_of
from pandiff.synthesis.synthesize.plan import Plan
from pandiff.synthesis.synthesize.summary import Facts, Summary
from pandiff.synthesis.synthesize.worker import Worker

HOPELESS = 512
"""So many candidates of which none passes the filters end a run."""
POLL = 0.2
"""Seconds between two looks at what the other processes have done."""

Progress = Callable[[int, int, int], None]


def synthesize(
    pipe: PanopticDiffusionPipeline,
    plan: Plan,
    out: Path,
    options: Options,
    *,
    model: str = "",
    segmenter: Segmenter | None = None,
    crew: Crew | None = None,
    progress: Progress = lambda done, total, dropped: None,
    warn: Callable[[str], None] = lambda line: None,
) -> Summary | None:
    """Make a dataset; the same call goes on where it stopped, or says what it made.

    Candidate k of sample i is drawn from (seed, i, k). A sample's candidates are made until one
    passes the filters; after `tries` of them with another prompt. So the dataset is a function of
    the settings, the model and the plan: not of the batch size, the number of processes or
    interruptions, as far as the processor computes the same in batches of different sizes; see
    docs/synthesis.md.

    Args:
        pipe: the model.
        plan: the prompts.
        out: folder of the dataset; new, empty, or begun with the same settings.
        options: how it is made.
        model: the model's name, for the dataset card.
        segmenter: for the agreement of image and map; None leaves it out.
        crew: the processes among which the samples are divided; this one alone by default.
        progress: called with (samples done, samples, candidates dropped) of this process.
        warn: called with a line for each bad sample.

    Returns:
        What was made; None in all processes but the first.

    Raises:
        InputError: if `out` holds something else, the disk is full, no sample passes the filters,
            nothing can be made, or another process is not heard of.
    """
    judge, crew = Judge(options.thresholds, segmenter), crew or Crew()
    settings = {
        "model": digest_of(pipe),
        "segmenter": segmenter.name if segmenter else None,
        **options.record(),
        **plan.settings,
    }
    folder, facts = Folder(out, settings), Facts(model, settings)
    folder.claim()
    try:
        if folder.result() is None:
            with Journal(folder.work, crew.rank) as journal:
                make = Maker(pipe, options.sampling_in_batches, options.clean)
                ledger = options.ledger(pipe.taxonomy.num_classes)
                worker = Worker(make, judge, plan, journal, ledger, out, options, crew, warn)
                _Run(worker, journal, ledger, crew, folder, progress).work()
                if crew.rank == 0:
                    merge(out, journal, ledger, pipe.taxonomy, options, facts)
    except OSError as error:
        got, remedy = f"{error.strerror or error}", "make room; the same command goes on"
        raise InputError(f"to write in {out}", got, remedy) from error
    if crew.rank:
        return None
    folder.finish()
    result = folder.result()
    assert result is not None
    return Summary(**result["counts"])


class _Run:
    """Works until all that this process must wait for is done."""

    def __init__(
        self,
        worker: Worker,
        journal: Journal,
        ledger: Ledger,
        crew: Crew,
        folder: Folder,
        progress: Progress,
    ) -> None:
        self._worker, self._journal, self._ledger = worker, journal, ledger
        self._crew, self._folder, self._progress = crew, folder, progress
        self._heard = time.monotonic()

    def work(self) -> None:
        """Work and wait.

        Raises:
            InputError: if the others are not heard of for too long.
        """
        self._read()
        self._report()
        while not self._is_done():
            if self._worker.step():
                self._heard = time.monotonic()
                self._report()
            elif not self._read():
                if self._crew.rank and self._folder.result() is not None:
                    return
                self._wait()

    def _report(self) -> None:
        total = len(self._worker.slots)
        left = len(self._ledger.unsettled(self._worker.slots))
        self._progress(total - left, total, self._worker.dropped)

    def _is_done(self) -> bool:
        if self._is_hopeless():
            return True
        if self._crew.rank and not self._ledger.has_rounds:
            return not self._ledger.unsettled(self._worker.slots)
        return self._ledger.is_complete

    def _is_hopeless(self) -> bool:
        """Whether it is time to say that the filters ask for too much."""
        ledger = self._ledger
        return ledger.tried >= HOPELESS and not ledger.passed and not self._worker.keeps_best

    def _read(self) -> bool:
        """Take up what the others have written; whether there was anything new."""
        before = self._ledger.round
        found = False
        for place, line in self._journal.news():
            self._ledger.add(line, place)
            found = True
        self._ledger.advance()
        if found:
            self._heard = time.monotonic()
        return found or self._ledger.round > before

    def _wait(self) -> None:
        silent = time.monotonic() - self._heard
        if silent > self._crew.timeout:
            missing = self._crew.owners(self._ledger.unsettled(self._ledger.open))
            raise InputError(
                f"the samples of {self._crew.world} processes",
                f"nothing from process {', '.join(map(str, missing))} for {silent:.0f} s",
                "see why it stopped; the same command goes on",
            )
        time.sleep(POLL)
