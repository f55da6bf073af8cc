"""Datasets: filtered, the same however they come about, and never half there."""

from __future__ import annotations

import copy
import errno
import json
import multiprocessing
import os
import re
import signal
import weakref
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from pandiff.coco import PanopticFolder
from pandiff.data.scenes import Caption
from pandiff.errors import InputError
from pandiff.evaluation.validate import validate
from pandiff.pipeline import PanopticDiffusionPipeline
from pandiff.synthesis.generate import Settings
from pandiff.synthesis.synthesize import (
    CleanUp,
    Crew,
    Options,
    Plan,
    Summary,
    Thresholds,
    journal,
    merge,
    read_plan,
    run,
    synthesize,
    worker,
)

Make = Callable[..., Summary | None]
FILTERED = Options(
    10,
    Settings(steps=2, batch_size=4),
    Thresholds(confidence=0.515, adherence=0.5, near_duplicates=0.25),
    CleanUp(void_below=0.4),
    tries=12,
)


@pytest.fixture
def make(pipe: PanopticDiffusionPipeline, plan: Plan) -> Make:
    """Synthesizes with the small model."""

    def call(out: Path, options: Options = FILTERED, **arguments: Any) -> Summary | None:
        return synthesize(pipe, plan, out, options, model="org/boxes", **arguments)

    return call


@pytest.fixture(scope="module")
def whole(
    pipe: PanopticDiffusionPipeline, plan: Plan, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, bytes]:
    """What a run makes if nothing happens."""
    out = tmp_path_factory.mktemp("whole") / "set"
    synthesize(pipe, plan, out, FILTERED, model="org/boxes")
    return content(out)


def content(out: Path) -> dict[str, bytes]:
    files = sorted(p for p in out.rglob("*") if p.is_file())
    return {p.relative_to(out).as_posix(): p.read_bytes() for p in files}


def records(out: Path, name: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (out / name).read_text().splitlines()]


def batch_of(size: int) -> Options:
    return replace(FILTERED, sampling=replace(FILTERED.sampling, batch_size=size))


def test_a_dataset(make: Make, tmp_path: Path) -> None:
    out = tmp_path / "set"
    summary = make(out)
    assert summary is not None
    assert sorted(p.name for p in out.iterdir()) == [
        "README.md", "balance.svg", "captions.json", "dropped.jsonl", "images", "manifest.jsonl",
        "panoptic", "panoptic.json", "report.html", "synthesis.json",
    ]  # fmt: skip
    assert validate(out) == []
    folder, kept = PanopticFolder.open(out), records(out, "manifest.jsonl")
    assert summary.made == len(folder) == len(kept) == 10
    assert [r["image_id"] for r in kept] == list(range(1, 11)), "no duplicates, no gaps"
    assert [folder.captions(k) for k in range(3)] == [[r["prompt"]] for r in kept[:3]]
    assert all(r["confidence"] >= 0.515 and r["adherence"] >= 0.5 for r in kept)
    assert len({r["seed"] for r in kept}) == 10
    assert any((folder.panoptic(k).ids == 0).any() for k in range(10)), "void, as asked"


def test_what_was_dropped_and_why(make: Make, tmp_path: Path) -> None:
    out = tmp_path / "set"
    summary, dropped = make(out), records(out, "dropped.jsonl")
    assert summary is not None
    assert {"confidence", "near duplicate"} <= set(summary.dropped)
    assert sum(summary.dropped.values()) == len(dropped) == summary.tried - summary.made
    for name, count in summary.dropped.items():
        assert sum(d["reason"] == name for d in dropped) == count
    tried = {(d["image_id"], d["attempt"]) for d in dropped}
    tried |= {(r["image_id"], r["candidate"]) for r in records(out, "manifest.jsonl")}
    assert len(tried) == summary.tried
    for image_id in range(1, 11):
        attempts = sorted(k for i, k in tried if i == image_id)
        assert attempts == list(range(len(attempts))), "each candidate once"
    assert all(d["scores"]["confidence"] < 0.515 for d in dropped if d["reason"] == "confidence")
    near = [d["why"] for d in dropped if d["reason"] == "near duplicate"]
    assert all(re.fullmatch(r"differs by 0\.\d{3} from sample \d+", why) for why in near)


@pytest.mark.parametrize("size", [1, 5, 16])
def test_any_batch_size_makes_the_same(
    size: int, make: Make, whole: dict[str, bytes], tmp_path: Path
) -> None:
    make(tmp_path / "set", batch_of(size))
    assert content(tmp_path / "set") == whole


def test_a_run_in_pieces_makes_the_same(
    make: Make, whole: dict[str, bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ctrl-C at every candidate, with another batch size each time."""
    left = 0
    add = journal.Journal.add

    def interrupt(self: journal.Journal, line: journal.Line) -> journal.Place:
        nonlocal left
        left -= 1
        if left < 0:
            raise KeyboardInterrupt
        return add(self, line)

    monkeypatch.setattr(journal.Journal, "add", interrupt)
    for start in range(200):
        left = 3
        try:
            make(tmp_path / "set", batch_of(4 + start % 5))
            break
        except KeyboardInterrupt:
            assert not (tmp_path / "set/panoptic.json").exists()
    assert start > 5
    assert content(tmp_path / "set") == whole


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


PLACES: dict[str, tuple[Any, str, int]] = {
    "before any sample": (worker, "save_sample", 0),
    "before a sample": (worker, "save_sample", 4),
    "between files and journal": (journal.Journal, "add", 7),
    "in a line of the journal": (journal.os, "write", 5),
    "before the end": (run, "merge", 0),
    "in the end": (merge, "report", 0),
    "before the last file": (merge.FolderWriter, "close", 0),
    "after the last file": (run.Folder, "finish", 0),
}


def killed(work: Callable[[], object], owner: Any, name: str, calls: int) -> None:
    """Do some work in a process that is killed in the call after so many of a function."""

    def child() -> None:
        function, left = getattr(owner, name), calls

        def counted(*arguments: Any, **options: Any) -> Any:
            nonlocal left
            left -= 1
            if left < 0:
                if name == "write":
                    function(arguments[0], arguments[1][:20])
                die()
            return function(*arguments, **options)

        setattr(owner, name, counted)
        work()

    process = multiprocessing.get_context("fork").Process(target=child)
    process.start()
    process.join(120)
    assert process.exitcode == -signal.SIGKILL


@pytest.mark.parametrize("place", PLACES.values(), ids=PLACES)
def test_a_kill_at_any_moment(
    place: tuple[Any, str, int], make: Make, whole: dict[str, bytes], tmp_path: Path
) -> None:
    """A real SIGKILL; what is there is then gone on with, by another number of processes too."""
    out = tmp_path / "set"
    killed(lambda: make(out), *place)
    summary = make(out)
    assert summary is not None and summary.made == 10
    assert content(out) == whole


def test_another_number_of_processes_goes_on(
    make: Make, whole: dict[str, bytes], tmp_path: Path
) -> None:
    """Killed as one of three, gone on with as the only one."""
    out = tmp_path / "set"
    for rank in (2, 1):
        killed(lambda r=rank: make(out, crew=Crew(r, 3)), journal.Journal, "add", 2)
    make(out)
    assert content(out) == whole


def test_several_processes_make_the_same(
    pipe: PanopticDiffusionPipeline, plan: Plan, whole: dict[str, bytes], tmp_path: Path
) -> None:
    """Three at once, which wait for each other after each round of near duplicates."""

    def work(rank: int) -> Summary | None:
        own = copy.deepcopy(pipe)
        return synthesize(
            own, plan, tmp_path / "set", FILTERED, model="org/boxes", crew=Crew(rank, 3, 60)
        )

    with ThreadPoolExecutor(3) as pool:
        first, *others = pool.map(work, range(3))
    assert first is not None and others == [None, None]
    assert content(tmp_path / "set") == whole


def test_without_rounds_nobody_waits(make: Make, tmp_path: Path) -> None:
    """Where near duplicates are kept, processes may work one after another, the first last."""
    options = replace(FILTERED, count=5, thresholds=Thresholds(0.5))
    make(tmp_path / "one", options)
    for rank in (1, 2, 0):
        assert (make(tmp_path / "many", options, crew=Crew(rank, 3, 60)) is None) == (rank > 0)
    assert make(tmp_path / "many", options, crew=Crew(1, 3, 60)) is None, "too late, but in peace"
    assert content(tmp_path / "many") == content(tmp_path / "one")


def test_a_process_that_is_not_heard_of(make: Make, tmp_path: Path) -> None:
    message = r"the samples of 3 processes, got nothing from process 1, 2 for \d+ s; see why"
    with pytest.raises(InputError, match=message):
        make(tmp_path / "set", crew=Crew(0, 3, 0.1))
    assert make(tmp_path / "set") is not None


def test_a_finished_dataset_stays(
    make: Make, whole: dict[str, bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "set"
    first = make(out)
    monkeypatch.setattr(run, "Worker", None)
    assert make(out) == first
    assert content(out) == whole


def test_other_settings_are_refused(make: Make, plan: Plan, tmp_path: Path) -> None:
    out = tmp_path / "set"
    make(out)
    before = content(out)
    other = replace(FILTERED, sampling=replace(FILTERED.sampling, seed=1))
    with pytest.raises(InputError, match="got another seed: 1, there 0; repeat that command"):
        make(out, other)
    with pytest.raises(InputError, match="another min_confidence: None, there"):
        make(out, replace(FILTERED, thresholds=Thresholds(adherence=0.5, near_duplicates=0.25)))
    assert content(out) == before


@pytest.mark.parametrize("name", ["notes.txt", "panoptic.json"])
def test_what_is_not_ours_stays(name: str, make: Make, tmp_path: Path) -> None:
    (tmp_path / name).write_text("{}")
    with pytest.raises(InputError, match="a new or empty folder"):
        make(tmp_path)
    assert content(tmp_path) == {name: b"{}"}


@pytest.mark.parametrize(
    "place", [(worker, "save_sample"), (journal.os, "write"), (merge, "report")]
)
def test_a_full_disk(
    place: tuple[Any, str],
    make: Make,
    whole: dict[str, bytes],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """One line, nothing is lost, and the same command goes on."""
    function, left = getattr(*place), 0 if place[0] is merge else 5

    def full(*arguments: Any, **options: Any) -> Any:
        nonlocal left
        left -= 1
        if left < 0:
            raise OSError(errno.ENOSPC, "No space left on device")
        return function(*arguments, **options)

    with monkeypatch.context() as patch:
        patch.setattr(*place, full)
        with pytest.raises(InputError, match="No space left on device; make room; the same"):
            make(tmp_path / "set")
    lines = sum(map(len, (p.read_text().splitlines() for p in tmp_path.rglob("part-*.jsonl"))))
    assert lines >= 5
    make(tmp_path / "set")
    assert content(tmp_path / "set") == whole


def test_a_bad_sample(
    make: Make, tmp_path: Path, whole: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its slot takes the next candidate, a line says so, and the others are as they were."""
    one = worker.Task.of(0, 2, 0, Caption("")).seed
    finish = run.Maker._whole

    def spoiled(self: Any, tasks: Any) -> Any:
        if any(task.seed == one for task in tasks):
            raise RuntimeError("it broke")
        return finish(self, tasks)

    monkeypatch.setattr(run.Maker, "_whole", spoiled)
    warnings: list[str] = []
    options = replace(FILTERED, thresholds=Thresholds())
    summary = make(tmp_path / "set", options, warn=warnings.append)
    assert warnings == ["sample 3, try 1: RuntimeError it broke; dropped"]
    assert summary == Summary(10, 10, 11, {"bad sample": 1})
    (dropped,) = records(tmp_path / "set", "dropped.jsonl")
    assert (dropped["image_id"], dropped["why"]) == (3, "RuntimeError it broke")
    assert [r["candidate"] for r in records(tmp_path / "set", "manifest.jsonl")] == [
        0, 0, 1, 0, 0, 0, 0, 0, 0, 0,
    ]  # fmt: skip


def test_tries_used_up(make: Make, tmp_path: Path) -> None:
    """Left out, with a count; the others keep their numbers."""
    options = replace(FILTERED, thresholds=Thresholds(0.52), tries=2, when_exhausted="drop")
    summary = make(tmp_path / "set", options)
    assert summary is not None
    assert 0 < summary.made < 10
    assert f"{10 - summary.made} left out, their tries used up" in str(summary)
    ids = [r["image_id"] for r in records(tmp_path / "set", "manifest.jsonl")]
    assert ids == sorted(ids) and len(ids) == summary.made
    assert validate(tmp_path / "set") == [], "no files of those that were left out"
    assert len(records(tmp_path / "set", "dropped.jsonl")) == summary.tried - summary.made


def test_sampling_goes_on_until_all_are_there(make: Make, tmp_path: Path) -> None:
    """A sample whose tries are used up takes another prompt: none is missing in the end."""
    options = replace(FILTERED, thresholds=Thresholds(0.52), tries=2)
    summary = make(tmp_path / "set", options)
    assert summary is not None
    assert summary.made == 10 and 0 < summary.replaced < 10
    assert f"{summary.replaced} took another prompt" in str(summary)
    kept = records(tmp_path / "set", "manifest.jsonl")
    assert [r["image_id"] for r in kept] == list(range(1, 11))
    prompts = ("a red box", "two red boxes on the ground", "a box below the sky")
    for r in kept:
        assert r["prompt"] == prompts[(r["image_id"] - 1 + r["candidate"] // 2) % 3]
        assert r["confidence"] >= 0.52
    assert sum(r["candidate"] >= 2 for r in kept) == summary.replaced
    make(tmp_path / "again", replace(options, sampling=replace(options.sampling, batch_size=9)))
    assert content(tmp_path / "again") == content(tmp_path / "set")


def test_a_hopeless_run_ends(make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run, "HOPELESS", 30)
    options = replace(FILTERED, count=1000, thresholds=Thresholds(0.99))
    message = r"got none of 32 candidates; dropped for confidence 32; ask for less, with another"
    for _ in range(2):
        with pytest.raises(InputError, match=message):
            make(tmp_path / "set", options)


def test_small_batches_are_filled() -> None:
    """Processors round by the number of rows where these are few."""
    assert [batch_of(size).batch_size for size in (1, 4, 6, 20)] == [4, 4, 6, 10]
    assert replace(FILTERED, count=1).batch_size == 4


@pytest.mark.slow
def test_the_shipped_model_at_any_batch_size(tmp_path: Path) -> None:
    shipped = PanopticDiffusionPipeline.from_pretrained("scenes")
    prompts = read_plan("compose", shipped.taxonomy, 0)
    for size in (1, 7):
        options = Options(5, Settings(steps=2, batch_size=size))
        synthesize(shipped, prompts, tmp_path / str(size), options)
    assert content(tmp_path / "1") == content(tmp_path / "7")


def test_samples_are_not_held(make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of thirty maps no more than two batches are in memory at a time."""
    maps: list[weakref.ref[Any]] = []
    save, most = worker.save_sample, []

    def counted(*arguments: Any) -> Any:
        maps.append(weakref.ref(arguments[4]))
        most.append(sum(m() is not None for m in maps))
        return save(*arguments)

    monkeypatch.setattr(worker, "save_sample", counted)
    options = replace(FILTERED, count=30, thresholds=Thresholds(near_duplicates=0.0))
    make(tmp_path / "set", options)
    assert len(most) >= 30
    assert max(most) <= 2 * options.batch_size


@pytest.mark.parametrize("near", [None, 0.25])
def test_the_best_instead(near: float | None, make: Make, tmp_path: Path) -> None:
    least = Thresholds(0.52, near_duplicates=near)
    options = replace(FILTERED, count=6, thresholds=least, tries=2, when_exhausted="best")
    summary = make(tmp_path / "set", options)
    assert summary is not None and summary.made == 6
    assert validate(tmp_path / "set") == []
    kept, dropped = (records(tmp_path / "set", f"{n}.jsonl") for n in ("manifest", "dropped"))
    assert len(dropped) == summary.tried - 6 > 0
    below = [r for r in kept if r["confidence"] < 0.52]
    assert below
    for record in below:
        others = [d for d in dropped if d["image_id"] == record["image_id"]]
        assert all(d["scores"]["confidence"] <= record["confidence"] for d in others)
    make(tmp_path / "again", replace(options, sampling=replace(options.sampling, batch_size=7)))
    assert content(tmp_path / "again") == content(tmp_path / "set")


def test_images_are_those_of_the_manifest(make: Make, pipe: Any, tmp_path: Path) -> None:
    """What is on disk is the kept candidate, not one that was tried before or after."""
    options = replace(FILTERED, thresholds=Thresholds(0.52, near_duplicates=0.25))
    options = replace(options, tries=3, clean=CleanUp(), when_exhausted="best")
    make(tmp_path / "set", options)
    folder = PanopticFolder.open(tmp_path / "set")
    maker = run.Maker(pipe, options.sampling, options.clean)
    for k, record in enumerate(records(tmp_path / "set", "manifest.jsonl")):
        task = worker.Task(k, 0, Caption(record["prompt"]), record["seed"])
        (made,) = maker([task])
        assert not isinstance(made, worker.Failure)
        assert np.array_equal(np.asarray(folder.image(k)), np.asarray(made.image))
        assert np.array_equal(folder.panoptic(k).ids, made.panoptic.ids)


def test_nothing_passes(make: Make, tmp_path: Path) -> None:
    options = replace(FILTERED, thresholds=Thresholds(0.99), tries=2, when_exhausted="drop")
    message = "got none of 20 candidates; dropped for confidence 20; ask for less"
    with pytest.raises(InputError, match=message):
        make(tmp_path / "set", options)
    assert not (tmp_path / "set/panoptic.json").exists()


def test_progress(make: Make, tmp_path: Path) -> None:
    seen: list[tuple[int, int, int]] = []
    make(tmp_path / "set", progress=lambda *state: seen.append(state))
    assert seen[0] == (0, 10, 0)
    assert all(total == 10 for _, total, _ in seen)
    assert seen[-1][2] > 0


def test_the_card(make: Make, tmp_path: Path) -> None:
    make(tmp_path / "set", replace(FILTERED, license="cc0-1.0"))
    text = (tmp_path / "set/README.md").read_text()
    _, head, body = text.split("---\n", 2)
    header = yaml.safe_load(head)
    assert header["license"] == "cc0-1.0"
    assert header["task_categories"] == ["image-segmentation", "text-to-image"]
    assert header["size_categories"] == ["n<1K"]
    for words in ("org/boxes", "![class balance](balance.svg)", "| box | 7 | thing |", "| seed |"):
        assert words in body
    assert (tmp_path / "set/balance.svg").read_text().startswith("<svg ")


def test_the_report_needs_no_other_file(make: Make, tmp_path: Path) -> None:
    summary = make(tmp_path / "set")
    assert summary is not None
    page = (tmp_path / "set/report.html").read_text()
    assert not re.findall(r'(?:src|href)="(?!data:)', page)
    for name, count in summary.dropped.items():
        assert f"Dropped: {name} ({count})" in page
    assert "differs by more than 0.25" in page
    assert page.count("<img ") > 10
    (near,) = re.findall(r"<h2>Dropped: near duplicate.*?(?=<h2>)", page, re.DOTALL)
    shown = re.findall(r"<figcaption>(\d+):", near)
    assert shown and len(shown) == len(set(shown)), "one of a sample"
    assert "<svg " in page


def test_jpeg(make: Make, tmp_path: Path) -> None:
    make(tmp_path / "set", replace(FILTERED, image_format="jpg", thresholds=Thresholds()))
    assert len(list((tmp_path / "set/images").glob("*.jpg"))) == 10
    assert validate(tmp_path / "set") == []


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"count": 0}, "count of 1 or more"),
        ({"tries": 0}, "tries of 1 or more"),
        ({"when_exhausted": "cry"}, "another, drop, best for what is exhausted, got 'cry'"),
        ({"image_format": "gif"}, "an image format png or jpg"),
        ({"clean": CleanUp(2.0)}, "a confidence for void in 0..1"),
        ({"clean": CleanUp(0.0, -1.0)}, "a least area of 0 or more"),
    ],
)
def test_options_that_make_no_sense(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        replace(FILTERED, **changes)
