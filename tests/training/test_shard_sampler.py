"""Which samples of shards a step reads: each rank's share, resumed in the middle of an epoch."""

from __future__ import annotations

from itertools import islice

from hypothesis import given
from hypothesis import strategies as st

from pandiff.data.shards import ShardOrder
from pandiff.training.shard_sampler import ShardSampler

sizes = st.lists(st.integers(1, 6), min_size=1, max_size=6)


@given(sizes=sizes, batch=st.integers(1, 9), seed=st.integers(0, 2**40))
def test_steps_read_the_order(sizes: list[int], batch: int, seed: int) -> None:
    order = ShardOrder(sizes, seed, 2)
    read = [k for part in ShardSampler(order, batch, 0, 8) for k in part]
    assert read == [order[k] for k in range(8 * batch)]


@given(sizes=sizes, batch=st.integers(1, 9), start=st.integers(0, 12))
def test_a_resumed_run_reads_the_tail(sizes: list[int], batch: int, start: int) -> None:
    whole = ShardSampler(ShardOrder(sizes, 5), batch, 0, 12)
    tail = ShardSampler(ShardOrder(sizes, 5), batch, start, 12)
    assert list(tail) == list(islice(whole, start, None))
    assert len(tail) == 12 - start


@given(sizes=sizes, share=st.integers(1, 4), world=st.integers(1, 4))
def test_ranks_split_the_batch(sizes: list[int], share: int, world: int) -> None:
    whole = ShardSampler(ShardOrder(sizes, 5), share * world, 0, 6)
    ranks = [ShardSampler(ShardOrder(sizes, 5), share * world, 0, 6, r, world)
             for r in range(world)]  # fmt: skip
    for batch, *parts in zip(whole, *ranks, strict=True):
        assert [k for part in parts for k in part] == batch
        assert {len(part) for part in parts} == {share}
