"""Candidates: from their seeds alone, and bad ones without harm to the others."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
import torch

from pandiff.data.scenes import Caption
from pandiff.errors import InputError
from pandiff.pipeline import PanopticDiffusionPipeline
from pandiff.synthesis.generate import Settings
from pandiff.synthesis.synthesize.cleanup import CleanUp
from pandiff.synthesis.synthesize.maker import Candidate, Failure, Maker, Task

Call = Callable[..., Any]
BAD = "a bad prompt"


def tasks(*slots: int, prompt: str = "a red box") -> list[Task]:
    return [Task.of(0, slot, 0, Caption(prompt)) for slot in slots]


@pytest.fixture
def make(pipe: PanopticDiffusionPipeline) -> Maker:
    return Maker(pipe, Settings(steps=1, batch_size=4), CleanUp())


def same(one: Candidate | Failure, other: Candidate | Failure) -> bool:
    assert isinstance(one, Candidate) and isinstance(other, Candidate)
    images = np.array_equal(np.asarray(one.image), np.asarray(other.image))
    return images and one.panoptic == other.panoptic and one.confidence == other.confidence


def test_a_candidate_does_not_depend_on_the_others(make: Maker) -> None:
    all_four = make(tasks(0, 1, 2, 3))
    assert not same(all_four[0], all_four[1])
    (alone,) = make(tasks(2))
    assert same(alone, all_four[2])
    assert same(make(tasks(3, 1))[0], all_four[3])


def test_a_redrawn_candidate_keeps_its_map(pipe: PanopticDiffusionPipeline, make: Maker) -> None:
    settings = Settings(steps=1, batch_size=4, redraw=True, map_guidance_scale=2.0)
    again = Maker(pipe, settings, CleanUp())
    plain, redrawn = make(tasks(0, 1)), again(tasks(0, 1))
    for one, other in zip(plain, redrawn, strict=True):
        assert isinstance(one, Candidate) and isinstance(other, Candidate)
        assert one.panoptic == other.panoptic and one.confidence == other.confidence
        assert not np.array_equal(np.asarray(one.image), np.asarray(other.image))
    assert same(again(tasks(1))[0], redrawn[1])


def test_size_and_confidence(make: Maker) -> None:
    (made,) = make(tasks(0))
    assert isinstance(made, Candidate)
    assert made.image.size == made.panoptic.size == (64, 64)
    assert 0 < made.confidence < 1


def broken(pipe: PanopticDiffusionPipeline, spoil: Call) -> Call:
    """The pipeline's call, but for what `spoil` makes of the prompts and the result."""
    call = type(pipe).__call__

    def changed(self: PanopticDiffusionPipeline, prompts: Sequence[str], **options: Any) -> Any:
        return spoil(prompts, lambda: call(self, prompts, **options))

    return changed


def test_one_bad_sample_in_a_batch(
    make: Maker, pipe: PanopticDiffusionPipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    def spoil(prompts: Sequence[str], call: Call) -> Any:
        if BAD in prompts:
            raise RuntimeError("it broke\nhere")
        return call()

    whole = make(tasks(0, 1))
    monkeypatch.setattr(type(pipe), "__call__", broken(pipe, spoil))
    results = make([*tasks(0), *tasks(9, prompt=BAD), *tasks(1)])
    assert results[1] == Failure("RuntimeError it broke here")
    assert same(results[0], whole[0]) and same(results[2], whole[1])
    assert make(tasks(9, prompt=BAD)) == [Failure("RuntimeError it broke here")], "alone, too"


def test_a_model_that_makes_nothing(
    make: Maker, pipe: PanopticDiffusionPipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    def spoil(prompts: Sequence[str], call: Call) -> Any:
        raise RuntimeError("out of memory")

    monkeypatch.setattr(type(pipe), "__call__", broken(pipe, spoil))
    with pytest.raises(InputError, match="got RuntimeError out of memory; mend this; the same"):
        make(tasks(0, 1))


@pytest.mark.parametrize("part", ["images", "maps"])
def test_numbers_that_are_not_finite(
    part: str, make: Maker, pipe: PanopticDiffusionPipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    def spoil(prompts: Sequence[str], call: Call) -> Any:
        out = call()
        getattr(out, part)[1, 0, 0, 0] = torch.nan
        return out

    monkeypatch.setattr(type(pipe), "__call__", broken(pipe, spoil))
    first, second, third = make(tasks(0, 1, 2))
    assert second == Failure("not all of its numbers are finite")
    assert isinstance(first, Candidate) and isinstance(third, Candidate)


def test_a_map_of_void(pipe: PanopticDiffusionPipeline) -> None:
    make = Maker(pipe, Settings(steps=1, batch_size=1), CleanUp(void_below=1.0))
    assert make(tasks(0)) == [Failure("all of its map is void")]
