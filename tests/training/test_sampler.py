"""Which samples a step reads: every one once a pass, a share for each rank, resumed as a tail."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from pandiff.training.sampler import StepSampler

sizes = st.integers(1, 40)
seeds = st.integers(0, 2**40)


@given(samples=sizes, batch=sizes, seed=seeds)
def test_each_pass_reads_every_sample_once(samples: int, batch: int, seed: int) -> None:
    read = [k for part in StepSampler(samples, batch, seed, 0, 3 * samples) for k in part]
    for start in range(0, len(read) - samples + 1, samples):
        assert sorted(read[start : start + samples]) == list(range(samples))


@given(samples=sizes, batch=sizes, seed=seeds, start=st.integers(0, 20))
def test_a_resumed_run_reads_the_tail(samples: int, batch: int, seed: int, start: int) -> None:
    whole = list(StepSampler(samples, batch, seed, 0, 20))
    tail = StepSampler(samples, batch, seed, start, 20)
    assert list(tail) == whole[start:]
    assert len(tail) == 20 - start


@given(samples=sizes, share=st.integers(1, 8), world=st.integers(1, 4), seed=seeds)
def test_ranks_split_the_batch(samples: int, share: int, world: int, seed: int) -> None:
    whole = StepSampler(samples, share * world, seed, 0, 6)
    ranks = [StepSampler(samples, share * world, seed, 0, 6, r, world) for r in range(world)]
    for batch, *parts in zip(whole, *ranks, strict=True):
        assert [k for part in parts for k in part] == batch
        assert {len(part) for part in parts} == {share}


def test_passes_and_seeds_differ() -> None:
    first, second = StepSampler(50, 50, 0, 0, 2)
    assert first != second
    assert first != next(iter(StepSampler(50, 50, 1, 0, 1)))
